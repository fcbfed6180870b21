"""Token numbers that look right and add up: a constant number of bytes for each token."""

from __future__ import annotations

BYTES_PER_TOKEN = 3.5


def tokens(size: int) -> int:
    """How many tokens *size* bytes of UTF-8 are said to be."""
    return -int(-size // BYTES_PER_TOKEN)


def utf8_size(text: str) -> int:
    """The length of *text* in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
