"""The charts, as static SVG to stand inside a page: no script, no style, no outside reference, the same bytes every time.

Bars carry their colour; text takes the page's colour and font, light or dark (see page.html.j2). All labels are data: they
are shown as they are, and escaped. One unit is a CSS pixel where the chart has its full width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from airflow_provider_claude.core.consistency.agreement import Interval
from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.core.report.template import environment_with
from airflow_provider_claude.core.report.ticks import clock, round_times
from airflow_provider_claude.core.report.timeline import Bar
from airflow_provider_claude.core.times import zone_at
from airflow_provider_claude.shipped import shipped

if TYPE_CHECKING:
    from jinja2 import Template

#: Mid-tones that keep their contrast on white and on near-black.
ACCENT, SECOND, QUIET = "#5486c4", "#cf8f3d", "#8f959e"

_LABEL_LENGTH = 26

#: What a letter of a label is wide, about; and what stands between a label and its bar.
_LETTER, _GAP = 4.8, 6.0

#: The width of the charts of values and of the timeline, and the height of their rows.
_WIDTH, _ROW = 331.0, 19.5
_WIDE, _LOW_ROW = 547.0, 15.0

#: Beside the longest bar stands what it says; under the timeline its times, in two lines.
_NOTES, _TIMES, _EDGE = 83.0, 26.0, 4.0
_TIME_LINE = 10.0

#: How much of a row its bar fills, and how far below its middle the letters stand.
_FILL, _BASELINE = 0.6, 3.0


class Rect(NamedTuple):
    """A bar as it is drawn."""

    x: float
    y: float
    width: float
    height: float
    colour: str


class Line(NamedTuple):
    """An upright line."""

    x: float
    top: float
    bottom: float
    colour: str = QUIET
    dashed: bool = False


class Dot(NamedTuple):
    """A value on its interval."""

    x: float
    y: float
    colour: str = ACCENT


class Words(NamedTuple):
    """A text: *anchor* says which part of it stands at *x*."""

    x: float
    y: float
    words: str
    anchor: str = "start"


def value_bars(counts: Mapping[str, int], *, total: int) -> Markup:
    """One horizontal bar a value of *counts*, with its count and its share of *total*."""
    labels = [excerpt(legible(value), _LABEL_LENGTH) for value in counts]
    notes = [f"{n:,}  ·  {n / total:.1%}" for n in counts.values()]
    return _value_bars(labels, list(counts.values()), notes, [ACCENT] * len(labels))


def cost_bars(amounts: Mapping[str, tuple[float, str]]) -> Markup:
    """One bar an amount: its length, and how it is written. The first is what was paid."""
    lengths, notes = zip(*amounts.values(), strict=True)
    return _value_bars(list(amounts), lengths, notes, [ACCENT, *[QUIET] * (len(amounts) - 1)])


def share_intervals(shares: Mapping[str, Interval]) -> Markup:
    """One row a share: a dot, and a bar over its interval. The axis ends at 100%, and begins below the lowest of them."""
    labels = [excerpt(legible(one), _LABEL_LENGTH) for one in shares]
    lowest = min(one.low for one in shares.values())
    start = max(lowest - max(0.1 * (1 - lowest), 0.005), 0.0)
    left = _room(labels)
    end = _WIDTH - _NOTES

    def at(value: float) -> float:
        return round(left + (end - left) * (value - start) / (1 - start), 2)

    rects, dots, notes = [], [], []
    for row, one in enumerate(shares.values()):
        middle = _EDGE + (row + 0.5) * _ROW
        rects.append(Rect(left, middle - 0.3, round(end - left, 2), 0.6, QUIET))
        rects.append(Rect(at(one.low), middle - 1.5, round(at(one.high) - at(one.low), 2), 3, ACCENT))
        dots.append(Dot(at(one.value), middle))
        notes.append(Words(end + _GAP, _baseline(row, _ROW), f"{one.value:.1%}"))
    texts = [*_labels(labels, left, _ROW), *notes]
    return _drawn(_WIDTH, 2 * _EDGE + _ROW * len(labels), rects, texts, dots=dots)


def timeline(bars: Sequence[Bar], *, deadline: float | None, zone: str = "UTC") -> Markup:
    """One row a bar, first on top: waiting in the first colour, loading in the second, the deadline dashed.

    Times are epoch seconds, shown in *zone*.
    """
    labels = [bar.label for bar in bars]
    left, bottom = _room(labels), _EDGE + _LOW_ROW * len(bars)
    start, end = min(bar.start for bar in bars), max([*(bar.loaded for bar in bars), deadline or 0.0])
    span = max(end - start, 60.0)

    def at(moment: float) -> float:
        return round(left + (_WIDE - left - _GAP) * (0.01 + 0.98 * (moment - start) / span), 2)

    rects = []
    for row, bar in enumerate(bars):
        for begun, done, colour in ((bar.start, bar.ended, ACCENT), (bar.ended, bar.loaded, SECOND)):
            rects.append(_in_row(row, _LOW_ROW, at(begun), at(done) - at(begun), colour))
    ticks = round_times(start, start + span, zone_at(zone))
    lines = [Line(at(moment), _EDGE, bottom) for moment in ticks]
    lines += [] if deadline is None else [Line(at(deadline), _EDGE, bottom, dashed=True)]
    times = [
        Words(at(moment), round(bottom + _TIME_LINE * (n + 1), 2), words, "middle")
        for number, moment in enumerate(ticks)
        for n, words in enumerate(clock(moment, zone_at(zone), with_day=number == 0).split("\n"))
    ]
    return _drawn(_WIDE, bottom + _TIMES, rects, [*_labels(labels, left, _LOW_ROW), *times], lines=lines)


def _value_bars(
    labels: Sequence[str], lengths: Sequence[float], notes: Sequence[str], colours: Sequence[str]
) -> Markup:
    left = _room(labels)
    scale = (_WIDTH - left - _NOTES) / (max([*lengths, 0]) or 1)
    rects = [
        _in_row(row, _ROW, left, round(length * scale, 2), colour)
        for row, (length, colour) in enumerate(zip(lengths, colours, strict=True))
    ]
    said = [
        Words(round(rect.x + rect.width + _GAP, 2), _baseline(row, _ROW), note)
        for row, (rect, note) in enumerate(zip(rects, notes, strict=True))
    ]
    return _drawn(_WIDTH, 2 * _EDGE + _ROW * len(labels), rects, [*_labels(labels, left, _ROW), *said])


def _in_row(row: int, height: float, x: float, width: float, colour: str) -> Rect:
    return Rect(
        x, round(_EDGE + (row + (1 - _FILL) / 2) * height, 2), round(width, 2), round(_FILL * height, 2), colour
    )


def _labels(labels: Sequence[str], left: float, height: float) -> Iterator[Words]:
    for row, label in enumerate(labels):
        yield Words(left - _GAP, _baseline(row, height), label, "end")


def _baseline(row: int, height: float) -> float:
    return round(_EDGE + (row + 0.5) * height + _BASELINE, 2)


def _room(labels: Sequence[str]) -> float:
    """What *labels* need beside the bars, at least enough for a few letters."""
    return round(2 * _GAP + _LETTER * max([5, *map(len, labels)]), 2)


def _drawn(
    width: float,
    height: float,
    bars: Sequence[Rect],
    texts: Sequence[Words],
    *,
    lines: Sequence[Line] = (),
    dots: Sequence[Dot] = (),
) -> Markup:
    parts = {"bars": bars, "texts": texts, "lines": lines, "dots": dots}
    drawn = _template().render(width=width, height=round(height, 2), **parts)
    return Markup(drawn)  # noqa: S704 -- the template escapes what it prints


@cache
def _template() -> Template:
    return environment_with({}).from_string(shipped(__package__, "chart.svg.j2").decode())
