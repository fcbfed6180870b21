from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from airflow_provider_claude.cli.hold import adopt, resend
from airflow_provider_claude.errors import HoldError, StateError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.store import AccountFolder, ClaimRecord, list_names
from tests.cli.conftest import JOB, Night, Terminal, now

LATER = {"minutes": 10}


@pytest.fixture
def lost(night: Night, claude_simulator: SimulatorProcess) -> Night:
    """A night whose first shard was sent, and its batch id lost."""
    night.scan(8).plan()
    claude_simulator.fault("reset_after_accept", route="create")
    night.lose()
    return night


def batches(gateway: Gateway) -> list[str]:
    """The workspace's batches, oldest first."""
    return [info.id for info in gateway.batches(since=0.0)][::-1]


def test_after_a_hold_the_batch_that_a_person_names_is_taken_up_and_lands(
    lost: Night,
    a_night: Callable[..., Night],
    work: AccountFolder,
    gateway: Gateway,
    out: Terminal,
    claude_simulator: SimulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = a_night("2026-11-21")
    other.scan(8).plan()
    claude_simulator.fault("reset_after_accept", route="create")
    other.lose()
    with monkeypatch.context() as blocked:
        blocked.setattr(gateway, "results", lambda _: iter([b"<html>\n"]))
        with pytest.raises(HoldError) as hold:
            lost.create(later=True)
    [mine, _] = batches(gateway)
    assert mine in str(hold.value)
    assert f"claude-batch adopt {lost.shard()} <batch id>" in str(hold.value)

    assert adopt(lost.shard(), work, mine, gateway, out, now=now(**LATER)) == 0
    assert f"is now batch {mine}: 4 requests" in out.text
    assert lost.shard().submitted(1).adopted
    assert work.claimed(mine) == ClaimRecord(batch_id=mine, shard=work.name_of(lost.shard()), attempt=1)
    assert lost.create(later=True) == mine
    assert load(lost.shard(), JOB, gateway, clock=now).outcomes == {"succeeded": 4}
    assert claude_simulator.calls()["create"] == 2


def test_a_batch_that_the_api_does_not_know_is_refused(lost: Night, work: AccountFolder, gateway: Gateway) -> None:
    with pytest.raises(StateError, match="does not know batch msgbatch_none"):
        adopt(lost.shard(), work, "msgbatch_none", gateway, Terminal(), now=now(**LATER))
    assert not lost.shard().file("1.submitted.json").exists()


def test_a_batch_of_another_size_is_refused(
    lost: Night, a_night: Callable[..., Night], work: AccountFolder, gateway: Gateway
) -> None:
    other = a_night("2026-11-21")
    other.scan(3).plan()
    with pytest.raises(StateError, match=r"has 3 requests; attempt 1 of .* was to send 4"):
        adopt(lost.shard(), work, other.create(), gateway, Terminal(), now=now(**LATER))
    assert not lost.shard().file("1.submitted.json").exists()


def test_a_batch_that_another_attempt_claims_is_refused(
    lost: Night, a_night: Callable[..., Night], work: AccountFolder, gateway: Gateway
) -> None:
    other = a_night("2026-11-21")
    other.scan(4).plan()
    with pytest.raises(StateError, match="is attempt 1 of dag/group/2026-11-21/shards/00001"):
        adopt(lost.shard(), work, other.create(), gateway, Terminal(), now=now(**LATER))
    assert not lost.shard().file("1.submitted.json").exists()


def test_a_batch_of_another_shard_of_the_run_is_refused(lost: Night, work: AccountFolder, gateway: Gateway) -> None:
    with pytest.raises(StateError, match="is attempt 1 of dag/group/2026-11-22/shards/00002"):
        adopt(lost.shard(1), work, lost.create(2), gateway, Terminal(), now=now(**LATER))


@pytest.mark.parametrize("what", ["../../etc", "msgbatch/../1", "", "a b"])
def test_what_is_no_batch_id_reaches_neither_the_api_nor_a_file_name(
    lost: Night, work: AccountFolder, gateway: Gateway, what: str, claude_simulator: SimulatorProcess
) -> None:
    before = claude_simulator.calls()
    with pytest.raises(Exception, match="is not a batch id"):
        adopt(lost.shard(), work, what, gateway, Terminal(), now=now(**LATER))
    assert claude_simulator.calls() == before
    assert list_names(work.own / "batches") == []


def test_nothing_is_decided_while_the_sender_may_still_be_sending(
    lost: Night, work: AccountFolder, gateway: Gateway
) -> None:
    [batch_id] = batches(gateway)
    with pytest.raises(StateError, match=r"may still be sending.*Try again in \d+ s"):
        adopt(lost.shard(), work, batch_id, gateway, Terminal(), now=now())
    with pytest.raises(StateError, match="may still be sending"):
        resend(lost.shard(), Terminal(), now=now())


def test_where_every_attempt_has_its_batch_there_is_nothing_to_decide(
    night: Night, work: AccountFolder, gateway: Gateway
) -> None:
    night.scan().plan()
    batch_id = night.create()
    with pytest.raises(StateError, match="waits for a decision"):
        adopt(night.shard(), work, batch_id, gateway, Terminal(), now=now(**LATER))
    with pytest.raises(StateError, match="waits for a decision"):
        resend(night.shard(), Terminal(), now=now(**LATER))


def test_an_adoption_that_was_cut_short_after_its_claim_can_be_repeated(
    lost: Night, work: AccountFolder, gateway: Gateway, out: Terminal
) -> None:
    [batch_id] = batches(gateway)
    work.claim(lost.shard(), 1, batch_id)
    assert adopt(lost.shard(), work, batch_id, gateway, out, now=now(**LATER)) == 0
    assert lost.create() == batch_id


def test_a_shard_that_is_sent_again_pays_for_a_new_batch_the_next_time_it_is_created(
    lost: Night, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    assert resend(lost.shard(), out, now=now(**LATER)) == 0
    assert "The next run of the create task pays for a new batch" in out.text
    assert "a person decided" in lost.shard().voided(1).reason
    assert lost.create() not in batches(gateway)[:1]
    assert lost.shard().attempts() == [1, 2]
    assert claude_simulator.calls()["create"] == 2


def test_another_attempt_that_waits_for_a_decision_is_named(
    lost: Night, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    first = lost.shard().file("1.intent.json").read_bytes()
    lost.shard().file("2.intent.json").write_bytes(re.sub(rb'"attempt": 1', b'"attempt": 2', first))
    resend(lost.shard(), out, now=now(**LATER))
    assert lost.shard().voided(2)
    assert "Attempt 1 has no batch id either" in out.text


def test_a_shard_whose_batch_was_deleted_before_it_was_loaded_is_sent_again(
    night: Night, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    night.scan().plan()
    batch_id = night.create()
    while gateway.batch(batch_id).status != "ended":
        pass
    gateway.delete_batch(batch_id)
    assert resend(night.shard(), out, now=now(), deleted_at=gateway) == 0
    assert "no longer knows" in night.shard().voided(1).reason
    assert night.create() != batch_id
