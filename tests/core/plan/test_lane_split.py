"""The sync lane gets exactly as many rows as it should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.plan.lane_split import LaneSplit, items_up_to, lane_split


@pytest.mark.parametrize(
    ("sync_rows", "shared"),
    [(0, (0, 0)), (4, (0, 4)), (10, (1, 0)), (13, (1, 3)), (29, (2, 9)), (30, (3, 0)), (99, (3, 0))],
)
def test_the_first_shards_go_whole_and_the_next_one_as_far_as_it_has_to(
    sync_rows: int, shared: tuple[int, int]
) -> None:
    assert lane_split([10, 10, 10], sync_rows) == LaneSplit(*shared)


@given(st.lists(st.integers(1, 1_000), max_size=20), st.integers(0, 20_000))
def test_no_row_is_lost_and_none_too_many_goes_to_the_sync_lane(sizes: list[int], sync_rows: int) -> None:
    shared = lane_split(sizes, sync_rows)
    assert sum(sizes[: shared.whole]) + shared.rows == min(sync_rows, sum(sizes))


def test_items_that_are_answered_already_are_no_rows_of_the_sync_lane() -> None:
    asked = np.array([True, False, False, True, True])
    assert [items_up_to(asked, rows) for rows in (1, 2, 3)] == [1, 4, 5]
