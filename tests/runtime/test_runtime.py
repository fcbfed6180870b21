"""Which day a run is about, and when its answers are due."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_claude.errors import ApiUnavailableError, DestinationError, JobError, StateError
from airflow_provider_claude.runtime.paths import run_folder
from airflow_provider_claude.runtime.run_day import name_run, resolve_day, resolve_hour, resolve_interval
from airflow_provider_claude.runtime.run_deadline import resolve_deadline
from airflow_provider_claude.runtime.run_destination import destination_of
from airflow_provider_claude.runtime.task_errors import task_errors

BERLIN = pendulum.timezone("Europe/Berlin")


def context(
    start: str | None = None,
    end: str | None = None,
    *,
    run_after: str = "2026-11-22T23:00:00Z",
    kind: str = "scheduled",
    key: str | None = None,
    **params: Any,
) -> Any:
    run = SimpleNamespace(
        data_interval_start=start and pendulum.parse(start),
        data_interval_end=end and pendulum.parse(end),
        run_after=pendulum.parse(run_after),
        partition_key=key,
        run_type=kind,
    )
    return {"dag": SimpleNamespace(timezone=BERLIN), "dag_run": run, "params": params}


@pytest.mark.parametrize(
    ("given", "day"),
    [
        (context("2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z"), "2026-11-22"),  # an ordinary night
        (context("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"), "2026-10-25"),  # the day of 25 hours
        (context("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"), "2026-03-29"),  # the day of 23 hours
        (context("2026-11-22T23:00:00Z", "2026-11-22T23:00:00Z"), "2026-11-22"),  # @daily: an interval without length
        (context(), "2026-11-22"),  # no interval: yesterday, seen from Berlin
        (context(run_after="2026-11-22T22:59:59Z"), "2026-11-21"),  # a second before midnight
        (context(key="2026-11-05"), "2026-11-05"),  # a partition
        (context(key="eu-west"), "2026-11-22"),  # a partition that is not a day
        (context("2026-11-21T23:00:00Z", day="2025-01-31"), "2025-01-31"),  # asked for
        (
            context("2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z", day=""),
            "2026-11-22",
        ),  # a field left empty in the form
    ],
)
def test_the_day_is_the_param_or_the_partition_or_the_local_interval_or_yesterday(given: Any, day: str) -> None:
    assert resolve_day(given) == day


@pytest.mark.parametrize("day", ["../../etc", "2026-13-01", "today", "2026-1-1/..", "20261101"])
def test_a_day_that_is_none_is_refused_before_it_becomes_a_path(day: str) -> None:
    with pytest.raises(JobError, match="YYYY-MM-DD"):
        resolve_day(context(day=day))


def test_a_backfill_whose_runs_would_all_be_about_one_day_is_refused() -> None:
    with pytest.raises(JobError, match="each run has its own day"):
        resolve_day(context("2026-11-21T23:00:00Z", kind="backfill", day="2026-11-01"))


def test_a_scheduled_night_is_due_at_nine_in_its_own_zone() -> None:
    night = context("2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z")
    assert resolve_deadline(night, "09:00") == "2026-10-25T09:00:00+01:00"


@pytest.mark.parametrize("kind", ["manual", "backfill"])
def test_backfills_and_manual_runs_have_no_deadline_unless_given_one(kind: str) -> None:
    assert resolve_deadline(context(kind=kind), "09:00") is None
    assert resolve_deadline(context(kind=kind, deadline="07:30"), "09:00") == "2026-11-23T07:30:00+01:00"


def test_errors_that_no_retry_mends_fail_the_task_at_once_and_others_are_left_to_retries() -> None:
    with pytest.raises(AirflowFailException, match="StateError: broken"), task_errors():
        raise StateError("broken")
    with pytest.raises(ApiUnavailableError), task_errors():
        raise ApiUnavailableError("down")


def test_a_missing_run_folder_is_explained() -> None:
    with pytest.raises(StateError, match="scan of this run has not succeeded"):
        run_folder(None)


@pytest.mark.parametrize(
    ("given", "hour"),
    [
        (context("2026-11-22T04:00:00Z", "2026-11-22T05:00:00Z"), "2026-11-22T05+0100"),
        (context("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"), "2026-10-25T02+0200"),  # this hour comes twice
        (context("2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"), "2026-10-25T02+0100"),
        (
            context("2026-11-22T05:00:00Z", "2026-11-22T05:00:00Z"),
            "2026-11-22T05+0100",
        ),  # @hourly: an interval without length
        (context(run_after="2026-11-22T05:30:00Z"), "2026-11-22T05+0100"),
        (context(hour="2026-11-22T05+0100", day="2026-11-22"), "2026-11-22T05+0100"),  # asked for
    ],
)
def test_the_hour_is_the_param_or_the_local_hour_of_the_interval_and_no_two_have_one_name(
    given: Any, hour: str
) -> None:
    assert resolve_hour(given) == hour


def test_an_hour_that_is_none_or_a_day_alone_is_refused() -> None:
    with pytest.raises(JobError, match=r"write one as 2026-11-22T05\+0100"):
        resolve_hour(context(hour="../etc"))
    with pytest.raises(JobError, match="Give the param hour as well"):
        resolve_hour(context(day="2026-11-22"))


HOUR = ("2026-11-22T04:00:00Z", "2026-11-22T05:00:00Z")


NIGHT = ("2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z")
CRON = SimpleNamespace(expression="0 * * * *", timezone="Europe/Berlin")
DAILY = SimpleNamespace(_expression="0 0 * * *", _timezone=BERLIN)  # as before Airflow 3.2
DELTA = SimpleNamespace(delta=timedelta(hours=1))


@pytest.mark.parametrize(
    ("given", "timetable", "interval"),
    [
        (context(*HOUR), CRON, "/".join(HOUR)),
        (context(*HOUR, kind="backfill"), CRON, "/".join(HOUR)),
        (context(*HOUR, kind="manual"), CRON, "/".join(HOUR)),  # by hand, for an interval of the schedule
        (context(*HOUR, kind="manual"), DELTA, "/".join(HOUR)),
        (context(*NIGHT, kind="manual"), DAILY, "/".join(NIGHT)),
        (context(HOUR[0], HOUR[0]), CRON, f"{HOUR[0]}/{HOUR[0]}"),
        (context(HOUR[0], HOUR[0], kind="manual"), DAILY, None),  # at any time of the day
        (context("2026-11-22T04:00:21Z", "2026-11-22T04:00:21Z", kind="manual"), CRON, None),  # the moment of the click
        (context("2026-11-22T03:07:00Z", "2026-11-22T04:07:00Z", kind="manual"), DELTA, None),
        (context(*HOUR, kind="manual"), SimpleNamespace(), None),
        (context(*HOUR, kind="asset_triggered"), CRON, None),
        (context(*HOUR, day="2026-11-22"), CRON, None),
        (context(), CRON, None),
        (context(key="2026-11-22T04"), CRON, "2026-11-22T04"),
    ],
)
def test_the_interval_of_a_run_is_what_its_schedule_says_and_none_where_it_was_chosen_by_hand(
    given: Any, timetable: Any, interval: str | None
) -> None:
    given["dag"].timetable, given["dag"].start_date = timetable, pendulum.datetime(2026, 1, 1)
    assert resolve_interval(given) == interval


TWICE = SimpleNamespace(expression="0 0,12 * * *", timezone="Europe/Berlin")
A_DAY = SimpleNamespace(delta=timedelta(days=1))


def published(given: Any, timetable: Any, partition: str, *, take_over: bool = False) -> Any:
    given["dag"].timetable, given["dag"].start_date = timetable, pendulum.datetime(2026, 1, 1)
    given["ti"] = SimpleNamespace(dag_id="d", run_id="r", task_id="plan", map_index=-1)
    return destination_of(given, "/out", partition=partition, column="day", replace="guarded", take_over=take_over)


@pytest.mark.parametrize(
    ("given", "timetable"),
    [
        (context(*HOUR), CRON),
        (context(*HOUR, kind="manual"), DELTA),
        (context(HOUR[1], HOUR[1]), CRON),
        (context("2026-11-22T11:00:00Z", "2026-11-22T23:00:00Z"), TWICE),
    ],
)
def test_a_schedule_with_two_runs_a_day_is_refused_a_partition_of_the_day(given: Any, timetable: Any) -> None:
    with pytest.raises(DestinationError, match="the schedule is finer than the partition, which is a day"):
        published(given, timetable, "2026-11-22")
    assert published(given, timetable, "2026-11-22", take_over=True)
    assert published(given, timetable, "2026-11-22T05+0100")


@pytest.mark.parametrize(
    ("given", "timetable"),
    [
        (context(*NIGHT), DAILY),
        (context("2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z"), A_DAY),  # a day of 25 hours follows
        (context("2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z"), DAILY),  # a day of 23 hours follows
        (context(*HOUR, day="2026-11-22"), CRON),  # chosen by hand
        (context(*HOUR), SimpleNamespace()),
    ],
)
def test_a_schedule_with_one_run_a_day_has_the_day_as_its_partition(given: Any, timetable: Any) -> None:
    assert published(given, timetable, "2026-11-22")


class Rendering:
    """An operator whose templates say what they are."""

    def render_template(self, template: str, given: Any, jinja_env: Any) -> Any:
        return template.format(day=given["day"], hour=given["hour"])


@pytest.mark.parametrize(
    ("partition", "known", "kept"),
    [
        ("{day}", "2026-11-22", "2026-11-22"),
        ("{hour}", "2026-11-22T00+0100", "2026-11-22T00+0100"),
        ("{day} support@example.org", "2026-11-22 support@example.org", "2026-11-22 support@example.org"),
        (None, "2026-11-22", None),  # a table without partitions: its run folder is that of the day
    ],
)
def test_templates_know_the_partition_of_a_run(partition: str | None, known: str, kept: str | None) -> None:
    given = context("2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z")
    assert name_run(Rendering(), partition, given, None) == kept  # type: ignore[arg-type]
    assert given["partition"] == known


def test_a_partition_that_would_leave_its_folder_is_refused_before_anything_is_read() -> None:
    with pytest.raises(JobError, match="cannot name a folder"):
        name_run(Rendering(), "../{day}", context("2026-11-21T23:00:00Z"), None)  # type: ignore[arg-type]


def test_a_table_without_partitions_is_held_against_no_interval() -> None:
    given = context(*HOUR) | {"ti": SimpleNamespace(dag_id="d", run_id="r", task_id="g.plan", map_index=-1)}
    options = {"column": "day", "replace": "guarded", "take_over": "False"}
    assert destination_of(given, "/out", partition=None, **options).holder.interval is None
    found = destination_of(given, "/out", partition="2026-11-22", **options)
    assert (found.holder.interval, found.holder.task_id) == ("/".join(HOUR), "g.plan")
    assert destination_of(given, None, partition="x", **options) is None
