"""Where the reader of a CSV file is, and the defects it notes there."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_claude.sources.rows.batches import Row, broken, region


@dataclass(slots=True)
class Position:
    """A place in the file *name*: the next row has the number *number*, and *line* lines lie before it."""

    name: str
    line: int
    number: int = 1

    def ref(self) -> str:
        """The name of the next row."""
        return f"{self.name}#{self.number}"

    def next_ref(self) -> str:
        """The name of the next row, which is counted with it."""
        self.number += 1
        return f"{self.name}#{self.number - 1}"

    def lines(self, count: int) -> str:
        """The numbers of the next *count* lines, in words."""
        first = self.line + 1
        return f"line {first}" if count <= 1 else f"lines {first} to {first + count - 1}"

    def broken(self, word: str, what: str) -> Row:
        """A defect in place of one row."""
        return broken(self.next_ref(), word, what)

    def region(self, what: str, rows: int) -> Row:
        """A defect in place of so many *rows*."""
        if rows == 1:
            return self.broken("broken_row", what)
        ref = self.ref()
        self.number += rows
        return region(ref, "broken_rows", what, rows)

    def unreadable(self, what: str) -> Row:
        """A defect in place of all rows from here on: how many there are is not known."""
        return region(self.ref(), "unreadable_file", what, None)
