"""Output for machines: one JSON document on standard output, errors as one on standard error.

All of it is ASCII: a text that holds an escape sequence or a bidirectional override cannot act on a terminal, and reads back as
it was. Numbers are numbers, with all digits, also money; times are ISO 8601 with a zone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO

import msgspec

from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.core.progress import Seen, unseen

_NOT_ASCII = re.compile(r"[^\n -~]")

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode


class Documents(Screen):
    """Shows nothing to people: lines and tables are left out, the document is written."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._to = stream

    def line(self, text: str = "") -> None:
        """Leave it out."""

    def ask(self, question: str) -> None:
        """Leave it out."""

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = ()) -> None:
        """Leave it out."""

    def watch(self, what: str, total: int | None = None) -> AbstractContextManager[Seen]:
        """Show nothing."""
        return nullcontext(unseen)

    def document(self, facts: Any) -> None:
        self._to.write(f"{as_json(facts)}\n")


def as_json(facts: Any) -> str:
    """*facts*, structs and plain values, as indented JSON in ASCII."""
    text = msgspec.json.format(_encode(_sendable(facts)), indent=1).decode()
    return _NOT_ASCII.sub(_escaped, text)


def _sendable(facts: Any) -> Any:
    """*facts* without halves of surrogate pairs, which a file name that is no UTF-8 can hold and JSON cannot."""
    try:
        _encode(facts)
    except UnicodeEncodeError:
        return _whole(msgspec.to_builtins(facts, enc_hook=str))
    return facts


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    return [_whole(one) for one in value] if isinstance(value, list) else value


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))
