"""Titles of a JSON schema that only repeat names, as Pydantic writes them: each request would pay for them again."""

from __future__ import annotations

from typing import Any

#: Keywords with schemas by name, with one schema, and with several.
_NAMED, _CHOICES = ("properties", "$defs"), ("anyOf", "oneOf", "allOf")


def untitled(node: Any, name: str = "") -> Any:
    """*node*, which is what *name* is, and all below it, without titles that say no more than the name does."""
    if not isinstance(node, dict):
        return node
    kept = {word: value for word, value in node.items() if word != "title" or not _repeats(value, name)}
    for word in _NAMED:
        if isinstance(kept.get(word), dict):
            kept[word] = {one: untitled(child, one) for one, child in kept[word].items()}
    for word in _CHOICES:
        if isinstance(kept.get(word), list):
            kept[word] = [untitled(child, name) for child in kept[word]]
    if "items" in kept:
        kept["items"] = untitled(kept["items"], name)
    return kept


def _repeats(title: Any, name: str) -> bool:
    return isinstance(title, str) and _letters(title) == _letters(name)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
