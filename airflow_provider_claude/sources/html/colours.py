"""Colours as mail clients read them, and whether a text is visible on its background."""

from __future__ import annotations

import colorsys
import re
from functools import cache, lru_cache

#: Red, green and blue from 0 to 255, and how opaque from 0 to 1.
Colour = tuple[int, int, int, float]

WHITE: Colour = (255, 255, 255, 1.0)
BLACK: Colour = (0, 0, 0, 1.0)
LINK: Colour = (0, 0, 238, 1.0)

#: Contrast (WCAG 2, from 1 to 21) below which no eye reads a text: #f1f1f1 on white has 1.13, #dddddd on white 1.36.
LEGIBLE_CONTRAST = 1.15

_NAMES = """
aliceblue f0f8ff antiquewhite faebd7 aqua 00ffff aquamarine 7fffd4 azure f0ffff beige f5f5dc bisque ffe4c4 black 000000
blanchedalmond ffebcd blue 0000ff blueviolet 8a2be2 brown a52a2a burlywood deb887 cadetblue 5f9ea0 chartreuse 7fff00
chocolate d2691e coral ff7f50 cornflowerblue 6495ed cornsilk fff8dc crimson dc143c cyan 00ffff darkblue 00008b
darkcyan 008b8b darkgoldenrod b8860b darkgray a9a9a9 darkgreen 006400 darkgrey a9a9a9 darkkhaki bdb76b
darkmagenta 8b008b darkolivegreen 556b2f darkorange ff8c00 darkorchid 9932cc darkred 8b0000 darksalmon e9967a
darkseagreen 8fbc8f darkslateblue 483d8b darkslategray 2f4f4f darkslategrey 2f4f4f darkturquoise 00ced1
darkviolet 9400d3 deeppink ff1493 deepskyblue 00bfff dimgray 696969 dimgrey 696969 dodgerblue 1e90ff firebrick b22222
floralwhite fffaf0 forestgreen 228b22 fuchsia ff00ff gainsboro dcdcdc ghostwhite f8f8ff gold ffd700 goldenrod daa520
gray 808080 green 008000 greenyellow adff2f grey 808080 honeydew f0fff0 hotpink ff69b4 indianred cd5c5c indigo 4b0082
ivory fffff0 khaki f0e68c lavender e6e6fa lavenderblush fff0f5 lawngreen 7cfc00 lemonchiffon fffacd lightblue add8e6
lightcoral f08080 lightcyan e0ffff lightgoldenrodyellow fafad2 lightgray d3d3d3 lightgreen 90ee90 lightgrey d3d3d3
lightpink ffb6c1 lightsalmon ffa07a lightseagreen 20b2aa lightskyblue 87cefa lightslategray 778899
lightslategrey 778899 lightsteelblue b0c4de lightyellow ffffe0 lime 00ff00 limegreen 32cd32 linen faf0e6
magenta ff00ff maroon 800000 mediumaquamarine 66cdaa mediumblue 0000cd mediumorchid ba55d3 mediumpurple 9370db
mediumseagreen 3cb371 mediumslateblue 7b68ee mediumspringgreen 00fa9a mediumturquoise 48d1cc mediumvioletred c71585
midnightblue 191970 mintcream f5fffa mistyrose ffe4e1 moccasin ffe4b5 navajowhite ffdead navy 000080 oldlace fdf5e6
olive 808000 olivedrab 6b8e23 orange ffa500 orangered ff4500 orchid da70d6 palegoldenrod eee8aa palegreen 98fb98
paleturquoise afeeee palevioletred db7093 papayawhip ffefd5 peachpuff ffdab9 peru cd853f pink ffc0cb plum dda0dd
powderblue b0e0e6 purple 800080 rebeccapurple 663399 red ff0000 rosybrown bc8f8f royalblue 4169e1 saddlebrown 8b4513
salmon fa8072 sandybrown f4a460 seagreen 2e8b57 seashell fff5ee sienna a0522d silver c0c0c0 skyblue 87ceeb
slateblue 6a5acd slategray 708090 slategrey 708090 snow fffafa springgreen 00ff7f steelblue 4682b4 tan d2b48c
teal 008080 thistle d8bfd8 tomato ff6347 turquoise 40e0d0 violet ee82ee wheat f5deb3 white ffffff whitesmoke f5f5f5
yellow ffff00 yellowgreen 9acd32
"""

_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^()]{1,100})\)")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(%|deg)?")


@cache
def named() -> dict[str, Colour]:
    """The colours that CSS has names for."""
    words = _NAMES.split()
    return {name: _of_digits(digits) for name, digits in zip(words[::2], words[1::2], strict=True)}


def css_colour(value: str) -> Colour | None:
    """The colour that *value*, in lower case, means in a style sheet; None where it means none."""
    if value == "transparent":
        return (0, 0, 0, 0.0)
    if value.startswith("#"):
        return _of_digits(value[1:]) if re.fullmatch(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", value) else None
    if stated := _FUNCTION.fullmatch(value):
        return _of_numbers(stated[1], _NUMBER.findall(stated[2]))
    return named().get(value)


def attribute_colour(value: str) -> Colour | None:
    """The colour of an attribute such as `bgcolor`, by the standard's rules for what is no colour, too."""
    value = value.strip().lower()
    if value in {"", "transparent"}:
        return None
    if value in named():
        return named()[value]
    if re.fullmatch(r"#[0-9a-f]{3}", value):
        return _of_digits(value[1:])
    digits = re.sub(r"[^0-9a-f]", "0", value[:128].removeprefix("#"))
    digits += "0" * (-len(digits) % 3 if digits else 3)
    size = len(digits) // 3
    parts = [digits[n * size : (n + 1) * size][-8:] for n in range(3)]
    while len(parts[0]) > 2 and all(part.startswith("0") for part in parts):
        parts = [part[1:] for part in parts]
    return _of_digits("".join(part[:2].zfill(2) for part in parts))


def _of_digits(digits: str) -> Colour:
    if len(digits) < 6:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue, *alpha = bytes.fromhex(digits)
    return red, green, blue, alpha[0] / 255 if alpha else 1.0


def _of_numbers(kind: str, numbers: list[tuple[str, str]]) -> Colour | None:
    if len(numbers) not in {3, 4}:
        return None
    values = [float(number) / (100 if unit == "%" else 1) for number, unit in numbers]
    alpha = min(max(values[3], 0.0), 1.0) if len(values) == 4 else 1.0
    if kind == "hsl":
        parts = colorsys.hls_to_rgb(values[0] / 360 % 1, min(max(values[2], 0), 1), min(max(values[1], 0), 1))
        scaled = [part * 255 for part in parts]
    else:
        scaled = [value * (255 if unit == "%" else 1) for value, (_, unit) in zip(values, numbers, strict=False)]
    red, green, blue = (round(min(max(part, 0), 255)) for part in scaled[:3])
    return red, green, blue, alpha


def over(colour: Colour, ground: Colour | None) -> Colour | None:
    """What *colour* looks like on *ground*; None where that is not known."""
    alpha = colour[3]
    if alpha >= 1:
        return colour
    if ground is None or alpha <= 0:
        return ground
    mixed = [round(above * alpha + below * (1 - alpha)) for above, below in zip(colour[:3], ground[:3], strict=True)]
    return mixed[0], mixed[1], mixed[2], 1.0


@lru_cache(1_000)
def legible(colour: Colour, ground: Colour) -> bool:
    """Whether a text of *colour* can be read on *ground*, which is opaque."""
    seen = over(colour, ground)
    if seen is None:
        return True
    lights = sorted((_luminance(seen), _luminance(ground)))
    return (lights[1] + 0.05) / (lights[0] + 0.05) >= LEGIBLE_CONTRAST


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour[:3]
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
