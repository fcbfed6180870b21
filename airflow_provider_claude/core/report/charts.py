"""The charts, as static SVG to stand inside a page: no script, no outside reference, the same bytes every time.

Bars carry their colour; text and lines take the page's, light or dark (see page.html.j2). All labels are data:
they are shown as they are, without mathtext, and the SVG writer escapes them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from io import BytesIO
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from markupsafe import Markup

from airflow_provider_claude.core.consistency.agreement import Interval
from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.core.report.ticks import clock, round_times
from airflow_provider_claude.core.report.timeline import Bar
from airflow_provider_claude.core.times import zone_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Mid-tones that keep their contrast on white and on near-black.
ACCENT, SECOND, QUIET = "#5486c4", "#cf8f3d", "#8f959e"

_LABEL_LENGTH = 26
_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"


def value_bars(counts: Mapping[str, int], *, total: int, name: str) -> Markup:
    """One horizontal bar a value of *counts*, with its count and its share of *total*."""
    labels = [excerpt(legible(value), _LABEL_LENGTH) for value in counts]
    notes = [f"{n:,}  ·  {n / total:.1%}" for n in counts.values()]
    return _bars(labels, list(counts.values()), notes, [ACCENT] * len(labels), name)


def cost_bars(amounts: Mapping[str, tuple[float, str]], *, name: str) -> Markup:
    """One bar an amount: its length, and how it is written. The first is what was paid."""
    lengths, notes = zip(*amounts.values(), strict=True)
    return _bars(list(amounts), lengths, notes, [ACCENT, *[QUIET] * (len(amounts) - 1)], name)


def share_intervals(shares: Mapping[str, Interval], *, name: str) -> Markup:
    """One row a share: a dot, and a line over its interval. The axis ends at 100%, and begins below the lowest of them."""
    labels = [excerpt(legible(one), _LABEL_LENGTH) for one in shares]
    lowest = min(one.low for one in shares.values())
    start = max(lowest - max(0.1 * (1 - lowest), 0.005), 0.0)
    with _figure(4.6, 0.1 + 0.27 * len(labels)) as figure:
        axes = _axes(figure, left=_room(labels), right=1.15, top=0.05, bottom=0.05)
        axes.set_xlim(start, 1)
        axes.set_xticks([])
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.45, -0.55)
        for row, one in enumerate(shares.values()):
            axes.hlines(row, start, 1, color=QUIET, linewidth=0.6, alpha=0.35)
            axes.hlines(row, one.low, one.high, color=ACCENT, linewidth=3, clip_on=False)
            axes.plot([one.value], [row], "o", color=ACCENT, markersize=7, clip_on=False)
            _note(axes, f"{one.value:.1%}", 1, row)
        return _svg(figure, name)


def timeline(bars: Sequence[Bar], *, deadline: float | None, name: str, zone: str = "UTC") -> Markup:
    """One row a bar, first on top: waiting in the first colour, loading in the second, the deadline dashed.

    Times are epoch seconds, shown in *zone*.
    """
    labels = [bar.label for bar in bars]
    with _figure(7.6, 0.42 + 0.21 * len(bars)) as figure:
        axes = _axes(figure, left=_room(labels), right=0.3, top=0.04, bottom=0.36)
        rows = range(len(bars))
        axes.barh(rows, [b.ended - b.start for b in bars], left=[b.start for b in bars], height=0.62, color=ACCENT)
        axes.barh(rows, [b.loaded - b.ended for b in bars], left=[b.ended for b in bars], height=0.62, color=SECOND)
        axes.set_yticks(rows, labels)
        axes.set_ylim(len(bars) - 0.45, -0.55)
        _time_axis(axes, min(b.start for b in bars), max([*(b.loaded for b in bars), deadline or 0.0]), zone_at(zone))
        if deadline is not None:
            axes.axvline(deadline, color=QUIET, linewidth=1.2, linestyle=(0, (4, 3)))
        return _svg(figure, name)


def _room(labels: Sequence[str]) -> float:
    """Inches that *labels* need beside the bars, at least enough for a few letters."""
    return 0.15 + 0.067 * max([5, *map(len, labels)])


def _time_axis(axes: Axes, start: float, end: float, zone: tzinfo) -> None:
    span = max(end - start, 60.0)
    axes.set_xlim(start - 0.01 * span, start + 1.01 * span)
    ticks = round_times(start, start + span, zone)
    axes.set_xticks(ticks, [clock(t, zone, with_day=i == 0) for i, t in enumerate(ticks)])
    axes.grid(axis="x", color=QUIET, alpha=0.35, linewidth=0.6)
    axes.set_axisbelow(True)


def _bars(
    labels: Sequence[str], lengths: Sequence[float], notes: Sequence[str], colors: Sequence[str], name: str
) -> Markup:
    with _figure(4.6, 0.1 + 0.27 * len(labels)) as figure:
        axes = _axes(figure, left=_room(labels), right=1.15, top=0.05, bottom=0.05)
        rows = range(len(labels))
        axes.barh(rows, lengths, height=0.6, color=colors)
        axes.set_yticks(rows, labels)
        axes.set_xticks([])
        axes.set_xlim(0, max([*lengths, 0]) or 1)
        axes.set_ylim(len(labels) - 0.45, -0.55)
        for row, (length, note) in enumerate(zip(lengths, notes, strict=True)):
            _note(axes, note, length, row)
        return _svg(figure, name)


def _note(axes: Axes, text: str, x: float, row: int) -> None:
    """*text* to the right of *x* in *row*."""
    axes.annotate(
        text, (x, row), xytext=(6, 0), textcoords="offset points", va="center_baseline", annotation_clip=False
    )


@contextmanager
def _figure(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of *width* by *height* inches, without the state pyplot would keep."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style = mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "chart",
            "text.parse_math": False,
            "text.usetex": False,
            "font.size": 9.0,
        }
    )
    with style, warnings.catch_warnings():
        # Only the browser draws the text, with fonts of its own.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        yield Figure(figsize=(width, height))


def _axes(figure: Figure, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Bare axes inside margins in inches."""
    width, height = figure.get_size_inches()
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
    axes = figure.add_axes(box, frameon=False)
    axes.tick_params(length=0, pad=5)
    return axes


def _svg(figure: Figure, name: str) -> Markup:
    data = BytesIO()
    figure.savefig(data, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    root = ET.fromstring(data.getvalue())  # noqa: S314 -- written by us a moment ago
    _shrink(root)
    _for_html(root, name)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 -- an XML writer's output


def _shrink(root: ET.Element) -> None:
    """Leave size, fonts and text colour to the page, where a style sheet of its own would reach beyond the chart."""
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.attrib |= {"aria-hidden": "true", "class": "drawing"}
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {f"{_SVG}style", f"{_SVG}metadata"}:
                parent.remove(child)
    for text in root.iter(f"{_SVG}text"):
        anchor = re.search(r"text-anchor: *(\w+)", text.get("style", ""))
        text.set("style", anchor[0] if anchor else "")


def _for_html(root: ET.Element, prefix: str) -> None:
    """Spell tags as HTML does, and make ids, and references to them, unique in the page."""
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        if element.tag == "g":
            element.attrib.pop("id", None)
        if _HREF in element.attrib:
            element.set("href", element.attrib.pop(_HREF).replace("#", f"#{prefix}-", 1))
        if "id" in element.attrib:
            element.set("id", f"{prefix}-{element.attrib['id']}")
        if "clip-path" in element.attrib:
            element.set("clip-path", element.attrib["clip-path"].replace("#", f"#{prefix}-", 1))
