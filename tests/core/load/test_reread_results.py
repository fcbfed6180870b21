from __future__ import annotations

import itertools

import pytest

from airflow_provider_claude.core.load.reread_results import MIN_LOOKS, SHORT_SECONDS, Read, next_look


@pytest.mark.parametrize(
    ("read", "counted", "whole"),
    [
        (Read(ours=10, named=10), 10, True),
        (Read(ours=9, named=9), 10, False),
        (Read(ours=9, named=9), 9, False),  # a batch has a result for each of its requests, whatever it counts
        (Read(ours=10, named=10), 0, True),
        (Read(ours=0, named=0), 0, False),
        (Read(ours=9, named=10), 10, False),  # a foreign line stands for no request of ours
        (Read(ours=0, named=10), 10, False),
        (Read(ours=10, named=25), 10, True),
        (Read(ours=10, named=10, torn=True), 10, False),
    ],
)
def test_results_are_whole_when_each_request_has_its_line_and_the_last_line_is_one(
    read: Read, counted: int, whole: bool
) -> None:
    assert read.whole(asked=10, counted=counted, adopted=False) is whole


@pytest.mark.parametrize(
    ("read", "counted", "whole"),
    [
        (Read(ours=0, named=10), 10, True),
        (Read(ours=0, named=9), 10, False),
        (Read(ours=0, named=0), 0, False),
        (Read(ours=0, named=1), 1, True),
        (Read(ours=1, named=10), 10, False),
        (Read(ours=10, named=10), 10, True),
    ],
)
def test_an_adopted_batch_may_be_anothers_if_all_that_it_counts_is_there(read: Read, counted: int, whole: bool) -> None:
    assert read.whole(asked=10, counted=counted, adopted=True) is whole


def waits(*, failed: bool, late: bool = False) -> list[float]:
    """The pauses until the last look."""
    found: list[float] = []
    for looks in itertools.count(1):
        pause = next_look(looks=looks, waited=sum(found), failed=failed, late=late)
        if pause is None:
            return found
        found.append(pause)
    raise AssertionError


def test_results_that_stay_short_are_read_for_minutes_and_those_that_cannot_be_had_for_an_hour() -> None:
    assert 300 <= sum(waits(failed=False)) <= 600
    assert 3600 <= sum(waits(failed=True)) <= 4500


@pytest.mark.parametrize("failed", [False, True])
def test_beyond_the_cutoff_half_a_minute_of_looks_is_enough(failed: bool) -> None:
    assert 30 <= sum(waits(failed=failed, late=True)) <= 60
    assert len(waits(failed=failed, late=True)) >= 2


def test_looks_in_quick_succession_end_nothing_and_neither_does_a_long_time_without_looks() -> None:
    assert next_look(looks=100, waited=SHORT_SECONDS - 1, failed=False) is not None
    assert next_look(looks=MIN_LOOKS - 1, waited=1e6, failed=False) is not None
    assert next_look(looks=10**9, waited=SHORT_SECONDS, failed=True) is not None


def test_the_pauses_between_looks_double_from_ten_seconds_to_five_minutes() -> None:
    pauses = [next_look(looks=looks, waited=0, failed=True) for looks in range(1, 9)]
    assert pauses == [10, 20, 40, 80, 160, 300, 300, 300]
