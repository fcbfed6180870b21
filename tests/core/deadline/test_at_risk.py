"""The alert once a batch was abandoned."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.deadline.at_risk import AtRisk, Open, assess_risk

HOUR, MINUTE = 3600.0, 60.0


def shard(number: int, **changes: Any) -> Open:
    """A thousand rows, which the lane needs ten minutes and a dollar for."""
    one = Open(shard=number, rows=1_000, seconds=10 * MINUTE, cost=Decimal(1), abandoned=False)
    return replace(one, **changes)


def clock(moment: float) -> str:
    return f"{int(moment // HOUR):02d}:{int(moment % HOUR // MINUTE):02d}"


def at(now: float, *work: Open) -> AtRisk:
    return assess_risk(work, now=now, lead=2 * MINUTE, due=9 * HOUR)


def test_the_shard_that_was_abandoned_is_reported_with_its_rows_and_their_cost() -> None:
    at_risk = at(8 * HOUR, shard(3, abandoned=True), shard(4))
    assert (at_risk.shards, at_risk.rows, at_risk.cost) == ((3,), 1_000, Decimal(1))
    assert at_risk.sentences(clock) == (
        "Shard 3 was abandoned at the cutoff: up to 1,000 rows go to the sync lane, for about $1.00. If no other batch ends, "
        "all 2,000 open rows are answered by 08:22, for about $2.00: the deadline 09:00 can still be met."
    )


def test_where_a_cancel_without_effect_is_waited_for_it_says_so() -> None:
    at_risk = assess_risk([shard(3, abandoned=True)], now=8 * HOUR, lead=2 * MINUTE, due=9 * HOUR, choice="wait")
    assert at_risk.sentences(clock).startswith(
        "Shard 3 was abandoned at the cutoff, and the cancel is on its way: when it has ended, up to 1,000 rows go to the "
        "sync lane, for about $1.00. If the cancel has no effect, the run waits for the batch, past the deadline: "
        "stuck_batches is 'wait'."
    )


def test_where_the_lane_cannot_make_all_it_says_how_many() -> None:
    at_risk = at(8.5 * HOUR, shard(3, abandoned=True), shard(4, abandoned=True), shard(5), shard(6))
    assert not at_risk.makes_it
    assert at_risk.sentences(clock) == (
        "Shards 3, 4 were abandoned at the cutoff: up to 2,000 rows go to the sync lane, for about $2.00. If no other batch "
        "ends, the sync lane answers about 2,800 of 4,000 open rows by 09:00, and the last by 09:12: not all will be on time."
    )


def test_shards_that_were_the_sync_lanes_from_the_start_are_open_but_were_not_abandoned() -> None:
    at_risk = at(8 * HOUR, shard(1, abandoned=True, planned=True), shard(3, abandoned=True))
    assert (at_risk.shards, at_risk.rows, at_risk.open_rows) == ((3,), 1_000, 2_000)


@pytest.mark.parametrize("now", [9 * HOUR, 10 * HOUR])
def test_after_the_deadline_nothing_can_be_made(now: float) -> None:
    assert at(now, shard(1, abandoned=True)).makeable == 0


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=9), st.floats(0, 10 * HOUR))
def test_all_can_be_made_exactly_where_the_promise_can_be_kept(rows: list[int], now: float) -> None:
    at_risk = at(now, *(shard(number, rows=count, seconds=count / 2) for number, count in enumerate(rows)))
    assert 0 <= at_risk.makeable <= at_risk.open_rows
    assert at_risk.makes_it <= (at_risk.makeable == at_risk.open_rows)


OUTLOOK = "If no other batch ends, "
WAITS = "cannot be ended, and the run waits past the cutoff: stuck_batches is 'wait'."


def test_batches_that_are_only_waited_for_are_named_and_none_is_called_abandoned() -> None:
    one, two = at(8 * HOUR, shard(3, waits=True)), at(8 * HOUR, shard(3, waits=True), shard(12, waits=True))
    assert one.sentences(clock).startswith(f"The batch of shard 3 {WAITS} {OUTLOOK}")
    assert two.sentences(clock).startswith(f"The batches of shards 3, 12 {WAITS} {OUTLOOK}")


def test_a_batch_that_was_abandoned_and_one_that_is_waited_for_are_both_named() -> None:
    both = at(8 * HOUR, shard(3, abandoned=True), shard(4, waits=True)).sentences(clock)
    assert both.startswith("Shard 3 was abandoned at the cutoff: up to 1,000 rows")
    assert f"for about $1.00. The batch of shard 4 {WAITS} {OUTLOOK}" in both


def test_a_batch_of_the_sync_lane_s_own_shard_was_left_and_not_abandoned() -> None:
    planned = at(8 * HOUR, shard(1, abandoned=True, planned=True))
    assert planned.sentences(clock).startswith(f"A batch was left at the cutoff. {OUTLOOK}")
