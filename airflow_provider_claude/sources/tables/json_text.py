"""A JSON object as text, member by member: each value by its own text, so that no digit is lost.

The standard library's scanner reads what the fast one of `jsonl` refuses: `NaN`, `Infinity`, and halves of characters that are
written as two (RFC 8259, section 8.2). It also sees a name that is there twice.
"""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]

_SCANNER = json.JSONDecoder(parse_int=str, parse_float=str)
#: So many objects of one text are counted.
_MOST = 100_000

_BLANK = re.compile(r"[ \t\n\r]*")


def members(text: str) -> list[tuple[str, str]]:
    """The names and the texts of the values of the object *text*, in order. Raises ValueError where it is no object."""
    found, offset = _object(text, _skip(text, 0))
    if offset != len(text):
        raise json.JSONDecodeError("Extra data", text, offset)
    return found


def objects(text: str) -> int | None:
    """How many objects stand in *text*, one after the other; 0 where something else does, None for more than _MOST."""
    offset, count = _skip(text, 0), 0
    try:
        while offset < len(text):
            _, offset = _object(text, offset)
            count += 1
            if count > _MOST:
                return None
    except (ValueError, RecursionError):
        return 0
    return count


def _object(text: str, offset: int) -> tuple[list[tuple[str, str]], int]:
    """The members of the object at *offset*, and where what comes after it begins."""
    offset = _after(text, offset, "{")
    found: list[tuple[str, str]] = []
    if text.startswith("}", offset):
        return found, _skip(text, offset + 1)
    while True:
        name, offset = scanstring(text, _after(text, offset, '"', blank=False))
        start = _after(text, _skip(text, offset), ":")
        end = _value_end(text, start)
        found.append((name, text[start:end]))
        offset = _skip(text, end)
        if text.startswith("}", offset):
            return found, _skip(text, offset + 1)
        offset = _after(text, offset, ",")


def _value_end(text: str, offset: int) -> int:
    try:
        return _SCANNER.scan_once(text, offset)[1]  # type: ignore[attr-defined,no-any-return]
    except StopIteration:
        raise json.JSONDecodeError("Expecting value", text, offset) from None


def _after(text: str, offset: int, mark: str, *, blank: bool = True) -> int:
    if not text.startswith(mark, offset):
        raise json.JSONDecodeError(f"Expecting {mark!r}", text, offset)
    return _skip(text, offset + 1) if blank else offset + 1


def _skip(text: str, offset: int) -> int:
    blank = _BLANK.match(text, offset)
    return offset if blank is None else blank.end()
