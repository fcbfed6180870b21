from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Asset
from airflow.sdk.execution_time.context import OutletEventAccessors
from msgspec.structs import replace
from upath import UPath

from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.core.report.thresholds import Limit
from airflow_provider_claude.core.task_ref import TaskRef
from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.store import write_record
from airflow_provider_claude.store.records.record import read_record
from tests.context import manual_run
from tests.stages.run_folder import Night, Shard, build
from tests.test_failure import context


def test_what_authors_cause_is_logged_as_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night = Night(shards=[Shard(answered=70, failed={"refused": 30})])
    run = build(UPath(tmp_path / "run"), night)
    ClaudeReportOperator(task_id="report", run_folder=str(run)).execute({})
    [line] = [line for line in capsys.readouterr().out.splitlines() if "30 of 100 asked rows were refused" in line]
    assert "warning" in line.lower()


@pytest.mark.parametrize(
    "states", [{"scan": "failed", "rescan": "upstream_failed", "plan": "upstream_failed"}, {"plan": "failed"}]
)
@pytest.mark.parametrize("planned_in", ["r 0", "r 1"])
def test_after_a_failed_scan_or_plan_the_plan_of_an_earlier_run_is_not_reported(
    tmp_path: Path, states: dict[str, str], planned_in: str
) -> None:
    run = build(UPath(tmp_path / "run"), Night(shards=[Shard(answered=3)]))
    plan = run.need_plan()
    write_record(run.file("plan.json"), replace(plan, planned_by=TaskRef(run_id=planned_in, task_id="plan")))
    with pytest.raises(
        AirflowFailException, match=rf"failed first, .* the plan in the run folder is an earlier one, of {planned_in}"
    ):
        ClaudeReportOperator(task_id="report", run_folder=str(run)).execute(context("report", states))
    assert not run.file("report.json").exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"max_refused": "2%"}, "max_refused: the share '2%' is not valid"),
        ({"max_failed": 5}, "max_failed: the share 5 is not valid"),
        ({"warn_above": float("nan")}, "warn_above: the share nan is not valid"),
    ],
)
def test_a_limit_that_is_none_is_refused_when_the_dag_is_parsed(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ClaudeReportOperator(task_id="report", run_folder="run", **wrong)


def test_a_limit_may_have_counts() -> None:
    operator = ClaudeReportOperator(task_id="report", run_folder="run", max_refused=Limit(0.1, least=2, most=50))
    assert operator.thresholds.refused == Limit(0.1, 2, 50)


def test_the_event_of_an_asset_says_what_was_published_and_how_consistent_it_is(tmp_path: Path) -> None:
    run = build(UPath(tmp_path / "run"), Night(shards=[Shard(answered=3)]))
    mails, events = Asset("mails"), OutletEventAccessors()
    report = ClaudeReportOperator(
        task_id="report", run_folder=str(run), publish_to=str(tmp_path / "answers"), outlets=[mails]
    )
    report.execute({"outlet_events": events, **manual_run()})
    extra = events[mails].extra
    assert (extra["published_rows"], extra["agreement"]) == (3, None)
    assert extra["report"] == str(run.file("report.html"))
    assert (extra["rows"], extra["page"], extra["model"]) == (3, "/claude/run/d?run_id=r", "claude-haiku-5-5")
    assert Decimal(extra["cost_usd"]) == read_record(run.file("report.json"), Summary).costs.actual
    json.dumps(extra)
