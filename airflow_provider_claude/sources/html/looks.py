"""What an element hands down to its text, and whether that text is seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from airflow_provider_claude.sources.html.colours import (
    BLACK,
    LINK,
    WHITE,
    Colour,
    attribute_colour,
    css_colour,
    legible,
    over,
)
from airflow_provider_claude.sources.html.sheets import Element, Sheet
from airflow_provider_claude.sources.html.styles import NUMBER, Values, cascade, style_of

#: Smaller text than this, in pixels, is taken not to be seen.
LEGIBLE_SIZE = 4.0

#: Less opaque text than this is taken not to be seen.
LEGIBLE_OPACITY = 0.1

#: So many pixels beyond its place a text is taken to be off the screen: to the left or the top, to the right.
_FAR, _FAR_RIGHT = 300, 2_000

_PIXELS = {"px": 1.0, "": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "q": 0.945}
_PIXELS |= {"rem": 16.0, "ex": 8.0, "ch": 8.0, "vw": 10.0, "vh": 8.0, "vmin": 8.0, "vmax": 10.0}
_SIZES = {"xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0}
_SIZES |= {"xx-large": 32.0, "xxx-large": 48.0}
_RELATIVE = {"smaller": 0.83, "larger": 1.2, "inherit": 1.0, "unset": 1.0, "revert": 1.0}
_GROUNDED = frozenset({"body", "table", "thead", "tbody", "tfoot", "tr", "td", "th"})
_MOVED = ("text-indent", "margin", "margin-left", "margin-right", "margin-top", "margin-bottom")
_PLACED = ("left", "right", "top", "bottom", "inset")
_CLIPPED = re.compile(r"inset\((?:100|[5-9]\d)(?:\.\d*)?%|circle\(0|polygon\(0[^,1-9]*(?:,[ 0a-z%]*)*\)")
_SHRUNK = re.compile(r"scale(?:x|y|3d)?\(0*(?:\.0\d*|\.)?[,) ]")
_SENT_AWAY = re.compile(r"translate(?:x|y|3d)?\([^)]*-\d{3}")


@dataclass(frozen=True, slots=True)
class Look:
    """*size* is the font's, in pixels. A colour is None where it is not known: on a picture, say."""

    gone: bool = False
    seen: bool = True
    size: float = 16.0
    colour: Colour | None = BLACK
    ground: Colour | None = WHITE
    preformatted: bool = False

    @property
    def hidden(self) -> bool:
        if self.gone or not self.seen or self.size < LEGIBLE_SIZE:
            return True
        return self.colour is not None and self.ground is not None and not legible(self.colour, self.ground)

    def of(self, element: Element, sheet: Sheet) -> Look:
        """The look inside of *element*. Raises TooManyStepsError where *sheet* has no steps left."""
        attributes = element.attributes
        if not sheet.rules and "style" not in attributes and _HINTS.isdisjoint(attributes):
            return replace(self, preformatted=True) if element.tag == "pre" else self
        styles = sheet.styles(element)
        if inline := attributes.get("style"):
            styles.append(_inline(inline) if len(inline) <= _CACHED else style_of(inline))
        values = cascade(styles)
        if not values and _HINTS.isdisjoint(attributes):
            return replace(self, preformatted=True) if element.tag == "pre" else self
        stated = tuple(values.items())
        inside = _inside if sum(map(len, values.values())) <= _CACHED else _inside.__wrapped__
        return inside(self, stated, _hints(element))

    def _colour(self, hints: _Hints, values: Values) -> Colour | None:
        value = values.get("-webkit-text-fill-color") or values.get("color")
        if value and (stated := css_colour(value)):
            return stated
        if value is not None:
            return BLACK if value == "initial" else self.colour
        return hints.colour or self.colour

    def _ground(self, hints: _Hints, values: Values) -> Colour | None:
        image = values.get("background-image", "none")
        if image not in {"none", "initial", "unset", "inherit"}:
            return None
        if hints.on_picture and "background-image" not in values:
            return None
        stated = css_colour(values.get("background-color", ""))
        if stated is None and "background-color" not in values:
            stated = hints.ground
        return self.ground if stated is None else over(stated, self.ground)


class _Hints(NamedTuple):
    """What the tag and the attributes of an element say about its look."""

    hidden: bool
    preformatted: bool
    colour: Colour | None
    ground: Colour | None
    on_picture: bool


_HINTS = frozenset({"hidden", "color", "bgcolor", "background", "text", "href"})
_COLOURED = {"font": "color", "body": "text"}

#: A mail says the same again and again; what is longer, in characters, is not kept.
_CACHED = 500
_inline = lru_cache(500)(style_of)
_attribute_colour = lru_cache(500)(attribute_colour)


def _hints(element: Element) -> _Hints:
    tag, attributes = element.tag, element.attributes
    grounded = tag in _GROUNDED
    return _Hints(
        "hidden" in attributes,
        tag == "pre",
        LINK if tag == "a" and "href" in attributes else _stated(attributes.get(_COLOURED.get(tag, ""))),
        _stated(attributes.get("bgcolor")) if grounded else None,
        grounded and bool(attributes.get("background")),
    )


def _stated(value: str | None) -> Colour | None:
    if not value:
        return None
    return _attribute_colour(value) if len(value) <= _CACHED else attribute_colour(value)


@lru_cache(1_000)
def _inside(outer: Look, stated: tuple[tuple[str, str], ...], hints: _Hints) -> Look:
    """The look inside of an element with *hints* and what is *stated* of it in styles, which is in one of the look *outer*."""
    values = dict(stated)
    size = _size(values.get("font-size", "inherit"), outer.size)
    return Look(
        gone=outer.gone or _gone(values, size) or (hints.hidden and values.get("display", "none") == "none"),
        seen=_seen(values.get("visibility", "inherit"), inherited=outer.seen),
        size=size,
        colour=outer._colour(hints, values),  # noqa: SLF001 - of its own class
        ground=outer._ground(hints, values),  # noqa: SLF001
        preformatted=outer.preformatted or hints.preformatted,
    )


def _seen(visibility: str, *, inherited: bool) -> bool:
    """Inside of what is `visibility: hidden` something may be `visible` again."""
    return inherited if visibility in {"inherit", "unset", "revert"} else visibility not in {"hidden", "collapse"}


def _size(value: str, inherited: float) -> float:
    """The size in pixels that `font-size: value` means; of a calculation, its largest number."""
    if value in _RELATIVE:
        return inherited * _RELATIVE[value]
    if value in _SIZES or value == "initial":
        return _SIZES.get(value, 16.0)
    return max((_pixels(float(number), unit, inherited) for number, unit in NUMBER.findall(value)), default=inherited)


def _pixels(number: float, unit: str, size: float) -> float:
    number = min(number, 1e6)
    if unit in {"em", "%"}:
        return number * size / (100 if unit == "%" else 1)
    return number * _PIXELS[unit]


def _lengths(value: str | None, size: float) -> Iterator[float]:
    """The lengths in *value*, in pixels; shares are none."""
    for number, unit in NUMBER.findall(value or ""):
        if unit != "%":
            yield _pixels(float(number), unit, size)


def _gone(values: Values, size: float) -> bool:
    if not values:
        return False
    if values.get("display") == "none" or values.get("content-visibility") == "hidden":
        return True
    if values.get("mso-hide") in {"all", "screen"} or _is_transparent(values):
        return True
    return _is_away(values, size) or _is_cut_off(values, size)


def _is_transparent(values: Values) -> bool:
    opacity = NUMBER.fullmatch(values.get("opacity", ""))
    if opacity and float(opacity[1]) / (100 if opacity[2] else 1) < LEGIBLE_OPACITY:
        return True
    return re.search(r"opacity\(0*(\.0\d*)?%?\)", values.get("filter", "")) is not None


def _is_away(values: Values, size: float) -> bool:
    free = values.get("position") in {"absolute", "fixed"}
    moved = [length for name in (*_MOVED, *_PLACED) for length in _lengths(values.get(name), size)]
    if any(length <= -(100 if free else _FAR) for length in moved):
        return True
    if any(length >= _FAR_RIGHT for length in moved):
        return True
    return _SENT_AWAY.search(values.get("transform", "")) is not None


def _is_cut_off(values: Values, size: float) -> bool:
    if re.match(r"rect\((0|1px)", values.get("clip", "")) or _CLIPPED.search(values.get("clip-path", "")):
        return True
    scale = NUMBER.match(values.get("scale", ""))
    if (scale and float(scale[1]) < 0.1) or _SHRUNK.search(values.get("transform", "")):
        return True
    sides = [values.get(name) for name in ("height", "max-height", "width", "max-width")]
    flat = any(length <= 1 for side in sides for length in _lengths(side, size))
    return flat and not {"hidden", "clip"}.isdisjoint(values.get("overflow", "").split())
