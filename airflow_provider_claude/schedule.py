"""Whether a moment is one that a DAG's schedule names: runs by hand may be about any."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pendulum


def is_tick(dag: Any, moment: datetime) -> bool:
    """Whether *dag*'s cron expression, or its distance from the start date, names *moment*.

    False for schedules of another kind, and where there is none.
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


def _of(timetable: Any, name: str) -> Any:
    """An attribute of *timetable*, which before Airflow 3.2 is private."""
    return getattr(timetable, name, None) or getattr(timetable, f"_{name}", None)
