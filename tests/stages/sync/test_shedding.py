"""When the sync lane leaves requests to a batch: after minutes of a busy account, and while there is time for a batch."""

from __future__ import annotations

import math

import pytest

from airflow_provider_claude.stages.sync.request import Request
from airflow_provider_claude.stages.sync.shedding import PATIENCE_SECONDS, Shedding

ROUTINE, URGENT = Request("r-1", b"{}"), Request("r-2", b"{}", urgent=True)


def shedding(*, until: float = math.inf, now: float = 1_800_000_000.0) -> Shedding:
    return Shedding(until=until, now=lambda: now)


def test_a_lane_that_is_slow_for_long_sheds_what_is_not_urgent() -> None:
    one = shedding()
    assert not one.refused(10.0)
    assert not one.leaves(ROUTINE)
    assert one.refused(10.0 + PATIENCE_SECONDS)
    assert one.leaves(ROUTINE)
    assert not one.leaves(URGENT)


def test_a_low_pace_counts_as_a_refusal_does() -> None:
    one = shedding()
    assert not one.paced(0.4, 10.0)
    assert one.paced(0.4, 10.0 + PATIENCE_SECONDS)


def test_an_answer_at_full_pace_ends_the_patience_that_was_used_up() -> None:
    one = shedding()
    one.refused(10.0)
    one.paced(1.0, 100.0)
    assert not one.refused(10.0 + PATIENCE_SECONDS)
    assert one.refused(10.0 + 2 * PATIENCE_SECONDS)


def test_it_begins_once_and_does_not_end() -> None:
    one = shedding()
    one.refused(0.1)
    assert one.refused(200.0)
    assert not one.refused(400.0)
    assert not one.paced(1.0, 401.0)
    assert one.leaves(ROUTINE)


@pytest.mark.parametrize("until", [-math.inf, 1_800_000_000.0])
def test_where_there_is_no_time_for_a_batch_it_never_begins(until: float) -> None:
    one = shedding(until=until)
    assert not any(one.refused(at) for at in (0.1, 200.0, 4_000.0))
    assert not one.leaves(ROUTINE)
