"""The days that the command in docs/how-to/backfill.md makes runs for."""

from __future__ import annotations

import re
from pathlib import Path

from airflow._shared.timezones import timezone
from airflow.timetables.base import TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "backfill.md"


def days(first: str, last: str, zone: str) -> list[int]:
    """The local days of the runs from *first* to *last*, both as the command line reads them."""
    timetable = CronDataIntervalTimetable("0 0 * * *", timezone=zone)
    restriction = TimeRestriction(timezone.parse(first), timezone.parse(last), catchup=True)
    made: list[int] = []
    interval = None
    while info := timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=restriction):
        interval = info.data_interval
        made.append(interval.start.in_timezone(zone).day)
    return made


def test_the_command_of_the_page_backfills_every_day_it_names() -> None:
    command = re.search(r"--from-date (\S+) --to-date (\S+)", PAGE.read_text(encoding="utf-8"))
    assert command is not None
    assert days(command[1], command[2], "Europe/Berlin") == [1, 2, 3, 4, 5, 6, 7]


def test_dates_without_an_offset_lose_a_day_as_the_page_says() -> None:
    assert days("2026-11-03", "2026-11-05", "Europe/Berlin") == [4, 5]
    assert days("2026-11-03", "2026-11-05", "America/New_York") == [3, 4]
