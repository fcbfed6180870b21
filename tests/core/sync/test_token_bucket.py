from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.core.sync.token_bucket import (
    CLOSED_SECONDS,
    DEBT_SECONDS,
    FORGOTTEN_SECONDS,
    MIN_PACE,
    Bucket,
    Buckets,
    Use,
)
from airflow_provider_claude.errors import JobError

NOW = 1_800_000_000.0
START = AccountLimits(requests=1_000, input_tokens=2_000_000, output_tokens=400_000)

#: Epoch seconds in floats tell moments apart by so much; a window is open at its end.
TICK = 1e-5

Draw = tuple[float, Use]


def bucket(level: float = 10.0) -> Bucket:
    return Bucket(rate=2.0, capacity=10.0, level=level, at=NOW)


def full(limits: AccountLimits = START, reserve: float = 0.1) -> Buckets:
    return Buckets.fresh(limits, reserve=reserve, now=NOW)


def most_in(draws: list[Draw], meter: int, seconds: float) -> float:
    """The most that was drawn of *meter* in any window of so many *seconds*, its end not included."""
    sums = [0.0, *accumulate(use[meter] for _, use in draws)]
    most, first = 0.0, 0
    for last, (moment, _) in enumerate(draws):
        while moment - draws[first][0] >= seconds - TICK:
            first += 1
        most = max(most, sums[last + 1] - sums[first])
    return most


def stored(numbers: Sequence[float], now: float = NOW, limits: AccountLimits = START, reserve: float = 0.1) -> Buckets:
    return Buckets.stored(numbers, limits, reserve=reserve, now=now)


def send(buckets: Buckets, use: Use, now: float) -> tuple[Buckets, float]:
    """Wait for *use* and draw it; also returns when."""
    now += buckets.wait(use, now)
    assert buckets.wait(use, now) == 0, "waiting once is enough"
    return buckets.drawn(use, now), now


def amounts(most: Use) -> st.SearchStrategy[Use]:
    tokens = [st.integers(0, math.floor(one)) | st.just(math.floor(one)) for one in most[1:]]
    return st.builds(Use, st.just(1), *tokens)


limits = st.builds(
    AccountLimits,
    requests=st.integers(1, 300) | st.integers(1, 10_000),
    input_tokens=st.integers(1, 10_000) | st.integers(1, 10_000_000),
    output_tokens=st.integers(1, 10_000) | st.integers(1, 2_000_000),
)
reserves = st.floats(0, 0.9)
gaps = st.just(0.0) | st.floats(0, 3) | st.floats(0, 200)


class TestBucket:
    def test_it_refills_with_time_up_to_its_capacity(self) -> None:
        assert bucket(4.0).refilled(NOW + 2).level == 8.0
        assert bucket(4.0).refilled(NOW + 60).level == 10.0

    def test_an_earlier_moment_refills_nothing_and_does_not_turn_time_back(self) -> None:
        assert bucket(4.0).refilled(NOW - 5) == bucket(4.0)
        assert bucket(4.0).drawn(1, NOW - 5) == bucket(3.0)

    def test_a_clock_that_is_behind_waits_until_the_bucket_refills_again(self) -> None:
        assert bucket(4.0).wait(6, NOW - 5) == 6.0
        assert bucket(4.0).wait(4, NOW - 5) == 0.0

    def test_what_is_there_needs_no_wait(self) -> None:
        assert bucket().wait(10, NOW) == 0.0

    def test_what_is_missing_is_waited_for(self) -> None:
        assert bucket(4.0).wait(7, NOW) == 1.5
        assert bucket(4.0).wait(7, NOW + 1) == 0.5

    def test_an_amount_above_the_capacity_waits_for_a_full_bucket_and_leaves_a_debt(self) -> None:
        assert bucket(4.0).wait(25, NOW) == 3.0
        assert bucket().wait(25, NOW) == 0.0
        assert bucket().drawn(25, NOW).level == -15.0

    def test_a_debt_is_paid_before_anything_is_drawn(self) -> None:
        assert bucket(-15.0).wait(0, NOW) == 7.5
        assert bucket(-15.0).wait(1, NOW) == 8.0

    def test_a_negative_amount_is_given_back_as_far_as_it_fits(self) -> None:
        assert bucket(4.0).drawn(-3, NOW).level == 7.0
        assert bucket(4.0).drawn(-30, NOW).level == 10.0

    @given(level=st.floats(-1e7, 1e5), amount=st.floats(0, 1e7), rate=st.floats(1e-3, 2e5), late=st.floats(-10, 1e4))
    def test_after_its_wait_an_amount_can_be_drawn(self, level: float, amount: float, rate: float, late: float) -> None:
        held = Bucket(rate=rate, capacity=1e5, level=level, at=NOW)
        now = NOW + late
        now += held.wait(amount, now)
        # The longest waits here are years: their ends, as epoch seconds, are told apart by less than a microsecond still.
        assert held.wait(amount, now) < TICK


class TestBuckets:
    def test_a_full_one_holds_a_second_of_the_limits_and_refills_by_what_is_not_reserved(self) -> None:
        requests, output = full(reserve=0.2).requests, full(reserve=0.2).output
        assert (requests.level, requests.capacity) == pytest.approx((1_000 / 60, 1_000 / 60))
        assert requests.rate == pytest.approx(800 / 60)
        assert (output.capacity, output.rate) == pytest.approx((400_000 / 60, 320_000 / 60))

    def test_a_small_reserve_makes_small_buckets_that_still_let_one_request_through(self) -> None:
        assert full(reserve=0.005).input.capacity == pytest.approx(10_000)
        assert full(reserve=0).requests.capacity == 1.0

    @pytest.mark.parametrize("reserve", [-0.1, 0.91, 1.0, math.nan, math.inf])
    def test_a_reserve_that_is_no_share_is_refused_with_what_to_write(self, reserve: float) -> None:
        with pytest.raises(JobError, match=r"from 0 \(nothing\) to 0.9, such as 0.2"):
            full(reserve=reserve)

    def test_the_wait_is_the_longest_of_the_three(self) -> None:
        buckets = full(reserve=0.1)
        empty = buckets.drawn(Use(*(one.level for one in (buckets.requests, buckets.input, buckets.output))), NOW)
        assert empty.wait(Use(1, 0, 0), NOW) == pytest.approx(60 / 900)
        assert empty.wait(Use(1, 30_000, 0), NOW) == pytest.approx(1.0)
        assert empty.wait(Use(1, 30_000, 6_500), NOW) == pytest.approx(6_500 / 6_000)

    def test_an_estimate_that_was_too_high_is_given_back(self) -> None:
        drawn = full().drawn(Use(1, 5_000, 900), NOW)
        assert drawn.corrected(Use(1, 5_000, 900), Use(1, 4_000, 100), NOW) == full().drawn(Use(1, 4_000, 100), NOW)

    def test_an_estimate_that_was_too_low_becomes_a_debt(self) -> None:
        drawn = full().drawn(Use(1, 5_000, 900), NOW)
        late = drawn.corrected(Use(1, 5_000, 900), Use(1, 5_000, 12_900), NOW)
        assert late.output.level == pytest.approx(400_000 / 60 - 12_900)
        assert late.wait(Use(1, 0, 0), NOW) == pytest.approx((12_900 - 400_000 / 60) / 6_000)

    def test_a_request_that_used_nothing_is_given_back_whole(self) -> None:
        use = Use(1, 5_000, 900)
        assert full().drawn(use, NOW).corrected(use, Use(0, 0, 0), NOW) == full()

    def test_with_other_limits_the_levels_stay_as_far_as_they_fit(self) -> None:
        buckets = full().drawn(Use(10, 0, 10_000), NOW)
        other = AccountLimits(requests=60, input_tokens=6_000, output_tokens=600_000)
        lower = stored(buckets.numbers(), limits=other)
        assert (lower.requests.level, lower.requests.rate) == pytest.approx((1.0, 0.9))
        assert (lower.input.level, lower.input.capacity) == pytest.approx((100.0, 100.0))
        assert lower.output.level == buckets.output.level
        assert lower.output.rate == pytest.approx(9_000)

    def test_each_lane_has_its_own_reserve(self) -> None:
        numbers = full(reserve=0.1).drawn(Use(10, 0, 0), NOW).numbers()
        assert stored(numbers, reserve=0.5).requests.level == full().requests.level - 10
        assert stored(numbers, reserve=0.5).requests.rate == pytest.approx(500 / 60)

    def test_until_a_change_of_the_pace_the_old_one_counts(self) -> None:
        empty = full().drawn(Use(20, 0, 0), NOW)
        assert empty.paced(0.5, NOW + 1).requests.level == empty.requests.refilled(NOW + 1).level

    def test_whoever_comes_later_waits_behind_what_was_drawn_before(self) -> None:
        large = Use(1, 300_000, 0)
        buckets = full()
        assert buckets.wait(large, NOW) == 0
        waits = []
        for _ in range(3):
            buckets = buckets.drawn(Use(1, 30_000, 0), NOW) if waits else buckets.drawn(large, NOW)
            waits.append(buckets.wait(Use(1, 30_000, 0), NOW))
        assert waits == sorted(waits)
        assert waits[1] - waits[0] == pytest.approx(1.0)

    def test_a_pace_is_of_the_full_rate_and_not_of_the_last_pace(self) -> None:
        slow = full().paced(0.5, NOW).paced(0.25, NOW)
        assert slow.input.rate == pytest.approx(0.25 * full().input.rate)
        assert slow.paced(1.0, NOW).input.rate == pytest.approx(full().input.rate)

    def test_a_pace_survives_other_limits(self) -> None:
        other = AccountLimits(requests=5_000, input_tokens=5_000_000, output_tokens=1_000_000)
        slow = stored(full().paced(0.5, NOW).numbers(), limits=other)
        assert slow.requests.rate == pytest.approx(0.5 * 0.9 * 5_000 / 60)

    def test_closed_ones_let_nothing_through_and_are_empty_when_they_open(self) -> None:
        closed = full().closed(5.0, NOW)
        assert closed.wait(Use(1, 0, 0), NOW) == pytest.approx(5 + 1 / 15)
        assert closed.wait(Use(1, 0, 0), NOW + 5) == pytest.approx(1 / 15)
        assert stored(closed.numbers(), NOW + 5).requests.level == 0

    def test_who_closes_them_later_does_not_open_them_sooner(self) -> None:
        closed = full().closed(20.0, NOW)
        assert closed.closed(1.0, NOW + 1).wait(Use(1, 0, 0), NOW + 1) == pytest.approx(19 + 1 / 15)

    @pytest.mark.parametrize(("asked", "kept"), [(3600.0, CLOSED_SECONDS), (-5.0, 0.0)])
    def test_they_are_closed_for_a_minute_at_most(self, asked: float, kept: float) -> None:
        assert full().closed(asked, NOW).wait(Use(1, 0, 0), NOW) == pytest.approx(kept + 1 / 15)

    @pytest.mark.parametrize(("share", "pace"), [(0.0, MIN_PACE), (-1.0, MIN_PACE), (2.0, 1.0)])
    def test_a_pace_is_never_nothing_and_never_more_than_all(self, share: float, pace: float) -> None:
        assert full().paced(share, NOW).pace == pace

    def test_a_clock_that_is_behind_changes_the_pace_without_a_refill(self) -> None:
        late = full().drawn(Use(20, 0, 0), NOW + 30)
        assert late.paced(0.5, NOW).requests.level == late.requests.level
        assert late.paced(0.5, NOW).requests.at == NOW + 30

    @given(limits, reserves, st.floats(MIN_PACE, 1), gaps)
    def test_the_numbers_hold_all_that_lanes_share(
        self, limits: AccountLimits, reserve: float, pace: float, gap: float
    ) -> None:
        buckets = full(limits, reserve).paced(pace, NOW).drawn(Use(1, 0.7, 0.3), NOW + gap)
        numbers = json.loads(json.dumps(buckets.numbers()))
        assert all(isinstance(number, float) for number in numbers)
        again = stored(numbers, NOW + gap, limits, reserve)
        assert again.numbers() == buckets.numbers()
        assert again.wait(Use(3, 3, 3), NOW + gap) == pytest.approx(buckets.wait(Use(3, 3, 3), NOW + gap))


class TestWhatCannotBe:
    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e300, -1e300, -1.0, 7.0])
    @pytest.mark.parametrize("place", range(10))
    def test_whatever_number_was_stored_a_request_gets_its_turn(self, number: float, place: int) -> None:
        numbers = list(full().drawn(Use(17, 0, 0), NOW).numbers())
        numbers[place] = number
        assert stored(numbers).wait(Use(1, 500, 50), NOW) <= (DEBT_SECONDS + 2) / 0.9

    @given(st.lists(st.floats(), max_size=12) | st.lists(st.floats(0, 2), min_size=10, max_size=10))
    def test_whatever_numbers_were_stored_the_wait_has_an_end(self, numbers: list[float]) -> None:
        wait = stored(numbers).wait(Use(1, 500, 50), NOW)
        assert 0 <= wait <= CLOSED_SECONDS + (DEBT_SECONDS + 2) / (MIN_PACE * 0.9)

    @pytest.mark.parametrize("numbers", [(), (1.0,) * 9, (1.0,) * 11, (1.0,) * 9 + (math.nan,)])
    def test_what_is_no_buckets_is_taken_for_fresh_ones(self, numbers: tuple[float, ...]) -> None:
        assert stored(numbers) == full()

    def test_a_clock_that_was_set_back_stops_no_one(self) -> None:
        numbers = full().drawn(Use(17, 0, 0), NOW + 7_200).numbers()
        assert stored(numbers).wait(Use(1, 0, 0), NOW) == pytest.approx((1 + 17 - 1_000 / 60) / 15)

    def test_what_no_one_has_looked_at_for_long_is_forgotten(self) -> None:
        numbers = full().drawn(Use(900, 0, 0), NOW).paced(0.2, NOW).numbers()
        assert stored(numbers, NOW + FORGOTTEN_SECONDS).pace == 0.2
        assert stored(numbers, NOW + FORGOTTEN_SECONDS + 1) == Buckets.fresh(
            START, reserve=0.1, now=NOW + FORGOTTEN_SECONDS + 1
        )


class TestWhatIsLetThrough:
    @given(st.data(), limits, reserves)
    def test_no_minute_holds_more_than_the_limits_whatever_the_pace(
        self, data: st.DataObject, limits: AccountLimits, reserve: float
    ) -> None:
        buckets, now = full(limits, reserve), NOW
        draws: list[Draw] = []
        largest = Use(1, buckets.input.capacity, buckets.output.capacity)
        paces = st.just(1.0) | st.floats(0, 1)
        steps = data.draw(st.lists(st.tuples(gaps, paces, amounts(largest), st.integers(1, 50)), max_size=8))
        for gap, pace, use, times in steps:
            buckets = buckets.paced(pace, now)
            now += gap
            for _ in range(times):
                buckets, now = send(buckets, use, now)
                draws.append((now, use))
        for meter, limit in enumerate((limits.requests, limits.input_tokens, limits.output_tokens)):
            assert most_in(draws, meter, 60) <= limit

    @given(limits, reserves)
    def test_a_lane_without_a_pause_uses_all_that_is_not_reserved(self, limits: AccountLimits, reserve: float) -> None:
        buckets, now = full(limits, reserve), NOW
        draws: list[Draw] = []
        use = Use(0, math.floor(buckets.input.capacity), 0)
        while now < NOW + 130 and len(draws) < 1_500:
            buckets, now = send(buckets, use, now)
            draws.append((now, use))
        seconds = now - NOW
        sent = sum(use.input for _, use in draws)
        assert sent == pytest.approx(buckets.input.capacity + seconds * buckets.input.rate, rel=0.01, abs=1)
        assert most_in(draws, 1, 60) <= limits.input_tokens

    @given(
        limits=limits,
        reserve=reserves,
        steps=st.lists(st.tuples(gaps, st.floats(0, 1e5), st.floats(0, 1e5)), min_size=1, max_size=40),
        seconds=st.floats(0.1, 3600),
    )
    def test_no_window_holds_more_than_a_bucket_its_refill_and_the_debt_of_one_amount(
        self, limits: AccountLimits, reserve: float, steps: list[tuple[float, float, float]], seconds: float
    ) -> None:
        buckets, now = full(limits, reserve), NOW
        draws: list[Draw] = []
        for gap, tokens_in, tokens_out in steps:
            use = Use(1, tokens_in, tokens_out)
            buckets, now = send(buckets, use, now + gap)
            draws.append((now, use))
        for meter, held in enumerate((buckets.requests, buckets.input, buckets.output)):
            largest = max(use[meter] for _, use in draws)
            bound = max(held.capacity, largest) + held.rate * seconds
            assert most_in(draws, meter, seconds) <= bound * (1 + 1e-9) + 1e-3

    @given(reserves, st.floats(0, 1))
    def test_one_amount_within_the_reserve_keeps_the_limit_of_a_minute(self, reserve: float, part: float) -> None:
        buckets, now = full(reserve=reserve), NOW
        draws: list[Draw] = []
        large = Use(1, max(buckets.input.capacity, part * reserve * START.input_tokens), 0)
        small = Use(1, math.floor(buckets.input.capacity), 0)
        for use in [small] * 70 + [large] + [small] * 70:
            buckets, now = send(buckets, use, now)
            draws.append((now, use))
        assert most_in(draws, 1, 60) <= START.input_tokens + 1

    @given(st.lists(st.tuples(gaps, st.floats(0, 5_000), st.floats(0, 5_000), st.integers(0, 5)), max_size=40))
    def test_what_was_drawn_less_what_was_given_back_keeps_to_the_refill(
        self, steps: list[tuple[float, float, float, int]]
    ) -> None:
        buckets, now, net = full(), NOW, 0.0
        largest = buckets.output.capacity
        under_way: list[tuple[float, float]] = []
        for gap, estimated, used, answers in steps:
            buckets, now = send(buckets, Use(1, 0, estimated), now + gap)
            under_way.append((estimated, used))
            assert buckets.output.level <= buckets.output.capacity
            net += estimated
            assert net <= largest + buckets.output.rate * (now - NOW) + 1e-3
            for drawn, took in under_way[:answers]:
                buckets = buckets.corrected(Use(1, 0, drawn), Use(1, 0, took), now)
                net += took - drawn
            del under_way[:answers]

    @given(st.lists(st.tuples(st.floats(0, 200), st.floats(0, 200)), max_size=30))
    def test_after_the_answers_the_bucket_is_as_if_their_use_had_been_known(
        self, uses: list[tuple[float, float]]
    ) -> None:
        guessed = known = full()
        for estimated, used in uses:
            guessed = guessed.drawn(Use(1, 0, estimated), NOW)
            known = known.drawn(Use(1, 0, used), NOW)
        for estimated, used in uses:
            guessed = guessed.corrected(Use(1, 0, estimated), Use(1, 0, used), NOW)
        assert guessed.output.level == pytest.approx(known.output.level)
        assert guessed.requests.level == known.requests.level
