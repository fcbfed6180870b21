from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pyarrow.parquet as pq
import pytest

from airflow_provider_claude.core.requests.request_bytes import custom_id
from airflow_provider_claude.errors import ClaudeError, StateError, Terminal
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from tests.stages.conftest import Night

TEXTS = [f"mail {n}" for n in range(12)]


def test_a_shard_becomes_one_batch_of_its_rows(night: Night) -> None:
    night.scanned(TEXTS).plan(rows=9)
    info = night.gateway.batch(night.create())
    assert sum(info.counts.values()) == 9


def test_created_again_it_is_the_same_batch_and_costs_nothing(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS).plan()
    assert night.create() == night.create()
    assert claude_simulator.calls()["create"] == 1


def test_the_manifest_says_what_was_sent_as_which_custom_id(night: Night) -> None:
    [_, shard, _] = night.scanned(TEXTS).plan(rows=5).shards
    night.create(2)
    manifest = pq.read_table(night.run.shard(2).file("1.manifest.parquet").path)
    assert manifest["item_id"].to_pylist() == [f"mail-{n}" for n in range(5, 10)]
    assert manifest["custom_id"].to_pylist() == [custom_id(shard.fingerprint, n) for n in range(5)]
    assert manifest["sender"][0].as_py() == "s5@example.org"


@pytest.mark.parametrize("fault", ["error_529", "rate_limit", "billing", "bad_key", "reset_before_accept"])
def test_the_create_call_is_never_retried_by_itself(
    night: Night, claude_simulator: SimulatorProcess, fault: str
) -> None:
    night.scanned(TEXTS).plan()
    claude_simulator.fault(fault, times=5, route="create")
    with pytest.raises(ClaudeError):
        night.create()
    assert claude_simulator.calls()["create"] == 1


@pytest.mark.parametrize("fault", ["error_529", "rate_limit", "billing", "bad_key", "html_413"])
def test_after_a_call_that_was_surely_refused_the_task_can_simply_be_retried(
    night: Night, claude_simulator: SimulatorProcess, fault: str
) -> None:
    night.scanned(TEXTS).plan()
    claude_simulator.fault(fault, route="create")
    with pytest.raises(ClaudeError):
        night.create()
    assert night.create().startswith("msgbatch_")


def test_items_that_changed_since_the_plan_are_not_sent(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS).plan()
    night.scanned([text.upper() for text in TEXTS])
    with pytest.raises(StateError, match="no longer those of the plan"):
        night.create()
    assert claude_simulator.calls().get("create", 0) == 0
    assert night.run.shard(1).attempts() == []


def test_changed_content_is_a_new_attempt_beside_the_old_one(night: Night) -> None:
    night.scanned(TEXTS).plan()
    first = night.create()
    night.scanned([text.upper() for text in TEXTS]).plan()
    assert night.create() != first
    assert night.run.shard(1).attempts() == [1, 2]


def test_a_shard_that_is_not_in_the_plan_is_refused(night: Night) -> None:
    night.scanned(TEXTS).plan()
    with pytest.raises(StateError, match="no shard 9"):
        night.create(9)


def test_an_unreadable_record_is_never_taken_for_an_absent_one(night: Night) -> None:
    night.scanned(TEXTS).plan()
    night.create()
    Path(night.run.shard(1).file("1.submitted.json").path).write_text("{")
    with pytest.raises(Terminal, match="not a readable SubmittedRecord"):
        night.create()


def test_a_connection_that_cannot_be_made_leaves_nothing_on_record(night: Night) -> None:
    def connect() -> NoReturn:
        raise RuntimeError("no such connection")

    night.scanned(TEXTS).plan()
    night.gateway = Gateway(connect)
    with pytest.raises(RuntimeError):
        night.create()
    assert night.run.shard(1).attempts() == []
