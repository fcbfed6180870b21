"""Times for people are in the DAG's zone and say so."""

from __future__ import annotations

import pytest

from airflow_provider_claude.core.times import clock_in, epoch, shown_in


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Europe/Berlin", "2026-11-23 01:30 CET"),
        ("UTC", "2026-11-23 00:30 UTC"),
        ("America/Sao_Paulo", "2026-11-22 21:30 UTC-03"),
        ("Asia/Kolkata", "2026-11-23 06:00 IST"),
        ("+02:00", "2026-11-23 02:30 UTC+02:00"),
        ("no/zone", "2026-11-23 00:30 UTC"),
    ],
)
def test_a_time_is_shown_in_its_zone_and_labelled_with_it(zone: str, shown: str) -> None:
    assert shown_in("2026-11-23T00:30:00Z", zone) == shown
    assert clock_in(zone)(epoch("2026-11-23T00:30:00+00:00")) == shown[11:]


def test_the_label_follows_the_clocks_when_they_change() -> None:
    assert shown_in("2026-07-01T07:00:00Z", "Europe/Berlin") == "2026-07-01 09:00 CEST"
