"""When each shard was sent, ended and loaded. Times are ISO 8601 in records and epoch seconds in charts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from airflow_provider_claude.core.times import epoch

_T = TypeVar("_T")

#: More bars than this cannot be read; neighbours then share one.
MAX_BARS = 24


class ShardSpan(msgspec.Struct, frozen=True, kw_only=True):
    """One shard's times: its first submission, the end of its last attempt, and the load of its rows.

    A time is None if it has not come, or if the shard skips that step.
    """

    shard: int
    rows: int
    lane: str
    attempts: int
    created_at: str | None
    ended_at: str | None
    loaded_at: str | None

    @property
    def seconds(self) -> float | None:
        """From the first submission to the load; None where one of them is missing."""
        if self.created_at is None or self.loaded_at is None:
            return None
        return epoch(self.loaded_at) - epoch(self.created_at)


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One bar: sent at `start`, waited until `ended`, loaded until `loaded` (epoch seconds, in this order)."""

    label: str
    start: float
    ended: float
    loaded: float


def bars(spans: Iterable[ShardSpan], limit: int = MAX_BARS) -> list[Bar]:
    """At most *limit* bars for *spans*, in order; consecutive shards share a bar where there are more.

    A shared bar runs from the first submission to the last end and the last load. Shards that were never
    sent have no bar.
    """
    return list(map(_bar, shared([span for span in spans if span.created_at is not None], limit)))


def shared(sent: Sequence[_T], limit: int = MAX_BARS) -> list[Sequence[_T]]:
    """At most *limit* groups of *sent*, in order, of as many neighbours each: those that share a bar."""
    size = -(-len(sent) // limit)
    return [sent[i : i + size] for i in range(0, len(sent), size or 1)]


def _bar(spans: Sequence[ShardSpan]) -> Bar:
    start = min(_times(spans, "created_at"))
    ended = max([start, *_times(spans, "ended_at")])
    first, last = spans[0].shard, spans[-1].shard
    return Bar(
        label=str(first) if first == last else f"{first}–{last}",
        start=start,
        ended=ended,
        loaded=max([ended, *_times(spans, "loaded_at")]),
    )


def _times(spans: Sequence[ShardSpan], name: str) -> list[float]:
    return [epoch(text) for span in spans if (text := getattr(span, name)) is not None]


def near(drawn: Sequence[Bar], due: float | None) -> float | None:
    """The deadline *due* (epoch seconds), if it can stand beside *drawn* without squeezing them; else None."""
    if due is None or not drawn:
        return None
    start, end = min(bar.start for bar in drawn), max(bar.loaded for bar in drawn)
    return due if start < due < end + (end - start) else None


def slowest(spans: Iterable[ShardSpan], count: int = 5) -> list[ShardSpan]:
    """The *count* shards that took longest from submission to load, slowest first."""
    timed = [span for span in spans if span.seconds is not None]
    return sorted(timed, key=lambda span: (-(span.seconds or 0.0), span.shard))[:count]


def last_loading(spans: Sequence[ShardSpan]) -> str | None:
    """When the last shard was loaded; None while one is not, or without shards."""
    loaded = [span.loaded_at for span in spans]
    return max((t for t in loaded if t), key=epoch) if loaded and all(loaded) else None
