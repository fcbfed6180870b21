"""JSON objects that have a name twice: readers differ in which of its values they use."""

from __future__ import annotations

import json
import re
from typing import Any

from airflow_provider_claude.core.load.answer_forms import Form

#: The end of a member's name, and its colon; texts can hold the same, never less. (RFC 8259, sections 2 and 4)
_NAMED = re.compile(r'"[ \t\n\r]*:')


class _TwiceError(Exception):
    """A name occurs twice. Stays inside this file."""


def has_members(text: str, members: int | None) -> bool:
    """Whether the JSON *text*, whose objects have at least so many members in all, surely has no more of them."""
    return text.count(":") == members or (members is not None and len(_NAMED.findall(text)) == members)


def name_twice(text: str) -> str | None:
    """A name that an object anywhere in *text* has twice; None where there is none, or *text* is no JSON."""
    try:
        _decode_strictly(text)
    except _TwiceError as error:
        return str(error)
    except (ValueError, RecursionError):
        return None
    return None


def is_outermost_twice(text: str) -> bool:
    """Whether the outermost object of *text* has a name twice."""
    twice = False

    def seen(pairs: list[tuple[str, Any]]) -> None:
        nonlocal twice
        twice = len({name for name, _ in pairs}) < len(pairs)  # the outermost object is read last

    try:
        json.loads(text, object_pairs_hook=seen)
    except (ValueError, RecursionError):
        return False
    return twice


def _unique(pairs: list[tuple[str, Any]]) -> None:
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            raise _TwiceError(name)
        names.add(name)


_decode_strictly = json.JSONDecoder(object_pairs_hook=_unique).decode


def members_of(form: Form) -> int | None:
    """How many members the objects of an answer of *form* have in all; None where that depends on the answer."""
    if form.items is not None:
        return 0 if members_of(form.items) == 0 else None
    if not form.properties:
        return 0
    if form.required != form.properties.keys() or len(form.kinds) > 1:
        return None
    parts = [members_of(part) for part in form.properties.values()]
    return None if None in parts else len(parts) + sum(filter(None, parts))
