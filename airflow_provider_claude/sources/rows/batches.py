"""Rows, as the readers of text formats yield them, collected into record batches.

A batch holds at most `batch_rows` rows and about 16 MB of text, whichever comes first, so that memory does not
depend on how long the rows are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.scan.origin import Origin
from airflow_provider_claude.core.tables import SOURCE_FIELDS, source_name, with_columns

_BATCH_CHARACTERS = 16_000_000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of a source: its text *columns*, the *id_column* (None: rows are named by their position).

    *carried* are further columns, in their own types, by the names they have in the run folder. *encoding* is the character
    set of a table's bytes; None is UTF-8, or what a byte order mark says. *constants* are columns that a file has by its
    name: those it holds itself come first.
    """

    columns: tuple[str, ...]
    id_column: str | None
    batch_rows: int
    encoding: str | None = None
    carried: tuple[pa.Field, ...] = ()
    constants: Mapping[str, str | None] = field(default_factory=dict)

    @cached_property
    def schema(self) -> pa.Schema:
        return with_columns(SOURCE_FIELDS, [*self.columns, *self.carried])

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The columns of the source behind those of a batch, in order."""
        return (*self.columns, *(source_name(one.name) for one in self.carried))

    @cached_property
    def with_id(self) -> list[str]:
        """The columns to read as text, the id's among them, each once."""
        return list(dict.fromkeys([*self.columns, *filter(None, [self.id_column])]))


class RowSource(Protocol):
    """Rows that a scan reads: of files or of a database. *columns* are those of the source that are read."""

    @property
    def path(self) -> object:
        """What it is called in reports."""
        ...

    @property
    def wanted(self) -> Wanted: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def origin(self) -> Origin: ...

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, from the first; each call reads them again."""
        ...


class Row(NamedTuple):
    """One row of a source. *values* has an entry for each wanted column, or none where *defect* says why.

    A defect of a region stands for *lost* rows, None where their number is not known; it is itself no row.
    """

    item_id: str | None
    ref: str
    values: tuple[str | None, ...] = ()
    flags: tuple[str, ...] = ()
    defect: str | None = None
    hidden: str | None = None
    lost: int | None = 0


def broken(ref: str, word: str, sentence: str) -> Row:
    return Row(None, ref, defect=f"{word}: {sentence}")


def region(ref: str, word: str, sentence: str, lost: int | None) -> Row:
    """Damage that covers *lost* rows (None: an unknown number) from *ref*, `<file>#<n>`, on."""
    return Row(None, ref, defect=f"{word}: {sentence}", lost=lost)


def named(wanted: Wanted, ref: str, fields: dict[str, str | None], flags: tuple[str, ...] = ()) -> Row:
    """The row of *fields*, named by its id or by its position; a defect where its id is missing."""
    if wanted.constants:
        fields = {**wanted.constants, **fields}
    values = tuple(fields.get(name) for name in wanted.values)
    if wanted.id_column is None:
        return Row(ref, ref, values, flags)
    item_id = fields.get(wanted.id_column)
    if item_id is None or not item_id.strip():
        return Row(None, ref, values, flags, missing_id(wanted.id_column))
    return Row(item_id, ref, values, flags)


def missing_id(id_column: str) -> str:
    return f"missing_id: the row has no {id_column!r}."


def batches_of(rows: Iterable[Row], wanted: Wanted) -> Iterator[pa.RecordBatch]:
    gathered: list[Row] = []
    characters = 0
    for row in rows:
        gathered.append(row)
        characters += sum(map(len, filter(None, (*row.values, row.hidden))))
        if len(gathered) >= wanted.batch_rows or characters >= _BATCH_CHARACTERS:
            yield _batch(gathered, wanted)
            gathered, characters = [], 0
    if gathered:
        yield _batch(gathered, wanted)


def _batch(rows: list[Row], wanted: Wanted) -> pa.RecordBatch:
    nothing = (None,) * len(wanted.values)
    columns: list[Sequence[Any]] = [
        [row.item_id for row in rows],
        [row.ref for row in rows],
        [row.defect for row in rows],
        [list(row.flags) for row in rows],
        [row.hidden for row in rows],
        [row.lost for row in rows],
        *zip(*(row.values or nothing for row in rows), strict=True),
    ]
    arrays = [_array(column, field.type) for column, field in zip(columns, wanted.schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted.schema)


def _array(column: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """*column*, whose texts are ISO 8601 where *kind* is a timestamp."""
    if pa.types.is_timestamp(kind):
        column = [None if text is None else datetime.fromisoformat(text) for text in column]
    return array(column, kind)
