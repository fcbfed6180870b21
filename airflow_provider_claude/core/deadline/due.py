"""When the answers are due. Wall clock in a zone, so that nine is nine on the days the clocks change."""

from __future__ import annotations

import re

import pendulum

from airflow_provider_claude.errors import JobError


def next_wall_clock(after: pendulum.DateTime, at: str, zone: str) -> pendulum.DateTime:
    """The first moment later than *after* at which a clock in *zone* shows *at* (`HH:MM`).

    A time that the clocks skip that day is the moment they skip to. Raises JobError where *at* is no time of day.
    """
    hour, minute = wall_clock(at)
    day = after.in_timezone(zone)
    due = _at(day, hour, minute, zone)
    return due if due > after else _at(day.add(days=1), hour, minute, zone)


def wall_clock(at: str, name: str = "deadline") -> tuple[int, int]:
    """Hour and minute of *at* (`HH:MM`). Raises JobError where it is no time of day; *name* is what it is called."""
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", at)
    if match is None:
        raise JobError(f"{name} is {at!r}: write a time of day as 'HH:MM', such as '09:00'.")
    return int(match[1]), int(match[2])


def _at(day: pendulum.DateTime, hour: int, minute: int, zone: str) -> pendulum.DateTime:
    return pendulum.datetime(day.year, day.month, day.day, hour, minute, tz=zone)
