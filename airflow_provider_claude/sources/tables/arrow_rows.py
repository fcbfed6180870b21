"""Record batches of any table, as batches of a source: its text columns as text, its carried ones in their types, each row
named by its id or its position. What values are as text, `values` says.
"""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Callable
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array, scalar
from airflow_provider_claude.core.tables import source_name
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.charset.decoding import GUESS, LOSS, Decoded, decode
from airflow_provider_claude.sources.rows import values
from airflow_provider_claude.sources.rows.batches import Wanted, missing_id

#: The flags of rows, by their number in a batch; as keys, in the order in which they came.
Flags = dict[int, dict[str, None]]


class ArrowRows:
    """Makes batches of a source of the record batches of a table *name*, whose columns are those of *schema*.

    Raises SourceError where a wanted column has no text.
    """

    def __init__(self, name: str, schema: pa.Schema, wanted: Wanted) -> None:
        self._name, self.wanted = name, wanted
        self._fields = {field.name: field for field in schema}
        self._texts = wanted.with_id
        self._carried = {field.name: source_name(field.name) for field in wanted.carried}
        self.names = [name for name in dict.fromkeys([*self._texts, *self._carried.values()]) if name in self._fields]
        for column in self.names:
            if what := values.refusal(self._fields[column]):
                raise self._error(column, what)

    def batch(self, table: pa.RecordBatch, start: int) -> pa.RecordBatch:
        """The rows of *table*, of which *start* came before."""
        rows, wanted = table.num_rows, self.wanted
        flags: Flags = {}
        texts = {name: self._text(table, name, flags) for name in self._texts}
        refs = array([f"{self._name}#{n}" for n in range(start + 1, start + rows + 1)], pa.string())
        ids, defects = _ids(texts, refs, wanted)
        raised = array([list(flags.get(row, ())) for row in range(rows)], pa.list_(pa.string()))
        nothing, none_lost = pa.nulls(rows, pa.string()), pa.repeat(scalar(0, pa.int64()), rows)
        return pa.RecordBatch.from_arrays(
            [
                *(ids, refs, defects, raised, nothing, none_lost),
                *(texts[name] for name in wanted.columns),
                *(self._typed(table, field) for field in wanted.carried),
            ],
            schema=wanted.schema,
        )

    def _text(self, table: pa.RecordBatch, name: str, flags: Flags) -> pa.Array:
        if name not in self._fields:
            return self._constant(name, table.num_rows)
        column, field = values.plain(table.column(name)), self._fields[name]
        if pa.types.is_fixed_size_binary(column.type) and not values.is_uuid(field):
            return self._padded(column, field, flags)
        if self.wanted.encoding and values.is_bytes(column.type):
            return _decoded(column, self.wanted.encoding, flags)
        try:
            return values.text(column, field)
        except pa.ArrowInvalid:
            return _decoded(column, None, flags)

    def _constant(self, name: str, rows: int) -> pa.Array:
        """What is said of the column *name*, which the table does not have."""
        return pa.repeat(scalar(self.wanted.constants[name], pa.string()), rows)

    def _padded(self, column: pa.Array, field: pa.Field, flags: Flags) -> pa.Array:
        """The texts in a fixed-size binary column. Bytes that are not text were never meant as text."""
        mine: Flags = {}
        found = _decoded(values.unpadded(column), self.wanted.encoding, mine, _cut)
        if values.holds_no_text(found) or any(GUESS in names for names in mine.values()):
            raise self._error(field.name, f"is {column.type}, and its bytes are not text")
        for row, names in mine.items():
            flags.setdefault(row, {}).update(names)
        return found

    def _typed(self, table: pa.RecordBatch, wanted: pa.Field) -> pa.Array:
        name = source_name(wanted.name)
        try:
            if name not in self._fields:
                return pc.cast(self._constant(name, table.num_rows), wanted.type)
            return pc.cast(values.typed(table.column(name), self._fields[name]), wanted.type)
        except pa.ArrowInvalid as e:
            raise self._error(name, f"has values that are not {wanted.type}, unlike other files") from e

    def _error(self, name: str, what: str) -> SourceError:
        return SourceError(f"Column {name[:80]!r} of {self._name} {what}: leave it out, or have it written as text.")


def _ids(texts: dict[str, pa.Array], refs: pa.Array, wanted: Wanted) -> tuple[pa.Array, pa.Array]:
    none = pa.nulls(len(refs), pa.string())
    if wanted.id_column is None:
        return refs, none
    ids = texts[wanted.id_column]
    nothing, reason = scalar("", pa.string()), scalar(missing_id(wanted.id_column), pa.string())
    missing = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(ids), nothing), scalar(value=True, kind=pa.bool_()))
    return pc.if_else(missing, none, ids), pc.if_else(missing, reason, none)


def _cut(data: bytes, encoding: str | None) -> Decoded:
    """The text of *data*, whose last character may not have had the room it needs."""
    if encoding is None:
        with suppress(UnicodeError):
            text, read = utf_8_decode(data, "strict")
            return Decoded(text) if read == len(data) else Decoded(text + "\ufffd", (LOSS,))
    return decode(data, encoding)


def _decoded(
    column: pa.Array, encoding: str | None, flags: Flags, decode: Callable[[bytes, str | None], Decoded] = decode
) -> pa.Array:
    """*column* as text, value by value. Adds to *flags* what had to be done for it."""
    texts: list[str | None] = []
    for row, data in enumerate(pc.cast(column, pa.binary()).to_pylist()):
        text, names = (None, ()) if data is None else decode(data, encoding)
        if names:
            flags.setdefault(row, {}).update(dict.fromkeys(names))
        texts.append(text)
    return array(texts, pa.string())
