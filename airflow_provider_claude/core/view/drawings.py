"""The drawings of the page as numbers: where bars begin and how wide they are, in per cent of the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec import structs

from airflow_provider_claude.core.report.ticks import clock, round_times
from airflow_provider_claude.core.report.timeline import Bar, ShardSpan, bars, near, shared
from airflow_provider_claude.core.times import zone_at
from airflow_provider_claude.core.view.run_view import RunView
from airflow_provider_claude.core.view.shards import ShardView

#: The least width of a part that is there, in per cent: one row of a million can be seen.
_LEAST = 0.4


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a stacked bar: *count* of a *kind*."""

    kind: str
    count: int
    x: float
    width: float


def stack(counts: Mapping[str, int]) -> list[Part]:
    """The parts of a bar, side by side. Each that is not 0 can be seen."""
    there = {kind: count for kind, count in counts.items() if count > 0}
    total = sum(there.values())
    widths = {kind: max(100.0 * count / total, _LEAST) for kind, count in there.items()}
    scale = 100.0 / sum(widths.values()) if widths else 1.0
    parts, x = [], 0.0
    for kind, count in there.items():
        width = widths[kind] * scale
        parts.append(Part(kind=kind, count=count, x=round(x, 3), width=round(width, 3)))
        x += width
    return parts


@dataclass(frozen=True, kw_only=True)
class TimeBar:
    """A shard, or neighbours that share a bar: sent at *x*, waited for *waiting*, then loaded for *loading*, in per cent.

    *cutoff*: until when it is waited for. *open*: it is not loaded yet, and its bar goes on until now.
    """

    label: str
    x: float
    waiting: float
    loading: float
    open: bool
    cutoff: float | None = None


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment on the axis, in per cent, and its name."""

    x: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """When the shards were sent, ended and loaded, with a clock below. *due* and *now* where they are in the picture."""

    bars: Sequence[TimeBar]
    ticks: Sequence[Mark]
    due: float | None
    now: float | None


@dataclass(frozen=True)
class _Axis:
    start: float
    end: float

    def at(self, moment: float) -> float:
        """Where *moment* is, in per cent."""
        return round(100.0 * (moment - self.start) / (self.end - self.start), 3)

    def inside(self, moment: float | None) -> float | None:
        return None if moment is None or not self.start <= moment <= self.end else self.at(moment)


def timeline(view: RunView) -> Timeline | None:
    """The time line of a run; None before anything was sent."""
    going = view.report is None
    sent = [shard for shard in view.shards if shard.created_at is not None]
    if not sent:
        return None
    groups = shared(sent)
    drawn = [bars([_span(shard, view.now, going=going) for shard in group], 1)[0] for group in groups]
    axis, zone = _axis(drawn, view, going=going), zone_at(view.zone)
    return Timeline(
        bars=[_time_bar(bar, group, axis, view, going=going) for bar, group in zip(drawn, groups, strict=True)],
        ticks=[Mark(x=axis.at(at), label=clock(at, zone)) for at in round_times(axis.start, axis.end, zone)],
        due=axis.inside(view.planned.due if view.planned else None),
        now=axis.at(view.now) if going else None,
    )


def _span(shard: ShardView, now: float, *, going: bool) -> ShardSpan:
    """The times of *shard*; what has not come while the run is on is drawn until *now*."""
    span = shard.span
    if not going or shard.is_loaded:
        return span
    until = datetime.fromtimestamp(now, UTC).isoformat()
    return structs.replace(span, ended_at=span.ended_at or until, loaded_at=until)


def _axis(drawn: Sequence[Bar], view: RunView, *, going: bool) -> _Axis:
    """From the first submission to the last load, and to now and the deadline where those do not squeeze it."""
    start, end = min(bar.start for bar in drawn), max(bar.loaded for bar in drawn)
    due = view.planned.due if view.planned else None
    last = max(
        [end, *([view.now] if going else []), *([due] if due is not None and (going or near(drawn, due)) else [])]
    )
    span = max(last - start, 60.0)
    return _Axis(start, start + 1.01 * span)


def _time_bar(bar: Bar, group: Sequence[ShardView], axis: _Axis, view: RunView, *, going: bool) -> TimeBar:
    cutoffs = [at for shard in group if (at := view.cutoffs.get(shard.number)) is not None]
    return TimeBar(
        label=bar.label,
        x=axis.at(bar.start),
        waiting=max(round(axis.at(bar.ended) - axis.at(bar.start), 3), _LEAST),
        loading=round(axis.at(bar.loaded) - axis.at(bar.ended), 3),
        open=going and not all(shard.is_loaded for shard in group),
        cutoff=axis.inside(min(cutoffs, default=None)),
    )
