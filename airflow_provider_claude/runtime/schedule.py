"""Which moments a DAG's schedule names: runs by hand may be about any."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pendulum


def is_tick(dag: Any, moment: datetime) -> bool:
    """Whether *dag*'s cron expression, or its distance from the start date, names *moment*.

    False for schedules of another kind, and without a schedule.
    """
    timetable = getattr(dag, "timetable", None)
    if moment.second or moment.microsecond or timetable is None:
        return False
    if expression := _of(timetable, "expression"):
        from croniter import croniter

        local = pendulum.instance(moment).in_timezone(_of(timetable, "timezone") or "UTC")
        return bool(croniter.match(expression, local.naive()))
    delta, start = _of(timetable, "delta"), getattr(dag, "start_date", None)
    if not isinstance(delta, timedelta) or start is None:
        return False
    return bool((moment - start).total_seconds() % delta.total_seconds() == 0)


def next_tick(dag: Any, moment: datetime) -> datetime | None:
    """The first moment after *moment* that *dag*'s cron expression, or its distance between runs, names.

    None for schedules of another kind, and without a schedule.
    """
    timetable = getattr(dag, "timetable", None)
    if expression := _of(timetable, "expression"):
        from croniter import croniter

        zone = _of(timetable, "timezone") or "UTC"
        local = pendulum.instance(moment).in_timezone(zone)
        following: datetime = croniter(expression, local.naive()).get_next(datetime)
        return pendulum.instance(following, tz=zone)
    delta = _of(timetable, "delta")
    return moment + delta if isinstance(delta, timedelta) else None


def _of(timetable: Any, name: str) -> Any:
    """An attribute of *timetable*, which before Airflow 3.2 is private."""
    return getattr(timetable, name, None) or getattr(timetable, f"_{name}", None)
