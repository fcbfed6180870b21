"""The drift of a run beside earlier runs of its group, in the report."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec
import pytest

from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.errors import LedgerError
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.store import LabelsRecord, write_record
from airflow_provider_claude.store.work_of import work_of
from tests.stages.conftest import Night, clock

#: The days of the runs before; that of the night itself is a Sunday.
SATURDAYS = [f"2026-{month}-{day:02d}" for month, days in (("09", (5, 12, 19, 26)), ("10", (3, 10))) for day in days]
MONDAYS = ["2026-09-07", "2026-09-14", "2026-09-21", "2026-09-28", "2026-10-05", "2026-10-12"]


def answered(night: Night) -> Night:
    night.scanned([f"I love it, mail {n}" for n in range(30)]).plan(rows=30)
    night.create()
    night.load()
    return night


def remember(night: Night, days: list[str], labels: Mapping[str, int], **more: str) -> None:
    plan = night.run.need_plan()
    for number, day in enumerate(days):
        record = LabelsRecord(
            shard=f"{number}/shards/00001",
            at=f"{day}T00:00:00+00:00",
            partition=day,
            weekend=days is SATURDAYS,
            fields={"sentiment": dict(labels)},
            **{"model": plan.job.model, "prompt_hash": plan.prompt_hash, "schema_hash": plan.schema_hash, **more},
        )
        work_of(night.run, plan).record_labels("", record)


def close(night: Night) -> Summary:
    return report(night.run, output=None, clock=clock())


def test_a_night_unlike_the_same_part_of_the_week_before_is_a_warning_and_stands_in_the_report(night: Night) -> None:
    remember(answered(night), SATURDAYS, {"positive": 2, "negative": 28})
    remember(night, MONDAYS, {"positive": 30})
    summary = close(night)
    [found] = summary.drift
    assert (found.field, found.nights, found.alarm) == ("sentiment", 6, True)
    assert any("sentiment is not distributed as in the last 6 runs" in one for one in summary.warnings)
    assert "Beside earlier runs" in (night.run.path / "report.html").read_text()
    assert json.loads((night.run.path / "report.json").read_bytes())["drift"][0]["field"] == "sentiment"


def test_a_second_report_of_a_day_is_not_compared_with_the_first(night: Night) -> None:
    remember(answered(night), SATURDAYS[:4], {"positive": 30})
    assert close(night).drift == close(night).drift == []
    plan = night.run.need_plan()
    own = [one for one in work_of(night.run, plan).labels("", 90) if one.partition == plan.partition]
    assert len(own) == 1
    assert sum(own[0].fields["sentiment"].values()) == 30


def test_a_run_that_its_drift_holds_back_is_not_what_the_next_one_is_compared_with(night: Night) -> None:
    remember(answered(night), SATURDAYS, {"positive": 2, "negative": 28})
    plan = night.run.need_plan()
    wanted = msgspec.structs.replace(plan, consistency=Consistency(share=0, max_drift=1))
    write_record(night.run.file("plan.json"), wanted)
    with pytest.raises(LedgerError, match="max_drift is 1"):
        close(night)
    assert {one.partition for one in work_of(night.run, plan).labels("", 90)} == set(SATURDAYS)


def test_longer_answers_and_more_refusals_than_in_earlier_runs_are_warnings(night: Night) -> None:
    plan = answered(night).run.need_plan()
    quiet = {"claude_outcome": {"answered": 30, "refused": 0}, "claude_output_tokens": {"64 to 95": 30}}
    for number, day in enumerate(SATURDAYS):
        record = LabelsRecord(
            shard=f"{number}/shards/00001",
            at=f"{day}T00:00:00+00:00",
            partition=day,
            weekend=True,
            fields={"sentiment": {"positive": 30}, **quiet},
            model=plan.job.model,
            prompt_hash=plan.prompt_hash,
            schema_hash=plan.schema_hash,
        )
        work_of(night.run, plan).record_labels("", record)
    summary = close(night)
    found = {one.field: one.alarm for one in summary.drift}
    assert found == {"sentiment": False, "claude_outcome": False, "claude_output_tokens": True}
    assert sum(summary.lengths.values()) == 30
    assert any("claude_output_tokens is not distributed as in the last 6 runs" in one for one in summary.warnings)


def test_a_change_of_what_is_asked_is_named_once(night: Night) -> None:
    remember(answered(night), SATURDAYS[:1], {"positive": 30}, prompt_hash="another", model="claude-sonnet-5-5")
    warnings = close(night).warnings
    assert "The model is not that of the run of 2026-09-05." in warnings
    assert "The prompt is not that of the run of 2026-09-05." in warnings
    assert not any("schema" in one for one in warnings)


def test_without_the_extra_nothing_is_measured_and_the_report_is_written(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(answered(night), SATURDAYS, {"negative": 30})
    monkeypatch.setattr("airflow_provider_claude.extras._MODULES", {"consistency": ("not_installed",)})
    assert close(night).drift == []
    assert msgspec.json.decode((night.run.path / "report.json").read_bytes())["drift"] == []
