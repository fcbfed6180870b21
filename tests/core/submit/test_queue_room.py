from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.submit.queue_room import check_fits, has_room, wave_sentences, waves
from airflow_provider_claude.errors import JobError

SHARDS = st.lists(st.integers(1, 100), min_size=1, max_size=30)


def test_a_shard_has_room_up_to_the_last_place_of_the_queue() -> None:
    assert has_room(40, processing=60, queued=100)
    assert not has_room(41, processing=60, queued=100)


def test_into_an_empty_queue_any_shard_may_try() -> None:
    assert has_room(101, processing=0, queued=100)


@given(SHARDS, st.integers(100, 400))
def test_no_wave_holds_more_than_the_queue_and_fewer_waves_are_not_possible_in_this_order(
    shards: list[int], queued: int
) -> None:
    count = waves(shards, queued)
    assert count >= -(-sum(shards) // queued)
    assert count <= 1 + 2 * sum(shards) // queued


def test_a_queue_of_unknown_size_is_one_wave() -> None:
    assert waves([10**6] * 9, None) == 1


def test_a_shard_that_never_fits_is_refused_with_the_rows_to_write() -> None:
    with pytest.raises(JobError, match="shard_rows=100 or less"):
        check_fits([60, 101], 100)
    check_fits([60, 100], 100)
    check_fits([10**6], None)


def test_the_plan_says_in_how_many_waves_a_run_goes() -> None:
    [sentence] = wave_sentences([60, 60, 60], 100)
    assert "goes in 3 waves" in sentence
    assert wave_sentences([60, 40], 100) == []


def test_a_large_run_without_limits_is_advised_to_write_them() -> None:
    [sentence] = wave_sentences([100_000] * 3, None)
    assert "Write limits" in sentence
    assert wave_sentences([100_000] * 2, None) == []
