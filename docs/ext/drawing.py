"""A drawing of which rooms import which, as SVG: a room stands above all that it imports, so that every arrow goes down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import NamedTuple

from docs.ext.tree import arrows, levels

_WIDE, _HIGH, _GAP = 980, 26, 58
_MOST = 9
_STYLE = (
    "rect{fill:#eef2f8;stroke:#5b6b86}text{font:12px sans-serif;text-anchor:middle;fill:#1b2330}"
    "path{fill:none;stroke:#5b6b86;stroke-opacity:.45}"
)


class Box(NamedTuple):
    """The middle of a room's upper side, and its width."""

    x: float
    y: float
    wide: float


def as_svg(graph: Mapping[str, set[str]], title: str) -> str:
    """The drawing, with its sums under it."""
    rows = [part for level in reversed(levels(graph)) for part in _parts(_near(level, graph))]
    boxes = dict(_placed(rows))
    lines = [_arrow(boxes[one], boxes[other]) for one, other in arrows(graph)]
    high = len(rows) * (_HIGH + _GAP) + 10
    caption = f"{title}: {len(graph)} rooms on {len(levels(graph))} levels, {len(lines)} arrows, no circle"
    text = f'<text x="{_WIDE / 2}" y="{high}">{escape(caption)}</text>'
    drawn = [*lines, *(_box(name, box) for name, box in boxes.items()), text]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {high + 16}" role="img">'
    return "\n".join([head, f"<title>{escape(caption)}</title>", f"<style>{_STYLE}</style>", *drawn, "</svg>\n"])


def _parts(row: list[str]) -> Iterator[list[str]]:
    yield from (row[start : start + _MOST] for start in range(0, len(row), _MOST))


def _near(level: list[str], graph: Mapping[str, set[str]]) -> list[str]:
    """The rooms of a level, those with many arrows in the middle."""
    degree = {name: len(graph[name]) + sum(name in known for known in graph.values()) for name in level}
    by_degree = sorted(level, key=lambda name: (degree[name], name))
    return by_degree[::2] + by_degree[1::2][::-1]


def _placed(rows: list[list[str]]) -> Iterator[tuple[str, Box]]:
    for number, row in enumerate(rows):
        step = _WIDE / len(row)
        for place, name in enumerate(row):
            yield name, Box(step * (place + 0.5), number * (_HIGH + _GAP) + 8, min(7.2 * len(name) + 18, step - 6))


def _box(name: str, box: Box) -> str:
    rect = f'<rect x="{box.x - box.wide / 2:.0f}" y="{box.y:.0f}" width="{box.wide:.0f}" height="{_HIGH}" rx="4"/>'
    return f'{rect}<text x="{box.x:.0f}" y="{box.y + 17:.0f}">{escape(name)}</text>'


def _arrow(one: Box, other: Box) -> str:
    start, end = one.y + _HIGH, other.y
    middle = (start + end) / 2
    curve = f"M{one.x:.0f} {start:.0f}C{one.x:.0f} {middle:.0f} {other.x:.0f} {middle:.0f} {other.x:.0f} {end:.0f}"
    return f'<path d="{curve}"/>'
