"""What an element hands down to its text, and whether that text is seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

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
        if not attributes and not sheet.rules:
            return replace(self, preformatted=True) if element.tag == "pre" else self
        styles = sheet.styles(element)
        if inline := attributes.get("style"):
            styles.append(_inline(inline) if len(inline) <= 500 else style_of(inline))
        values = cascade(styles)
        if not values and not _HINTS & attributes.keys():
            return replace(self, preformatted=True) if element.tag == "pre" else self
        size = _size(values.get("font-size", "inherit"), self.size)
        return Look(
            gone=self.gone
            or _gone(values, size)
            or ("hidden" in attributes and values.get("display", "none") == "none"),
            seen=_seen(values.get("visibility", "inherit"), inherited=self.seen),
            size=size,
            colour=self._colour(element, values),
            ground=self._ground(element, values),
            preformatted=self.preformatted or element.tag == "pre",
        )

    def _colour(self, element: Element, values: Values) -> Colour | None:
        value = values.get("-webkit-text-fill-color") or values.get("color")
        if value and (stated := css_colour(value)):
            return stated
        if value is not None:
            return BLACK if value == "initial" else self.colour
        if element.tag == "a" and "href" in element.attributes:
            return LINK
        name = {"font": "color", "body": "text"}.get(element.tag, "")
        return attribute_colour(element.attributes.get(name) or "") or self.colour

    def _ground(self, element: Element, values: Values) -> Colour | None:
        image = values.get("background-image", "none")
        if image not in {"none", "initial", "unset", "inherit"}:
            return None
        grounded = element.tag in _GROUNDED
        if grounded and element.attributes.get("background") and "background-image" not in values:
            return None
        stated = css_colour(values.get("background-color", ""))
        if stated is None and grounded and "background-color" not in values:
            stated = attribute_colour(element.attributes.get("bgcolor") or "")
        return self.ground if stated is None else over(stated, self.ground)


#: A mail says the same again and again.
_inline = lru_cache(500)(style_of)

_HINTS = frozenset({"hidden", "color", "bgcolor", "background", "text", "href"})


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
