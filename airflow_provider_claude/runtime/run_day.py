"""The day, the hour or the interval that a run is about, resolved here and nowhere else. Never from `ds`, which is UTC."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import pendulum

from airflow_provider_claude.core.publish.partition_names import checked_partition
from airflow_provider_claude.errors import (
    JobError,
)
from airflow_provider_claude.runtime.schedule import is_tick

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

from airflow_provider_claude.runtime.run_context import is_run_type, local_time, param, zone_of

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


HOUR = "YYYY-MM-DDTHHZZ"


def resolve_day(context: Context) -> str:
    """The day this run is about, as `YYYY-MM-DD`.

    The param `day`, else the partition key where it is a day, else the local date on which the data interval starts,
    else yesterday, seen from when the run was due. An interval without length (`@daily` in Airflow 3) does not count.
    Raises JobError for a param that is not a day, or that gives all runs of a backfill the same one.
    """
    run: Any = context["dag_run"]
    asked = param(context, "day")
    if asked is not None:
        if is_run_type(run, "backfill"):
            raise JobError(f"param day is {asked!r} in a backfill, where each run has its own day. Leave it out.")
        return _checked_day(str(asked))
    key = getattr(run, "partition_key", None)
    if key and DAY.fullmatch(key):
        return str(key)
    zone = zone_of(context)
    start, end = run.data_interval_start, run.data_interval_end
    if start is not None and start != end:
        return local_time(start, zone).to_date_string()
    return local_time(start or run.run_after, zone).subtract(days=1).to_date_string()


def resolve_hour(context: Context) -> str:
    """The hour this run is about, with its offset, so that no two hours of a year have one name: `2026-11-22T05+0100`.

    The param `hour`, else the local hour in which the data interval starts, else the hour before the run was due. Raises
    JobError for a param that is not an hour, or where a day is asked for and no hour.
    """
    run: Any = context["dag_run"]
    asked = param(context, "hour")
    if asked is not None:
        return _checked_hour(str(asked))
    if param(context, "day") is not None:
        raise JobError("The partition is an hour, and param day names a day. Give the param hour as well.")
    start, end = run.data_interval_start, run.data_interval_end
    began = start if start is not None and start != end else pendulum.instance(start or run.run_after).subtract(hours=1)
    return local_time(began, zone_of(context)).format(HOUR)


def _checked_hour(hour: str) -> str:
    try:
        return pendulum.from_format(hour, HOUR).format(HOUR)
    except ValueError as e:
        raise JobError(f"param hour is {hour!r}: write one as 2026-11-22T05+0100.") from e


def resolve_interval(context: Context) -> str | None:
    """The run's data by its schedule: its partition key, or its data interval `start/end` in UTC.

    None where the day or hour was set by hand, for a run that an asset has started, and for a manual run whose interval
    is only the moment of the click.
    """
    run: Any = context["dag_run"]
    if param(context, "day") is not None or param(context, "hour") is not None:
        return None
    if key := getattr(run, "partition_key", None):
        return str(key)
    bounds = [run.data_interval_start, run.data_interval_end or run.data_interval_start]
    if bounds[0] is None:
        return None
    by_schedule = is_run_type(run, "scheduled") or is_run_type(run, "backfill")
    if not by_schedule and not (is_run_type(run, "manual") and is_tick(context["dag"], bounds[1])):
        return None
    return "/".join(pendulum.instance(bound).in_timezone("UTC").to_iso8601_string() for bound in bounds)


class _Hour:
    """`{{ hour }}` of a template, resolved where it is used: not every run has one."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __str__(self) -> str:
        return resolve_hour(self._context)


def name_run(operator: BaseOperator, partition: str | None, context: Context, jinja_env: Any) -> str | None:
    """Put `day`, `hour` and `partition` into what the templates of *operator* know; returns its *partition*, rendered.

    Without a partition `{{ partition }}` is the day. Raises JobError for a partition that cannot name a folder.
    """
    names = cast("dict[str, Any]", context)
    names["day"], names["hour"] = resolve_day(context), _Hour(context)
    if partition is None:
        names["partition"] = names["day"]
        return None
    names["partition"] = checked_partition(str(operator.render_template(partition, context, jinja_env)))
    return str(names["partition"])


def _checked_day(day: str) -> str:
    try:
        return pendulum.from_format(day, "YYYY-MM-DD").to_date_string()
    except ValueError as e:
        raise JobError(f"param day is {day!r}: write a date as YYYY-MM-DD.") from e
