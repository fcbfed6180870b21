from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.settle.bucket import MIN_PACE
from airflow_provider_claude.core.settle.concurrency import BURST_SECONDS, CEILING, START, Concurrency
from airflow_provider_claude.errors import JobError

NOW = 1_800_000_000.0


def after_answers(count: int, latency: float, start: Concurrency | None = None) -> Concurrency:
    concurrency = start or Concurrency()
    for _ in range(count):
        concurrency = concurrency.answered(latency, NOW)
    return concurrency


def test_it_starts_with_a_few_at_full_pace() -> None:
    assert Concurrency().limit == START
    assert Concurrency().pace(NOW) == 1.0


def test_a_low_ceiling_holds_from_the_start() -> None:
    assert Concurrency.up_to(2).limit == 2
    assert Concurrency.up_to(64) == Concurrency(ceiling=64)


@pytest.mark.parametrize("ceiling", [0, -1, 0.5, math.nan])
def test_a_ceiling_that_lets_nothing_through_is_refused(ceiling: float) -> None:
    with pytest.raises(JobError, match="write 1 or more"):
        Concurrency.up_to(ceiling)


def test_a_round_of_answers_allows_about_one_more() -> None:
    assert after_answers(4, 2.0).limit == pytest.approx(5.0, abs=0.15)
    assert after_answers(50, 2.0, Concurrency(limit=50)).limit == pytest.approx(51.0, abs=0.05)


def test_it_grows_no_further_than_its_ceiling() -> None:
    assert after_answers(100, 2.0, Concurrency(limit=CEILING - 0.1)).limit == CEILING


def test_answers_that_take_twice_as_long_as_usual_hold_it() -> None:
    usual = after_answers(40, 2.0)
    slow = usual.answered(4.1, NOW)
    assert slow.limit == usual.limit
    assert slow.answered(3.0, NOW).limit > usual.limit


def test_one_short_answer_does_not_make_all_others_slow() -> None:
    assert after_answers(40, 5.0).answered(0.1, NOW).baseline == pytest.approx(4.755)


def test_a_slow_minute_does_not_become_usual() -> None:
    usual = after_answers(100, 2.0)
    overloaded = after_answers(50, 8.0, usual)
    assert overloaded.limit == usual.limit


def test_answers_that_stay_longer_become_usual_in_the_end() -> None:
    usual = after_answers(100, 2.0)
    assert after_answers(500, 8.0, usual).limit > usual.limit


def test_a_slow_first_answer_is_forgotten_soon() -> None:
    assert after_answers(60, 1.0, Concurrency().answered(30.0, NOW)).baseline == pytest.approx(1.0, abs=1.5)


def test_a_push_back_halves_it_and_the_pace() -> None:
    pushed = Concurrency(limit=40).pushed_back(NOW)
    assert pushed.limit == 20
    assert pushed.pace(NOW) == 0.5


def test_a_burst_of_push_backs_counts_once() -> None:
    once = Concurrency(limit=40).pushed_back(NOW)
    assert once.pushed_back(NOW).pushed_back(NOW + BURST_SECONDS - 0.1) == once
    assert once.pushed_back(NOW - 3) == once


def test_a_later_push_back_counts_again() -> None:
    twice = Concurrency(limit=40).pushed_back(NOW).pushed_back(NOW + 6)
    assert twice.limit == 10
    assert twice.pace(NOW + 6) == pytest.approx((0.5 + 6 / 60) / 2)


def test_push_backs_leave_one_request_under_way_and_a_little_pace() -> None:
    concurrency = Concurrency()
    for moment in range(0, 200, 5):
        concurrency = concurrency.pushed_back(NOW + moment)
    assert concurrency.limit == 1
    assert MIN_PACE <= concurrency.pace(NOW + 195) < 0.1


def test_the_pace_is_whole_again_within_a_minute() -> None:
    pushed = Concurrency().pushed_back(NOW)
    assert pushed.pace(NOW + 15) == 0.75
    assert pushed.pace(NOW + 30) == 1.0
    assert Concurrency(slowed_to=MIN_PACE, pushed_at=NOW).pace(NOW + 60) == 1.0


def test_a_clock_that_is_behind_does_not_speed_up() -> None:
    assert Concurrency().pushed_back(NOW).pace(NOW - 30) == 0.5


@given(
    st.floats(1, 300),
    st.lists(st.tuples(st.floats(-10, 100), st.none() | st.floats(-1, 700)), max_size=60),
)
def test_whatever_happens_limit_and_pace_keep_their_bounds(
    ceiling: float, steps: list[tuple[float, float | None]]
) -> None:
    concurrency, now = Concurrency.up_to(ceiling), NOW
    for gap, latency in steps:
        now += gap
        concurrency = concurrency.pushed_back(now) if latency is None else concurrency.answered(latency, now)
        assert concurrency.floor <= concurrency.limit <= concurrency.ceiling
        assert MIN_PACE <= concurrency.pace(now) <= 1.0
