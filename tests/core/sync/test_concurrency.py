from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.sync.concurrency import BURST_SECONDS, CEILING, GAIN, LEAST_MARK, START, Concurrency
from airflow_provider_claude.errors import JobError

NOW = 1_800_000_000.0


def after_answers(count: int, latency: float, start: Concurrency | None = None) -> Concurrency:
    """After so many answers, each while every place was taken."""
    concurrency = start or Concurrency()
    for _ in range(count):
        concurrency = concurrency.answered(latency, int(concurrency.limit))
    return concurrency


def test_it_starts_with_a_few() -> None:
    assert Concurrency().limit == START


def test_a_low_ceiling_holds_from_the_start() -> None:
    assert Concurrency.up_to(2).limit == 2
    assert Concurrency.up_to(64) == Concurrency(ceiling=64)


@pytest.mark.parametrize("ceiling", [0, -1, 0.5, math.nan])
def test_a_ceiling_that_lets_nothing_through_is_refused(ceiling: float) -> None:
    with pytest.raises(JobError, match="write a number from 1"):
        Concurrency.up_to(ceiling)


def test_before_a_push_back_each_round_of_answers_doubles_it() -> None:
    assert after_answers(4, 2.0).limit == 8
    assert after_answers(60, 2.0).limit == 64


def test_up_to_the_mark_it_grows_as_fast_again_and_slowly_beyond() -> None:
    pushed = Concurrency(limit=80).pushed_back(NOW)
    assert (pushed.limit, pushed.mark) == (40, 40)
    assert after_answers(40, 2.0, pushed).limit == pytest.approx(40 + GAIN, abs=0.2)
    again = pushed.pushed_back(NOW + 6).pushed_back(NOW + 12).pushed_back(NOW + 18)
    assert (again.limit, again.mark) == (5, LEAST_MARK)
    assert after_answers(11, 2.0, again).limit == LEAST_MARK


def test_a_push_back_at_the_start_does_not_cripple_it() -> None:
    assert after_answers(200, 2.0, Concurrency().pushed_back(NOW)).limit > 40


def test_it_grows_no_further_than_its_ceiling() -> None:
    assert after_answers(100, 2.0, Concurrency(limit=CEILING - 0.1)).limit == CEILING


def test_places_that_no_one_takes_become_no_more() -> None:
    idle = Concurrency(limit=40)
    assert idle.answered(2.0, 19).limit == 40
    assert idle.answered(2.0, 20).limit == 41


def test_answers_that_take_twice_as_long_as_usual_hold_it() -> None:
    usual = after_answers(40, 2.0)
    slow = usual.answered(4.1, 44)
    assert slow.limit == usual.limit
    assert slow.answered(3.0, 44).limit > usual.limit


def test_answers_in_no_time_are_usual() -> None:
    assert after_answers(4, 0.0).limit == 8


def test_one_short_answer_does_not_make_all_others_slow() -> None:
    assert after_answers(40, 5.0).answered(0.1, 1).baseline == pytest.approx(4.755)


def test_a_slow_minute_does_not_become_usual() -> None:
    usual = after_answers(100, 2.0)
    overloaded = after_answers(50, 8.0, usual)
    assert overloaded.limit == usual.limit


def test_answers_that_stay_longer_become_usual_in_the_end() -> None:
    usual = after_answers(100, 2.0)
    assert after_answers(500, 8.0, usual).limit > usual.limit


def test_a_slow_first_answer_is_forgotten_soon() -> None:
    assert after_answers(60, 1.0, Concurrency().answered(30.0, 4)).baseline == pytest.approx(1.0, abs=1.5)


def test_a_clock_that_was_set_back_makes_no_answer_faster_than_at_once() -> None:
    usual = after_answers(40, 2.0)
    assert usual.answered(-3600.0, 1).baseline == usual.answered(0.0, 1).baseline


def test_a_push_back_halves_it() -> None:
    assert Concurrency(limit=40).pushed_back(NOW).limit == 20


def test_a_burst_of_push_backs_counts_once() -> None:
    once = Concurrency(limit=40).pushed_back(NOW)
    assert once.pushed_back(NOW).pushed_back(NOW + BURST_SECONDS - 0.1) == once
    assert once.pushed_back(NOW - 3) == once


def test_a_later_push_back_counts_again() -> None:
    assert Concurrency(limit=40).pushed_back(NOW).pushed_back(NOW + 6).limit == 10


def test_push_backs_leave_one_request_under_way() -> None:
    concurrency = Concurrency()
    for moment in range(0, 200, 5):
        concurrency = concurrency.pushed_back(NOW + moment)
    assert concurrency.limit == 1


@given(
    st.floats(1, 300),
    st.lists(st.tuples(st.floats(-10, 100), st.none() | st.floats(-1, 700), st.integers(0, 300)), max_size=60),
)
def test_whatever_happens_the_limit_keeps_its_bounds(
    ceiling: float, steps: list[tuple[float, float | None, int]]
) -> None:
    concurrency, now = Concurrency.up_to(ceiling), NOW
    for gap, latency, under_way in steps:
        now += gap
        concurrency = concurrency.pushed_back(now) if latency is None else concurrency.answered(latency, under_way)
        assert concurrency.floor <= concurrency.limit <= concurrency.ceiling
