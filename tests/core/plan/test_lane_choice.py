from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.plan.lane_choice import Choice, Night, choose, for_unresolved

MINUTE, HOUR = 60.0, 3600.0
COST = {"batch": Decimal("2.75"), "sync": Decimal("5.50")}

#: Midnight is 0; nine hours, less ten minutes, for what the sync lane needs 25 minutes for.
NIGHT = Night(
    rows=100_000,
    sync_seconds=25 * MINUTE,
    now=0.0,
    safe_deadline=9 * HOUR - 10 * MINUTE,
    median_seconds=30 * MINUTE,
    late_seconds=60 * MINUTE,
    lead=5 * MINUTE,
    cost=COST,
)


def clock(moment: float) -> str:
    return f"{int(moment // HOUR):02d}:{int(moment % HOUR // MINUTE):02d}"


def chosen(night: Night = NIGHT, **changes: Any) -> Choice:
    return choose(replace(night, **changes), clock=clock)


class TestChoose:
    def test_a_night_is_long_enough_for_batches(self) -> None:
        choice = chosen()
        assert (choice.lane, choice.sync_rows, choice.makeable, choice.hopeless) == ("batch", 0, 100_000, False)
        assert choice.reason == (
            "100,000 rows go by batch: the sync lane needs 25 min for all of them, so they may be waited for until 08:20."
        )

    def test_both_lanes_are_reported_with_their_ends_and_costs(self) -> None:
        choice = chosen(now=HOUR)
        assert choice.batch_ends == (1.5 * HOUR, 2 * HOUR)
        assert choice.sync_ends == HOUR + 25 * MINUTE
        assert choice.cost == COST

    def test_without_a_deadline_everything_goes_by_batch_however_late_it_is(self) -> None:
        choice = chosen(safe_deadline=None, now=10**9, sync_seconds=10**6)
        assert (choice.lane, choice.sync_rows, choice.makeable, choice.hopeless) == ("batch", 0, 100_000, False)
        assert choice.reason == "100,000 rows go by batch: no deadline is set, and a batch costs half."

    @pytest.mark.parametrize("now", [0.0, 8.9 * HOUR, 10 * HOUR])
    def test_where_all_rows_have_answers_nothing_is_late_whenever_it_is_planned(self, now: float) -> None:
        choice = chosen(rows=0, sync_seconds=0.0, now=now)
        assert (choice.lane, choice.sync_rows, choice.makeable, choice.hopeless) == ("batch", 0, 0, False)

    def test_few_rows_due_soon_go_by_courier(self) -> None:
        choice = chosen(rows=2_000, sync_seconds=2 * MINUTE, now=8 * HOUR)
        assert (choice.lane, choice.sync_rows) == ("sync", 2_000)
        assert choice.reason == "2,000 rows go to the sync lane: it is done by 08:02, and a batch may not be by 08:50."

    @pytest.mark.parametrize(("minutes_left", "lane"), [(90, "batch"), (89, "sync"), (25, "sync"), (24, "mixed")])
    def test_a_batch_has_to_leave_time_for_a_late_one_and_for_the_lane_after_it(
        self, minutes_left: int, lane: str
    ) -> None:
        assert chosen(now=NIGHT.safe_deadline - minutes_left * MINUTE).lane == lane  # type: ignore[operator]

    def test_few_rows_are_not_due_soon_because_some_batches_took_all_night(self) -> None:
        assert chosen(late_seconds=9 * HOUR).lane == "batch"

    def test_many_rows_are_not_paid_in_full_where_cutoffs_are_enough(self) -> None:
        choice = chosen(rows=1_000_000, sync_seconds=8 * HOUR, late_seconds=2 * HOUR)
        assert (choice.lane, choice.sync_rows) == ("batch", 0)
        assert choice.reason.endswith("so they may be waited for until 00:45.")

    def test_what_the_lane_has_to_take_before_hardly_any_batch_ends_goes_sync_at_once(self) -> None:
        choice = chosen(rows=1_000_000, sync_seconds=500 * MINUTE, lead=25 * MINUTE)
        assert (choice.lane, choice.sync_rows, choice.makeable) == ("mixed", 20_000, 1_000_000)

    def test_more_rows_than_the_lane_makes_keep_it_busy_from_the_start(self) -> None:
        choice = chosen(rows=1_000_000, sync_seconds=1000 * MINUTE)
        assert (choice.lane, choice.sync_rows, choice.makeable, choice.hopeless) == ("mixed", 20_000, 530_000, False)
        assert choice.reason == (
            "20,000 of 1,000,000 rows go to the sync lane at once and the others by batch: the sync lane needs 16 h 40 min for "
            "all of them and cannot begin when batches have ended; it is sure of 530,000 by 08:50."
        )

    def test_with_less_time_than_a_usual_batch_takes_the_lane_makes_what_it_can(self) -> None:
        choice = chosen(now=8 * HOUR + 30 * MINUTE, sync_seconds=100 * MINUTE)
        assert (choice.lane, choice.sync_rows, choice.makeable, choice.hopeless) == ("mixed", 20_000, 20_000, True)
        assert choice.reason == (
            "Not all of 100,000 rows can be made by 08:50: the sync lane needs 100 min for all of them and is sure of 20,000 "
            "by 08:50, and batches usually take 30 min."
        )

    def test_after_the_deadline_everything_goes_by_batch_and_nothing_is_promised(self) -> None:
        choice = chosen(now=10 * HOUR)
        assert (choice.lane, choice.sync_rows, choice.makeable, choice.hopeless) == ("batch", 0, 0, True)

    def test_no_rows_need_no_lane(self) -> None:
        choice = chosen(rows=0, sync_seconds=0.0, now=8.8 * HOUR)
        assert (choice.lane, choice.sync_rows, choice.makeable, choice.hopeless) == ("batch", 0, 0, False)

    @given(
        st.builds(
            Night,
            rows=st.integers(0, 2_000_000),
            sync_seconds=st.floats(1, 1e5),
            now=st.floats(-1e5, 1e5),
            safe_deadline=st.none() | st.floats(-1e5, 1e5),
            median_seconds=st.floats(60, 1e4),
            late_seconds=st.floats(60, 9e4),
            lead=st.floats(30, 1e3),
            cost=st.just(COST),
        )
    )
    def test_no_row_is_sent_to_a_lane_that_does_not_make_it(self, night: Night) -> None:
        choice = choose(night, clock=clock)
        assert 0 <= choice.sync_rows <= choice.makeable <= night.rows
        assert (choice.lane == "batch") == (choice.sync_rows == 0)
        assert (choice.lane == "sync") == (choice.sync_rows == night.rows > 0)
        assert not (choice.hopeless and choice.makeable == night.rows)
        assert choice.reason.endswith(".")


ON_TIME: dict[str, Any] = {
    "now": 0.0,
    "safe_deadline": 4000.0,
    "late_seconds": 3000.0,
    "queue_seconds": 500.0,
    "lead": 100.0,
}


class TestForUnresolved:
    @pytest.mark.parametrize(("seconds", "lane"), [(400.0, "batch"), (401.0, "sync")])
    def test_another_batch_has_to_leave_time_for_the_lane_after_a_late_one(self, seconds: float, lane: str) -> None:
        assert for_unresolved(seconds, **ON_TIME) == lane

    def test_what_the_lane_has_to_do_besides_counts(self) -> None:
        assert for_unresolved(400.0, **{**ON_TIME, "queue_seconds": 501.0}) == "sync"

    def test_without_a_deadline_there_is_always_time_for_a_batch(self) -> None:
        assert for_unresolved(1e9, **{**ON_TIME, "safe_deadline": None}) == "batch"
