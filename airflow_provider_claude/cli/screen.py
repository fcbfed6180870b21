"""Output for people: aligned columns, in which no id, reason or path can act on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any, TextIO

from airflow_provider_claude.cli.progress import progress
from airflow_provider_claude.core.legible import legible
from airflow_provider_claude.core.progress import Seen
from airflow_provider_claude.core.times import shown_in

#: What stands where there is nothing to show.
NOTHING = "-"

#: What `legible` lets pass, and one line cannot hold.
_BREAKS = {ord("\t"): " ", ord("\n"): " "}


class Screen:
    """Lines and tables on *stream*. Every text is escaped here, and nowhere else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def line(self, text: str = "") -> None:
        self._stream.write(f"{plain(text)}\n")

    def ask(self, question: str) -> None:
        """Write *question* and leave the cursor behind it."""
        self._stream.write(f"{plain(question)} ")
        self._stream.flush()

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = ()) -> None:
        """*rows* under *head*, each column as wide as its widest cell; the columns named in *right* are numbers."""
        cells = [[plain(cell) for cell in row] for row in [head, *rows]]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            padded = [
                cell.rjust(width) if name in right else cell.ljust(width)
                for name, cell, width in zip(head, row, widths, strict=True)
            ]
            self._stream.write("  ".join(padded).rstrip() + "\n")

    def watch(self, what: str, total: int | None = None) -> AbstractContextManager[Seen]:
        """Shows people, on standard error, how many *what* are done of *total*; see `cli.progress`."""
        return progress(what, total, sys.stderr)

    def document(self, facts: Any) -> None:
        """Give machines *facts*, structs and plain values. People have lines and tables: here it is left out, see `Documents`."""


def plain(text: str) -> str:
    """*text* on one line, each character that would act instead of show written out."""
    return legible(text).translate(_BREAKS)


def number(count: int | None) -> str:
    return NOTHING if count is None else f"{count:,}"


def usd(amount: Decimal | None) -> str:
    """*amount* in USD, to a hundredth of a cent."""
    return NOTHING if amount is None else f"{amount:,.4f}"


def time(moment: str | None, zone: str = "UTC") -> str:
    """An ISO 8601 time as it is in *zone*, to the second, with the zone; anything else is shown as it is."""
    if not moment:
        return NOTHING
    try:
        return shown_in(moment, zone, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return moment


def counts(of: dict[str, int]) -> str:
    """`998 succeeded, 2 errored`, without what is 0."""
    return ", ".join(f"{count:,} {name}" for name, count in of.items() if count) or "nothing"
