"""Foreign text made fit to be looked at: bounded, and without characters that act instead of show."""

from __future__ import annotations

import re

#: Controls but tab and newline, bidirectional overrides, invisible and tag characters, and non-characters.
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff"
    "\U000e0000-\U000e007f]"
)

EXCERPT_LENGTH = 200


def legible(text: str) -> str:
    """*text* with each acting character written out as `⟨U+202E⟩`: it reads, and prints, as it is."""
    return _ACTING.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def excerpt(text: str, length: int = EXCERPT_LENGTH) -> str:
    """At most *length* characters of *text*, on one line; an ellipsis says that more was there."""
    line = " ".join(text[: 4 * length].split())
    return line if len(line) <= length and len(text) <= 4 * length else line[: length - 1] + "…"
