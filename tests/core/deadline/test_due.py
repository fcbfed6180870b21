"""The next moment a clock in a zone shows a time."""

from __future__ import annotations

import pendulum
import pytest

from airflow_provider_claude.core.deadline.due import next_wall_clock, wall_clock
from airflow_provider_claude.errors import JobError


@pytest.mark.parametrize(
    ("after", "at", "zone", "due"),
    [
        # The evening of the 22nd in Los Angeles, when the 23rd has come in UTC.
        (pendulum.datetime(2026, 11, 23, 2), "20:00", "America/Los_Angeles", "2026-11-22T20:00:00-08:00"),
        (pendulum.datetime(2026, 11, 23, 6), "20:00", "America/Los_Angeles", "2026-11-23T20:00:00-08:00"),
        (pendulum.datetime(2026, 11, 23, 6), "09:45", "UTC", "2026-11-23T09:45:00+00:00"),
        (pendulum.datetime(2026, 11, 23, 12), "00:30", "Pacific/Auckland", "2026-11-25T00:30:00+13:00"),
    ],
)
def test_the_day_is_that_of_the_zone_and_minutes_count(after: pendulum.DateTime, at: str, zone: str, due: str) -> None:
    assert next_wall_clock(after, at, zone).isoformat() == due


def test_what_is_no_time_of_day_is_refused_by_the_name_of_its_parameter() -> None:
    with pytest.raises(JobError, match=r"^deadline is '24:00'"):
        wall_clock("24:00")
    with pytest.raises(JobError, match=r"^start is '9'"):
        wall_clock("9", "start")
