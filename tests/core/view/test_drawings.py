from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.view.drawings import stack, timeline
from airflow_provider_claude.core.view.run_view import Planned, RunView
from airflow_provider_claude.core.view.shards import ShardView, Stage

START = 1_764_025_200.0  # 2025-11-25 00:00 in Berlin
HOUR = 3600.0


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def shard(number: int, hours: float | None) -> ShardView:
    """A shard that was sent at the start, and loaded so many hours later; None: it is not."""
    ended = None if hours is None else iso(START + hours * HOUR)
    return ShardView(
        number=number,
        rows=10,
        lane="batch",
        stage=Stage.IN_BATCH if hours is None else Stage.DONE,
        created_at=iso(START),
        ended_at=ended,
        loaded_at=ended,
    )


def view(*shards: ShardView, now: float = START + 4 * HOUR, cutoffs: dict[int, float] | None = None) -> RunView:
    plan = Planned(
        at=iso(START),
        model="m",
        partition=None,
        zone="Europe/Berlin",
        due=START + 9 * HOUR,
        safe_deadline=None,
        estimate=None,
    )
    return RunView(folder="f", now=now, planned=plan, shards=shards, cutoffs=cutoffs or {})


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**7)))
def test_the_parts_of_a_stack_fill_it_in_order_and_each_can_be_seen(counts: dict[str, int]) -> None:
    parts = stack(counts)
    assert [part.kind for part in parts] == [kind for kind, count in counts.items() if count]
    assert all(part.width > 0.3 for part in parts)
    if parts:
        assert abs(sum(part.width for part in parts) - 100) < 0.1
        assert parts[0].x == 0.0


def test_an_open_shard_is_drawn_until_now_and_the_clock_is_that_of_the_zone() -> None:
    drawn = timeline(view(shard(1, 2.0), shard(2, None), cutoffs={2: START + 8 * HOUR}))
    assert drawn is not None
    first, second = drawn.bars
    assert (first.open, second.open) == (False, True)
    assert second.x + second.waiting == drawn.now
    assert drawn.due is not None
    assert second.cutoff is not None
    assert second.x < drawn.now < second.cutoff < drawn.due < 100  # type: ignore[operator]
    assert drawn.ticks[0].label == "00:00"


def test_many_shards_share_bars() -> None:
    drawn = timeline(view(*(shard(n, 1.0) for n in range(500))))
    assert drawn is not None
    assert len(drawn.bars) <= 24
    assert drawn.bars[0].label == "0–20"


def test_without_a_shard_that_was_sent_there_is_no_time_line() -> None:
    assert timeline(view()) is None
