"""What the records of a CSV file become: rows, named by its header."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from airflow_provider_claude.sources.rows.batches import Row, Wanted, named
from airflow_provider_claude.sources.tables.csv_damage import Likeness
from airflow_provider_claude.sources.tables.csv_position import Position

#: So many lines behind a damaged row are taken for the rest of it, where they have nothing like an id.
_SUSPECTED = 20

#: So long a name of a column may be, to be known as one in the middle of a file.
_NAME = 40


class Records:
    """Makes rows of records by the *header*. Flags the first row after damage, and shows good ids to the *likeness*."""

    def __init__(self, wanted: Wanted, position: Position, likeness: Likeness, header: list[str]) -> None:
        self._wanted, self._position, self._likeness = wanted, position, likeness
        self._behind_damage = False
        self._suspected = 0
        self._open(header)

    def _open(self, header: list[str]) -> None:
        """Read what follows by *header*: files that were put behind each other may differ in the order of their columns."""
        self.header, self._names = header, set(header)
        id_column = self._wanted.id_column
        self._likeness.id_at = header.index(id_column) if id_column in self._names else None

    def damaged(self) -> None:
        """Rows may be missing before the next one: it gets the flag `after_damage`."""
        self._behind_damage = True

    def suspect(self) -> None:
        """The next lines may be the rest of a damaged row, whose text has several lines."""
        self._suspected = self._suspected or _SUSPECTED

    def row(self, fields: Sequence[str], flags: Sequence[str]) -> Row:
        """The row of *fields*, which are as many as the header has. Raises csv.Error for a header with other columns."""
        if not self._names.isdisjoint(fields) and (again := self._header_again(fields)) is not None:
            return again
        if self._suspected and self._is_rest(fields):
            return self._position.broken(
                "broken_row", f"{self._position.lines(1)} comes behind a damaged row, and has nothing like an id."
            )
        ref = self._position.next_ref()
        noted = tuple(dict.fromkeys(flags)) if flags else ()
        if (id_at := self._likeness.id_at) is not None and self._likeness.is_worded(fields[id_at]):
            noted = (*noted, "id_like_text")
        if self._behind_damage:
            self._behind_damage, noted = False, (*noted, "after_damage")
        row = named(self._wanted, ref, dict(zip(self.header, fields, strict=True)), noted)
        if row.item_id is not None:
            self._likeness.recent.append(row.item_id)
        return row

    def _is_rest(self, fields: Sequence[str]) -> bool:
        """Whether *fields*, behind a row that is none, are a line of its text: their id is unlike all before."""
        id_at = self._likeness.id_at
        found = id_at is not None and bool(fields[id_at].strip()) and self._likeness.is_unlike(fields[id_at])
        self._suspected = self._suspected - 1 if found else 0
        return found

    def _header_again(self, fields: Sequence[str]) -> Row | None:
        """What *fields* that are names of columns become. Raises csv.Error where they are others than those of the file."""
        line = self._position.line + 1
        if sorted(fields) == sorted(self.header):
            self._open(list(fields))
            return self._position.broken("repeated_header", f"line {line} is the header again.")
        id_at = self._likeness.id_at
        if (
            id_at is not None
            and fields[id_at] == self._wanted.id_column
            and all(0 < len(one) <= _NAME for one in fields)
        ):
            raise csv.Error(f"line {line} is a header with other columns")
        return None
