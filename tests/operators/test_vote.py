"""The task that asks for third answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from msgspec.structs import replace
from upath import UPath

from airflow_provider_claude.core.task_ref import TaskRef
from airflow_provider_claude.operators.vote import ClaudeVoteOperator
from airflow_provider_claude.stages.vote import ask_votes
from airflow_provider_claude.store import write_record
from tests.operators.test_shard import JOB
from tests.stages.run_folder import Night, Shard, build
from tests.test_failure import context


@pytest.mark.parametrize("states", [{"scan": "failed", "plan": "upstream_failed"}, {"plan": "failed"}])
def test_after_a_failed_scan_or_plan_nothing_is_asked_for_the_plan_of_an_earlier_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: dict[str, str]
) -> None:
    def asks(*_: Any, **__: Any) -> None:
        raise AssertionError("it asked")

    monkeypatch.setattr(ask_votes, "ask_votes", asks)
    run = build(UPath(tmp_path / "run"), Night(shards=[Shard(answered=3)]))
    earlier = replace(run.need_plan(), planned_by=TaskRef(run_id="r 0", task_id="plan"))
    write_record(run.file("plan.json"), earlier)
    with pytest.raises(AirflowFailException, match=r"failed first, .* an earlier one, of r 0"):
        ClaudeVoteOperator(task_id="vote", run_folder=str(run), job=JOB).execute(context("report", states))
