from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from airflow_provider_claude.core.report.summary import PUBLISHED, PUBLISHING
from airflow_provider_claude.core.view.outlook import Outlook
from airflow_provider_claude.core.view.run_view import Planned, RunView, Scanned, flow_of
from airflow_provider_claude.core.view.shards import ShardView, Stage
from airflow_provider_claude.core.view.verdict import AirflowSide, Level, before_a_folder, verdict
from tests.core.report.test_page import summary_of

NINE = 1_764_057_600.0  # 2025-11-25 09:00 in Berlin
MINUTE = 60.0
RUNNING = AirflowSide(state="running")


def shards(loaded: int, waiting: int) -> list[ShardView]:
    stages = [Stage.DONE] * loaded + [Stage.IN_BATCH] * waiting
    return [
        ShardView(
            number=n,
            rows=10,
            lane="batch",
            stage=stage,
            outcomes={"succeeded": 9, "refused": 1} if stage is Stage.DONE else {},
            cost=Decimal("0.5") if stage is Stage.DONE else Decimal(0),
        )
        for n, stage in enumerate(stages)
    ]


SCANNED = Scanned(source="mail", rows=420, items=400, duplicates=0, aside={"override": 15}, lost=5, uncounted=0)
PLAN = Planned(
    at="2025-11-25T00:10:00+01:00",
    model="claude-haiku-5-5",
    partition="2025-11-24",
    zone="Europe/Berlin",
    due=NINE,
    safe_deadline=NINE - 10 * MINUTE,
    estimate=Decimal(40),
)
OUTLOOK = Outlook(open_rows=90, open_cost=Decimal(9), done_by=NINE - 17 * MINUTE, due=NINE, makeable=90)
VIEW = RunView(
    folder="/work", now=NINE - 60 * MINUTE, scanned=SCANNED, planned=PLAN, shards=shards(31, 9), outlook=OUTLOOK
)


def test_a_run_that_is_on_says_how_many_shards_are_loaded_and_whether_the_deadline_is_safe() -> None:
    found = verdict(VIEW, RUNNING)
    assert found.headline == (
        "31 of 40 shards loaded. If no other batch ends, all rows are answered by 08:43 CET: 09:00 CET is safe."
    )
    assert (found.level, found.word) == (Level.GOOD, "on time")


def test_a_deadline_that_may_be_missed_is_at_risk() -> None:
    late = replace(OUTLOOK, done_by=NINE + 12 * MINUTE, makeable=60)
    found = verdict(replace(VIEW, outlook=late), RUNNING)
    assert (found.level, found.word) == (Level.WATCH, "at risk")
    assert "about 60 of 90 open rows are answered by 09:00 CET, and the last by 09:12 CET" in found.headline


def test_after_the_deadline_open_rows_are_late() -> None:
    found = verdict(replace(VIEW, now=NINE + 1), RUNNING)
    assert (found.level, found.word) == (Level.BAD, "late")
    assert found.headline.endswith("09:00 CET has passed: 90 rows of those that were asked are open.")
    assert verdict(replace(VIEW, now=NINE + 1, outlook=None), RUNNING).headline == found.headline


def test_where_no_batch_is_abandoned_the_deadline_is_neither_safe_nor_none() -> None:
    found = verdict(replace(VIEW, outlook=None), RUNNING)
    assert found.level is Level.WATCH
    assert found.headline.endswith("No batch is abandoned for 09:00 CET: only the batches decide whether it is met.")


def test_with_a_failed_task_no_deadline_is_called_safe() -> None:
    found = verdict(VIEW, AirflowSide(state="running", failed=["sentiment.shard.load[00003]", "report"]))
    assert found.level is Level.BAD
    assert found.headline == "The task sentiment.shard.load[00003] failed, and 1 more after it."
    assert "31 of 40 shards loaded." in found.details
    assert not any("CET is safe" in said for said in found.details)


@pytest.mark.parametrize("state", ["success", "failed"])
def test_a_run_that_has_ended_without_a_report_says_so(state: str) -> None:
    found = verdict(VIEW, AirflowSide(state=state))
    assert found.headline == f"The Airflow run has ended ({state}) without a report: nothing was published."
    assert found.level in {Level.WATCH, Level.BAD}


@pytest.mark.parametrize(
    ("view", "word", "said"),
    [
        (RunView(folder="f", now=0.0), "scanning", "Nothing is sent yet."),
        (RunView(folder="f", now=0.0, scanned=SCANNED), "planning", "420 rows were read"),
        (replace(VIEW, shards=shards(40, 0)), "reporting", "40 of 40 shards loaded."),
        (replace(VIEW, planned=replace(PLAN, due=None), outlook=None), "running", "No deadline is set."),
    ],
)
def test_each_stage_of_a_run_has_its_word(view: RunView, word: str, said: str) -> None:
    found = verdict(view, RUNNING)
    assert found.word == word
    assert said in found.headline


def test_a_run_whose_folder_another_run_uses_since_says_whose_state_is_shown() -> None:
    found = verdict(replace(VIEW, taken_over="manual__2 of nightly"), AirflowSide(state="success"))
    assert "manual__2 of nightly" in found.details[0]


def test_before_the_report_every_input_row_is_in_one_part_of_the_flow() -> None:
    flow = flow_of(VIEW)
    assert flow is not None
    assert (flow.answered, flow.failed, flow.quarantined, flow.lost, flow.open) == (279, 31, 15, 5, 90)
    assert flow.answered + flow.failed + flow.quarantined + flow.lost + flow.open == flow.inputs == 420


def test_what_is_expected_at_the_end_is_what_is_paid_and_the_estimate_of_the_rest() -> None:
    assert VIEW.spent == Decimal("15.5")
    assert VIEW.expected == Decimal("15.5") + Decimal(40) * 9 / 40


def test_a_held_run_promises_no_deadline() -> None:
    found = verdict(replace(VIEW, planned=replace(PLAN, held="Only a sample is asked.")), RUNNING)
    assert (found.level, found.word, found.headline) == (Level.WATCH, "held", "Only a sample is asked.")


def test_a_run_that_ended_while_it_published_is_not_published() -> None:
    view = replace(VIEW, report=summary_of(problems=[], publication=PUBLISHING))
    assert verdict(view, RUNNING).word == "publishing"
    for state in ("failed", "success"):
        found = verdict(view, AirflowSide(state=state))
        assert (found.level, found.word) == (Level.BAD, "not published")
        assert "Clear the report task" in found.headline


def test_a_task_that_failed_after_the_report_is_named_and_hides_no_red_report() -> None:
    done = replace(VIEW, report=summary_of(problems=[], warnings=[], publication=PUBLISHED, published_rows=8))
    failed = AirflowSide(state="failed", failed=["mail_the_boss"])
    found = verdict(done, failed)
    assert found.level is Level.WATCH
    assert "The task mail_the_boss failed in Airflow." in found.details
    red = replace(VIEW, report=summary_of(problems=["rows are missing"]))
    assert (verdict(red, failed).word, verdict(red, failed).headline) == ("red", "rows are missing")


def test_a_run_that_failed_before_it_had_a_folder_has_sent_nothing() -> None:
    found = before_a_folder(AirflowSide(state="failed", failed=["s.scan"]))
    assert (found.level, found.word) == (Level.BAD, "failed")
    assert "The task s.scan failed before the run had a run folder" in found.headline
    assert before_a_folder(AirflowSide()).word == "tried again"
