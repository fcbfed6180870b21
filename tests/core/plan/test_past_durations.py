from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.plan.past_durations import BatchTimes, Measured, cancel_seconds


def runs(minutes: list[float], *, requests: int = 10_000, hour: int = 0) -> list[Measured]:
    return [Measured(requests=requests, hour=hour, minutes=one) for one in minutes]


MEASURED = st.lists(
    st.builds(
        Measured,
        requests=st.integers(1, 100_000),
        hour=st.integers(0, 23),
        minutes=st.floats(0, 1440),
    )
)


class TestBatchTimes:
    def test_without_earlier_runs_most_batches_finish_within_an_hour(self) -> None:
        times = BatchTimes()
        assert (times.median_seconds(10_000, 0), times.late_seconds(10_000, 0)) == (1800.0, 3600.0)

    def test_half_of_the_batches_take_no_longer_than_the_median_and_nine_of_ten_no_longer_than_a_late_one(self) -> None:
        times = BatchTimes(runs([100, 10, 20, 30, 40, 50, 60, 70, 80, 90]))
        assert (times.median_seconds(10_000, 0), times.late_seconds(10_000, 0)) == (50 * 60.0, 90 * 60.0)

    def test_an_iterator_of_measurements_is_read_once_and_kept(self) -> None:
        times = BatchTimes(iter(runs([5])))
        assert times.late_seconds(1, 0) == times.late_seconds(1, 0) == 300.0

    @pytest.mark.parametrize(
        ("requests", "hour", "minutes"),
        [
            (10_000, 0, 20),
            (2_500, 0, 20),  # four times smaller
            (40_000, 0, 20),  # four times larger
            (2_499, 0, 60),
            (40_001, 0, 60),
            (10_000, 3, 20),
            (10_000, 21, 20),  # around midnight
            (10_000, 4, 60),
            (10_000, 20, 60),
        ],
    )
    def test_five_of_similar_size_and_hour_are_preferred_to_all(self, requests: int, hour: int, minutes: int) -> None:
        others = runs([60] * 20, requests=100, hour=12)
        assert BatchTimes(runs([20] * 5) + others).median_seconds(requests, hour) == 60.0 * minutes

    def test_four_similar_ones_are_not_enough(self) -> None:
        others = runs([60] * 5, requests=100, hour=12)
        assert BatchTimes(runs([20] * 4) + others).median_seconds(10_000, 0) == 3600.0

    @given(MEASURED, st.integers(0, 100_000), st.integers(0, 23))
    def test_a_late_batch_takes_at_least_as_long_as_a_usual_one(
        self, measured: list[Measured], requests: int, hour: int
    ) -> None:
        times = BatchTimes(measured)
        assert times.median_seconds(requests, hour) <= times.late_seconds(requests, hour)

    @given(MEASURED, st.randoms(use_true_random=False))
    def test_the_order_of_the_runs_does_not_matter(self, measured: list[Measured], rng: object) -> None:
        mixed = list(measured)
        rng.shuffle(mixed)  # type: ignore[attr-defined]
        assert BatchTimes(mixed).late_seconds(10_000, 0) == BatchTimes(measured).late_seconds(10_000, 0)


class TestCancels:
    @pytest.mark.parametrize(
        ("seconds", "careful"),
        [
            ([], 120.0),
            ([5.0, 8.0], 30.0),
            ([25.0, 90.0], 90.0),
            ([*range(1, 101)], 95.0),
            ([*[40.0] * 99, 7200.0], 40.0),
        ],
    )
    def test_of_measured_cancels_nearly_the_longest_is_expected(self, seconds: list[float], careful: float) -> None:
        assert cancel_seconds(iter(seconds)) == careful
