from __future__ import annotations

import pytest

from airflow_provider_claude.cli.cancel import cancel
from airflow_provider_claude.cli.facts import look
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.load.run import load
from tests.cli.conftest import JOB, Night, Terminal, now


def yes(_question: str) -> bool:
    return True


def no(_question: str) -> bool:
    return False


@pytest.fixture
def sent(night: Night, claude_simulator: SimulatorProcess) -> Night:
    """A night of two batches that take their time."""
    claude_simulator.pace("seconds:3600")
    night.scan(8).plan()
    night.create(1)
    night.create(2)
    return night


def test_all_batches_of_a_run_are_cancelled_after_they_were_named(
    sent: Night, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    asked: list[str] = []
    assert cancel(look(sent.run), None, gateway, out, sure=lambda question: not asked.append(question + out.text)) == 0
    ids = [sent.shard(n).submitted(1).batch_id for n in (1, 2)]
    assert "Cancel 2 of these batches?" in asked[0]
    assert all(batch_id in asked[0] for batch_id in ids)
    assert "What they have answered is billed, and will be used" in asked[0]
    assert [gateway.batch(batch_id).status for batch_id in ids] == ["canceling"] * 2
    assert claude_simulator.calls()["cancel"] == 2


def test_without_a_yes_nothing_is_cancelled(
    sent: Night, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    assert cancel(look(sent.run), None, gateway, out, sure=no) == 1
    assert "Nothing was cancelled." in out.text
    assert claude_simulator.calls().get("cancel", 0) == 0


def test_one_shard_can_be_cancelled_alone(sent: Night, gateway: Gateway, out: Terminal) -> None:
    assert cancel(look(sent.run), 2, gateway, out, sure=yes) == 0
    assert gateway.batch(sent.shard(1).submitted(1).batch_id).status == "in_progress"
    assert gateway.batch(sent.shard(2).submitted(1).batch_id).status == "canceling"


def test_what_was_cancelled_is_taken_up_when_the_tasks_are_run_again(
    sent: Night, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    cancel(look(sent.run), 1, gateway, out, sure=yes)
    claude_simulator.advance(60)
    batch_id = sent.shard(1).submitted(1).batch_id
    assert sent.create(1) == batch_id
    assert load(sent.shard(1), JOB, gateway, clock=now).outcomes == {"canceled": 4}


def test_what_is_cancelled_already_is_left_alone(
    sent: Night, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    cancel(look(sent.run), None, gateway, out, sure=yes)
    assert cancel(look(sent.run), None, gateway, out, sure=yes) == 0
    assert "there is nothing to cancel" in out.text
    assert claude_simulator.calls()["cancel"] == 2


def test_a_batch_that_has_ended_or_is_gone_is_shown_and_not_cancelled(
    sent: Night, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.advance(4000)
    gateway.batch(sent.shard(1).submitted(1).batch_id)
    gateway.delete_batch(sent.shard(1).submitted(1).batch_id)
    assert cancel(look(sent.run), None, gateway, out, sure=no) == 0
    assert "not known to the API" in out.row("1")
    assert "ended" in out.row("2")


def test_a_batch_that_ends_in_that_very_moment_is_no_error(
    sent: Night, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    def late(_question: str) -> bool:
        claude_simulator.advance(4000)
        return bool([gateway.batch(sent.shard(n).submitted(1).batch_id) for n in (1, 2)])

    assert cancel(look(sent.run), None, gateway, out, sure=late) == 0
    assert out.text.count("has ended by itself meanwhile") == 2


def test_where_the_api_fails_for_one_batch_the_others_are_cancelled_and_it_is_said(
    sent: Night, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.fault("error_529", times=3, route="cancel")
    assert cancel(look(sent.run), None, gateway, out, sure=yes) == 1
    first, second = (sent.shard(n).submitted(1).batch_id for n in (1, 2))
    assert f"{first}: NOT cancelled: " in out.text
    assert f"{second}: canceling" in out.text


def test_an_attempt_without_a_batch_id_is_named_because_it_cannot_be_cancelled(
    sent: Night, gateway: Gateway, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.fault("reset_after_accept", route="create")
    sent.shard(2).file("1.submitted.json").unlink()
    cancel(look(sent.run), None, gateway, out, sure=no)
    assert "Shard 2, attempt 1 has no batch id and cannot be cancelled from here" in out.text
    assert "Cancel 1 of these" not in out.text
