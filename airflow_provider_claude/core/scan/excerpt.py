"""A glimpse of a row that was set aside, safe to show anywhere."""

from __future__ import annotations

from collections.abc import Iterable

#: Characters of an excerpt, before escaping.
CHARS = 200


#: Characters before the place that is shown.
BEFORE = 60


def excerpt_at(text: str, offset: int, chars: int = CHARS) -> str:
    """What stands around *offset* (in characters) of *text*, on one line."""
    start = max(0, offset - BEFORE)
    return ("…" if start else "") + excerpt([text[start:]], chars)


def excerpt(texts: Iterable[str | None], chars: int = CHARS) -> str:
    r"""The beginning of *texts* on one line: what a person cannot see stands as `\u{200b}`, markup as `\u{3c}`."""
    shown = " | ".join(" ".join(text[: 4 * chars].split()) for text in texts if text)
    cut = shown[:chars] + ("…" if len(shown) > chars else "")
    return "".join(map(_escaped, cut))


def _escaped(char: str) -> str:
    plain = char.isprintable() and char not in "<>&\\"
    return char if plain else f"\\u{{{ord(char):x}}}"
