"""For how long a task waits for something else to end."""

from __future__ import annotations

import math

import pytest

from airflow_provider_claude.core.submit.patience import MOST_SECONDS, next_try


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("asked", [None, 0.0, 60.0, 1e9, math.inf])
def test_no_wait_goes_on_for_ever_whatever_the_api_asks_for(limited: bool, asked: float | None) -> None:
    waited, tries = 0.0, 0
    while (pause := next_try(asked, waited=waited, limited=limited)) is not None:
        assert 1.0 <= pause <= 900.0
        waited, tries = waited + pause, tries + 1
    assert MOST_SECONDS <= waited <= MOST_SECONDS + 1.0
    assert tries > 100


@pytest.mark.parametrize(
    ("asked", "limited", "pause"), [(5.0, True, 30.0), (500.0, True, 120.0), (5.0, False, 5.0), (None, False, 1.0)]
)
def test_a_pause_is_what_was_asked_for_within_bounds(asked: float | None, limited: bool, pause: float) -> None:
    assert next_try(asked, waited=0.0, limited=limited) == pause


def test_a_batch_has_its_whole_day_to_end() -> None:
    assert next_try(60.0, waited=25 * 3600.0, limited=False) == 60.0
