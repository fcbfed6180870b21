"""Pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_DOCS = re.compile(r"``?docs/([\w/-]+)\.md``?|docs/([\w/-]+)\.md")
_CODE = re.compile(r"``(.+?)``")
_EMPHASIS = re.compile(r"(?<![\w*])\*(\w[^*]*?)\*(?![\w*])")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a `|` in a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def code(value: object) -> str:
    """*value* as inline code."""
    return f"`{value}`"


def from_docstring(text: str) -> str:
    """The inline markup of a docstring (reStructuredText) as Markdown; pages of the docs become links."""
    text = _DOCS.sub(lambda found: f"[{_title(found[1] or found[2])}](/{found[1] or found[2]}.md)", text)
    return _EMPHASIS.sub(r"`\1`", _CODE.sub(r"`\1`", text))


def sentence(text: str) -> str:
    """*text* on one line, with a capital letter."""
    line = " ".join(text.split())
    return line[:1].upper() + line[1:]


def _title(page: str) -> str:
    return page.rpartition("/")[2].replace("-", " ")


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text)
