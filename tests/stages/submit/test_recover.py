"""What a shard does about attempts whose fate is not on record: against the simulator's own list of batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airflow_provider_claude.errors import HoldError, IncompleteError, PendingError, StateError, Transient
from airflow_provider_claude.gateway.batch_info import BatchInfo, Body
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.cost.spent import spent_by
from airflow_provider_claude.stages.deadline.abandon import leave
from airflow_provider_claude.stages.submit.collect_late import collect_late_of, has_left
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import AbandonedRecord, AccountFolder, ShardFolder, write_record
from tests.stages.conftest import Night

TEXTS = [f"mail {n}" for n in range(12)]


def in_(seconds: float) -> Callable[[], str]:
    """A clock that is ahead of the real one."""

    def now() -> str:
        return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()

    return now


def later(shard: ShardFolder, night: Night) -> str:
    """Create again, after the earlier sender must have stopped."""
    return create(shard, night.gateway, clock=in_(300))


@pytest.fixture
def orphaned(night: Night, claude_simulator: SimulatorProcess) -> ShardFolder:
    """A shard whose batch was created, and whose answer never came."""
    night.scanned(TEXTS).plan()
    claude_simulator.fault("reset_after_accept", route="create")
    with pytest.raises(Transient):
        create(night.run.shard(1), night.gateway, clock=in_(0))
    return night.run.shard(1)


def test_a_shard_waits_while_its_sender_may_still_be_at_it(orphaned: ShardFolder, night: Night) -> None:
    with pytest.raises(PendingError, match="may still be sending") as pending:
        create(orphaned, night.gateway, clock=in_(1))
    assert 160 < (pending.value.retry_after or 0) < 190


def test_a_batch_that_was_created_without_an_answer_is_found_and_not_paid_again(
    orphaned: ShardFolder, night: Night, claude_simulator: SimulatorProcess
) -> None:
    batch_id = later(orphaned, night)
    assert claude_simulator.calls()["create"] == 1
    assert night.load().outcomes == {"succeeded": 5}
    assert night.answers()["claude_batch_id"][0].as_py() == batch_id


def test_a_call_that_never_arrived_is_made_after_all(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS).plan()
    claude_simulator.fault("error_500", route="create")
    with pytest.raises(Transient):
        create(night.run.shard(1), night.gateway, clock=in_(0))
    assert later(night.run.shard(1), night).startswith("msgbatch_")
    assert night.run.shard(1).voided(1) is not None
    assert claude_simulator.books()["same_content"]["requests"] == 0


def test_a_batch_of_another_shard_is_never_adopted(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS).plan()
    other = create(night.run.shard(2), night.gateway, clock=in_(0))
    claude_simulator.fault("error_500", route="create")
    with pytest.raises(Transient):
        create(night.run.shard(1), night.gateway, clock=in_(0))
    assert later(night.run.shard(1), night) != other


def test_an_adopted_batch_that_is_anothers_is_abandoned_and_its_rows_are_settled(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    from upath import UPath

    from airflow_provider_claude.store import RunFolder

    night.scanned(TEXTS).plan()
    claude_simulator.fault("error_500", route="create")
    with pytest.raises(Transient):
        create(night.run.shard(1), night.gateway, clock=in_(0))
    elsewhere = Night(RunFolder(UPath(f"{night.run}-elsewhere")), night.gateway)
    elsewhere.scanned([text.upper() for text in TEXTS]).plan()
    foreign = create(elsewhere.run.shard(1), night.gateway, clock=in_(0))
    assert later(night.run.shard(1), night) == foreign
    assert night.load().outcomes == {"missing": 5}
    assert night.run.shard(1).voided(1).batch_id == foreign  # type: ignore[union-attr]
    assert unsure(night) == 0
    assert later(night.run.shard(1), night) != foreign
    assert night.load().outcomes == {"succeeded": 5}
    assert claude_simulator.calls().get("cancel", 0) == 0


def unsure(night: Night) -> int:
    """How many requests of shard 1 may have been paid for."""
    return sum(one.unsure for one in spent_by(night.run) if one.shard == 1)


def test_an_adopted_batch_that_was_left_at_its_cutoff_and_proves_to_be_anothers_has_cost_nothing(
    orphaned: ShardFolder, night: Night, claude_simulator: SimulatorProcess
) -> None:
    [mine] = night.gateway.batches(since=0)
    night.gateway.delete_batch(mine.id)
    foreign = a_foreign_batch_beside(night)
    assert later(orphaned, night) == foreign
    leave(orphaned, foreign, now=in_(300)())
    assert unsure(night) == 5
    collect_late_of(night.run, night.gateway, in_(400))
    assert unsure(night) == 0
    voided = orphaned.voided(1)
    assert voided is not None
    assert (voided.paid, "left at its cutoff" in voided.reason, "another's" in voided.reason) == (
        False,
        True,
        True,
    )
    assert not has_left(orphaned)
    work = AccountFolder(night.run.path, night.run.need_plan().account)
    claim = work.claimed(foreign)
    assert claim is None or claim.shard != work.name_of(orphaned)


def test_a_lost_create_that_was_left_at_its_cutoff_and_of_which_there_is_no_batch_has_cost_nothing(
    orphaned: ShardFolder, night: Night
) -> None:
    [mine] = night.gateway.batches(since=0)
    night.gateway.delete_batch(mine.id)
    abandoned = AbandonedRecord(attempt=1, batch_id=None, at=in_(0)())
    write_record(orphaned.file("1.abandoned.json"), abandoned)
    orphaned.void(1, None, "left at its cutoff", in_(0)())
    collect_late_of(night.run, night.gateway, in_(1))
    assert unsure(night) == 5, "the list may not show it yet"
    collect_late_of(night.run, night.gateway, in_(400))
    assert unsure(night) == 0


def a_foreign_batch_beside(night: Night) -> str:
    """A batch of another run under another work folder, of the same size and time."""
    from upath import UPath

    from airflow_provider_claude.store import RunFolder

    elsewhere = Night(RunFolder(UPath(f"{night.run}-elsewhere")), night.gateway)
    elsewhere.scanned([text.upper() for text in TEXTS]).plan()
    return create(elsewhere.run.shard(1), night.gateway, clock=in_(0))


def test_of_several_batches_that_have_ended_the_custom_ids_say_which_is_it(
    orphaned: ShardFolder, night: Night, claude_simulator: SimulatorProcess
) -> None:
    foreign = a_foreign_batch_beside(night)
    assert later(orphaned, night) != foreign
    assert claude_simulator.calls()["create"] == 2
    assert night.load().outcomes == {"succeeded": 5}


def test_where_all_of_several_batches_are_anothers_the_rows_are_sent(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS).plan()
    claude_simulator.fault("error_500", route="create")
    with pytest.raises(Transient):
        create(night.run.shard(1), night.gateway, clock=in_(0))
    unmatched = {a_foreign_batch_beside(night)}
    for key in ("-a", "-b"):
        body = '{"requests": [' + ",".join(_request(f"{key}{n}") for n in range(5)) + "]}"
        unmatched.add(_post(claude_simulator, body))
    assert later(night.run.shard(1), night) not in unmatched
    assert night.load().outcomes == {"succeeded": 5}


def _request(name: str) -> str:
    return (
        f'{{"custom_id": "x{name}", "params": {{"model": "claude-haiku-5-5", "max_tokens": 9, '
        f'"messages": [{{"role": "user", "content": "{name}"}}]}}}}'
    )


def _post(simulator: SimulatorProcess, body: str) -> str:
    import anthropic

    with anthropic.Anthropic(base_url=simulator.base_url, api_key="k", max_retries=0) as client:
        return client.messages.batches.create(requests=json.loads(body)["requests"]).id


def test_while_one_of_several_batches_goes_on_the_shard_waits(
    orphaned: ShardFolder, night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.pace("polls:99")
    for _ in range(2):
        _post(claude_simulator, '{"requests": [' + ",".join(_request(f"c{n}") for n in range(5)) + "]}")
    assert later(orphaned, night).startswith("msgbatch_")  # its own has ended, and proves it
    claude_simulator.fault("error_500", route="create")
    with pytest.raises(Transient):
        create(night.run.shard(2), night.gateway, clock=in_(0))
    with pytest.raises(PendingError):
        later(night.run.shard(2), night)


def test_several_batches_whose_results_do_not_tell_are_held_for_a_person(
    orphaned: ShardFolder, night: Night, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = a_foreign_batch_beside(night)
    monkeypatch.setattr(night.gateway, "results", lambda _: iter([b"<html>\n"]))
    with pytest.raises(HoldError, match=foreign) as hold:
        later(orphaned, night)
    assert f"claude-batch adopt {orphaned}" in str(hold.value)
    assert claude_simulator.calls()["create"] == 2


def test_several_batches_whose_results_are_refused_are_held_like_those_whose_results_do_not_tell(
    orphaned: ShardFolder, night: Night, claude_simulator: SimulatorProcess
) -> None:
    foreign = a_foreign_batch_beside(night)
    claude_simulator.fault("permission", route="results", times=None)
    with pytest.raises(HoldError, match=foreign):
        later(orphaned, night)


def test_of_two_workers_with_the_same_decision_one_sends(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS).plan()
    shard, sent = night.run.shard(1), []

    def other_worker_first() -> str:
        if not sent:
            sent.append(None)
            sent[0] = create(shard, night.gateway, clock=in_(0))
        return in_(0)()

    # the clock is looked at between the decision and the intent
    with pytest.raises(PendingError):
        create(shard, night.gateway, clock=_on_look(2, other_worker_first))
    assert claude_simulator.calls()["create"] == 1


def _from(ticks: Iterator[int]) -> Callable[[], str]:
    def now() -> str:
        return in_(next(ticks))()

    return now


def _on_look(number: int, action: Callable[[], str]) -> Callable[[], str]:
    looks = iter(range(1, 1000))
    return lambda: action() if next(looks) >= number else in_(0)()


def test_a_body_that_takes_too_long_is_not_sent_to_its_end(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS).plan()
    ticks = iter([0, 0, 0, *[10_000] * 1000])  # the decision, the record of spending, the intent; then the body
    with pytest.raises(Transient):
        create(night.run.shard(1), night.gateway, clock=_from(ticks))
    assert claude_simulator.books()["total"]["requests"] == 0


def test_changed_content_cancels_the_old_batch_and_keeps_what_it_answered(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS).plan(rows=12)
    claude_simulator.pace("polls:3")
    night.create()
    night.scanned([*TEXTS[:-1], "changed"])
    with pytest.raises(PendingError, match="being cancelled"):
        night.plan(rows=12)
    assert claude_simulator.calls()["cancel"] == 1
    claude_simulator.advance(3600)
    night.plan(rows=12)
    night.create()
    assert claude_simulator.books()["same_content"]["requests"] == 0


def test_an_unreadable_claim_is_an_error_and_not_an_absence(orphaned: ShardFolder, night: Night) -> None:
    for info in night.gateway.batches(since=0):
        own = AccountFolder(night.run.path, night.run.need_plan().account).own
        path = Path(own.path, "batches", f"{info.id}.json")
        path.parent.mkdir(exist_ok=True)
        path.write_text("{")
    with pytest.raises(StateError, match="not a readable ClaimRecord"):
        later(orphaned, night)


def two_orphans_that_look_alike(night: Night, simulator: SimulatorProcess) -> tuple[ShardFolder, ShardFolder]:
    """A shard whose create never arrived, and one of another run whose create did."""
    from upath import UPath

    from airflow_provider_claude.core.plan.cut_shards import Limits
    from airflow_provider_claude.stages.plan.plan_settings import Settings
    from airflow_provider_claude.stages.plan.run import plan
    from airflow_provider_claude.store import RunFolder

    simulator.pace("polls:9")
    settings = Settings(limits=Limits(rows=5), trial=False, work=UPath(Path(night.run.path.path).parent))
    nights = night, Night(RunFolder(UPath(f"{night.run}-other")), night.gateway)
    for one, texts, fault in zip(
        nights, (TEXTS, [text.upper() for text in TEXTS]), ("error_500", "reset_after_accept"), strict=True
    ):
        one.scanned(texts)
        plan(one.run, one.job, one.gateway, settings=settings, clock=in_(0))
        simulator.fault(fault, route="create")
        with pytest.raises(Transient):
            create(one.run.shard(1), one.gateway, clock=in_(0))
    return nights[0].run.shard(1), nights[1].run.shard(1)


def wait_for_the_end(night: Night, batch_id: str) -> None:
    while night.gateway.batch(batch_id).status != "ended":
        pass


def test_two_lost_calls_of_one_size_are_never_both_paid(night: Night, claude_simulator: SimulatorProcess) -> None:
    from airflow_provider_claude.stages.load.run import load

    nobody, owner = two_orphans_that_look_alike(night, claude_simulator)
    taken = later(nobody, night)
    with pytest.raises(PendingError, match="checking"):  # whose it is shows when it has ended
        later(owner, night)
    wait_for_the_end(night, taken)
    load(nobody, night.job, night.gateway, clock=in_(300))
    assert later(owner, night) == taken
    wait_for_the_end(night, later(nobody, night))
    for shard in (nobody, owner):
        assert load(shard, night.job, night.gateway, clock=in_(300)).outcomes == {"succeeded": 5}
    assert claude_simulator.books()["same_content"]["requests"] == 0


def test_a_batch_that_another_has_adopted_and_never_loads_proves_whose_it_is(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    nobody, owner = two_orphans_that_look_alike(night, claude_simulator)
    taken = later(nobody, night)
    with pytest.raises(PendingError, match="checking"):
        later(owner, night)
    wait_for_the_end(night, taken)
    assert later(owner, night) == taken
    assert later(nobody, night) == taken  # until it loads, and sees that the rows are not its own
    assert claude_simulator.books()["same_content"]["requests"] == 0


def test_a_page_that_is_no_result_proves_nothing(
    night: Night, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody, owner = two_orphans_that_look_alike(night, claude_simulator)
    wait_for_the_end(night, later(nobody, night))
    monkeypatch.setattr(night.gateway, "results", lambda _: iter([b"<html>\n"]))
    with pytest.raises(PendingError, match="checking"):
        later(owner, night)


def test_an_adopted_batch_is_never_cancelled_before_its_results_have_shown_whose_it_is(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    from upath import UPath

    from airflow_provider_claude.core.plan.cut_shards import Limits
    from airflow_provider_claude.stages.plan.plan_settings import Settings
    from airflow_provider_claude.stages.plan.run import plan
    from airflow_provider_claude.store import RunFolder

    claude_simulator.pace("polls:99")
    night.scanned(TEXTS).plan()
    claude_simulator.fault("error_500", route="create")
    with pytest.raises(Transient):
        create(night.run.shard(1), night.gateway, clock=in_(0))
    elsewhere = Night(RunFolder(UPath(f"{night.run}-elsewhere")), night.gateway)
    elsewhere.scanned([text.upper() for text in TEXTS]).plan()
    create(elsewhere.run.shard(1), night.gateway, clock=in_(0))
    night.scanned([*TEXTS[1:], "changed"])
    settings = Settings(limits=Limits(rows=5), trial=False)
    with pytest.raises(PendingError, match="not cancelled until then"):
        plan(night.run, night.job, night.gateway, settings=settings, clock=in_(600))
    assert claude_simulator.calls().get("cancel", 0) == 0


def test_a_sender_that_comes_too_late_cancels_what_it_sent(night: Night, claude_simulator: SimulatorProcess) -> None:
    claude_simulator.pace("polls:99")
    night.scanned(TEXTS).plan()
    shard, real = night.run.shard(1), night.gateway.create_batch

    def slowly(body: Body) -> BatchInfo:
        info = real(body)
        shard.void(1, None, "another task gave it up", in_(0)())
        return info

    night.gateway.create_batch = slowly  # type: ignore[method-assign]
    with pytest.raises(PendingError, match="cancelled at once"):
        create(shard, night.gateway, clock=in_(0))
    assert claude_simulator.calls()["cancel"] == 1


def test_a_page_that_is_no_result_is_never_taken_for_results(night: Night) -> None:
    from airflow_provider_claude.stages.load.run import load

    night.scanned(TEXTS).plan()
    night.create()
    for page in (b"", b"<html>\n" * 50, b'{"error": "blocked"}\n' * 50):
        night.gateway.results = lambda _, page=page: iter([page])  # type: ignore[method-assign,misc]
        with pytest.raises(IncompleteError, match="name none of the 5 requests"):
            load(night.run.shard(1), night.job, night.gateway, clock=in_(0))
        assert not night.run.shard(1).results(1).exists()
