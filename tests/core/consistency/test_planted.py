"""What was planted in the simulated model is found by the figures of consistency."""

from __future__ import annotations

from collections import Counter

from benchmarks.consistency.nights import change_alarms, measure, quiet_alarms
from benchmarks.consistency.planted import PLANTED, asked_again

NIGHTS, ROWS = 40, 200


def test_intervals_hold_the_planted_truth_as_often_as_they_say() -> None:
    """At 95 % an interval misses its truth in more than eight of 40 nights once in 7,000 such tests."""
    found = [one for seed in range(NIGHTS) for one in measure(PLANTED, seed, ROWS)]
    missed = Counter(one.name for one in found if not one.inside)
    assert len({one.name for one in found}) == 9
    assert max(missed.values()) <= 8


def test_an_interval_does_not_hold_the_truth_of_a_model_without_noise() -> None:
    """The check above can fail: a model that always says the same agrees fully with itself."""
    again = asked_again(PLANTED)
    found = [one for seed in range(5) for one in measure(PLANTED, seed, ROWS) if one.name == "asked again: same"]
    assert again.same < 0.95
    assert not any(one.measured.low <= 1.0 <= one.measured.high for one in found)


def test_drift_finds_a_model_that_changed_under_the_same_id_and_is_silent_before() -> None:
    assert change_alarms(PLANTED, 6, 2_000) == 6
    assert quiet_alarms(PLANTED, 8, 500) <= 2
