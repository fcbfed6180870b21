"""Leftovers are sent again, round by round, against the simulator."""

from __future__ import annotations

import pytest

from airflow_provider_claude.errors import HopelessError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.settle.run import Settled, Settling, Waiting
from airflow_provider_claude.store import LoadedRecord
from tests.stages.conftest import Night
from tests.stages.submit.test_recover import in_

TEXTS = [f"mail {n}" for n in range(30)]


def settling(night: Night, **more: object) -> Settling:
    return Settling(**{"shard": night.run.shard(1), "job": night.job, "api": night.gateway, "clock": in_(0), **more})


def settle(night: Night, **more: object) -> LoadedRecord:
    """Settle to the end; every batch has ended when it is looked at a second time."""
    for _ in range(20):
        step = settling(night, **more).go_on()
        if isinstance(step, Settled):
            return step.loaded
    raise AssertionError("it never settles")


@pytest.fixture
def sent(night: Night, claude_simulator: SimulatorProcess) -> Night:
    return night.scanned(TEXTS, duplicates=(0,))


def first_round(night: Night, simulator: SimulatorProcess, **behaviour: float) -> LoadedRecord:
    simulator.behaviour(**behaviour)
    night.plan(rows=30)
    night.create()
    loaded = night.load()
    simulator.control("DELETE", "/behaviour")
    return loaded


@pytest.mark.parametrize("kind", ["expired", "errored", "missing", "invalid"])
def test_what_can_succeed_is_sent_again_and_answered(
    sent: Night, claude_simulator: SimulatorProcess, kind: str
) -> None:
    first_round(sent, claude_simulator, **BEHAVIOUR[kind])
    assert sent.run.shard(1).loaded().outcomes[kind] > 0  # type: ignore[union-attr]
    loaded = settle(sent)
    assert loaded.outcomes == {"succeeded": 31}
    assert loaded.round == 2


BEHAVIOUR = {
    "expired": {"expired": 0.5},
    "errored": {"errored": 0.5},
    "missing": {"missing": 0.5},
    "invalid": {"invalid_json": 0.5},
}


def test_only_the_unresolved_rows_are_sent_again(sent: Night, claude_simulator: SimulatorProcess) -> None:
    first_round(sent, claude_simulator, expired=0.3)
    settle(sent)
    assert claude_simulator.books()["same_content"]["requests"] == 0
    assert claude_simulator.books()["total"]["requests"] == 30


def test_a_shard_without_unresolved_rows_sends_nothing(sent: Night, claude_simulator: SimulatorProcess) -> None:
    first_round(sent, claude_simulator)
    settle(sent)
    assert claude_simulator.calls()["create"] == 1


def test_refused_rows_stay_refused(sent: Night, claude_simulator: SimulatorProcess) -> None:
    first_round(sent, claude_simulator, refusal=1.0)
    assert settle(sent).outcomes == {"refused": 31}
    assert claude_simulator.calls()["create"] == 1


def test_what_is_invalid_twice_ends_as_invalid_with_the_models_text(
    sent: Night, claude_simulator: SimulatorProcess
) -> None:
    first_round(sent, claude_simulator, invalid_json=1.0)
    claude_simulator.behaviour(invalid_json=1.0)
    loaded = settle(sent, rounds=5)
    assert loaded.outcomes == {"invalid": 31}
    assert loaded.round == 2
    row = sent.unresolved().to_pylist()[0]
    assert row["answer"]
    assert (row["tries"], row["invalid"]) == (2, 2)


def test_a_truncated_answer_gets_twice_the_room(sent: Night, claude_simulator: SimulatorProcess) -> None:
    import pyarrow.parquet as pq

    first_round(sent, claude_simulator, truncated=1.0)
    assert settle(sent).outcomes == {"succeeded": 31}
    manifest = pq.read_table(sent.run.shard(1).manifest(2).path)
    assert set(manifest["max_tokens"].to_pylist()) == {2 * sent.job.max_tokens}


def test_after_the_last_round_the_rest_is_abandoned(sent: Night, claude_simulator: SimulatorProcess) -> None:
    first_round(sent, claude_simulator, expired=1.0)
    claude_simulator.behaviour(expired=1.0)
    assert settle(sent, rounds=3).outcomes == {"expired": 31}
    assert claude_simulator.calls()["create"] == 4


def test_a_tried_again_row_counts_all_it_cost(sent: Night, claude_simulator: SimulatorProcess) -> None:
    from decimal import Decimal

    first_round(sent, claude_simulator, invalid_json=1.0)
    loaded = settle(sent)
    assert Decimal(loaded.cost_usd) == Decimal(claude_simulator.books()["total"]["cost_usd"])
    assert 0 < Decimal(loaded.retried_usd) < Decimal(loaded.cost_usd)


def test_a_round_that_is_on_its_way_is_taken_up_and_not_paid_again(
    sent: Night, claude_simulator: SimulatorProcess
) -> None:
    first_round(sent, claude_simulator, expired=0.5)
    claude_simulator.pace("polls:3")
    first, second = settling(sent).go_on(), settling(sent).go_on()
    assert first == second
    assert isinstance(first, Waiting)
    assert settle(sent).outcomes == {"succeeded": 31}
    assert claude_simulator.calls()["create"] == 2


def test_loading_again_while_a_round_is_away_lands_what_is_here(
    sent: Night, claude_simulator: SimulatorProcess
) -> None:
    before = first_round(sent, claude_simulator, expired=0.5)
    claude_simulator.pace("polls:9")
    settling(sent).go_on()
    assert sent.load().outcomes == before.outcomes


def test_no_credit_stops_the_shard_with_one_message(sent: Night, claude_simulator: SimulatorProcess) -> None:
    first_round(sent, claude_simulator)
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = sent.run.shard(1).file("unresolved.parquet").path
    broke = {"ordinal": 0, "item_id": "a", "outcome": "errored", "reason": "billing_error: no credit",
             "error_type": "billing_error", "tries": 1, "invalid": 0, "cost_usd": 0}  # fmt: skip
    schema = pq.read_schema(path)
    pq.write_table(pa.Table.from_pylist([broke], schema), path)
    with pytest.raises(HopelessError, match="no credit"):
        settle(sent)
    assert claude_simulator.calls()["create"] == 1


def test_planning_again_while_the_trials_leftover_is_away_finds_the_trial(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.behaviour(truncated=1.0)
    night.scanned(TEXTS).plan(rows=30, trial=True)
    claude_simulator.control("DELETE", "/behaviour")
    claude_simulator.pace("polls:99")
    assert isinstance(settling(night, shard=night.run.shard(0)).go_on(), Waiting)
    night.plan(rows=30, trial=True)
    assert claude_simulator.calls()["messages"] == 1
