"""Parquet files. What the values of a column are as text, `values` says; binary columns are decoded as tables are.

Rows are decoded in batches whose size `pages` bounds.

The footer counts the rows of each row group. One that cannot be read is lost with so many rows, and the next is read; a file
without a footer is lost with an unknown number.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import SEEK_END
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_claude.core.scan.lost_rows import UNREADABLE
from airflow_provider_claude.sources.files.file import SourceFile, is_broken_content
from airflow_provider_claude.sources.rows import values
from airflow_provider_claude.sources.rows.batches import Wanted, batches_of, region
from airflow_provider_claude.sources.rows.sized import joined, pieces
from airflow_provider_claude.sources.tables.arrow_rows import ArrowRows
from airflow_provider_claude.sources.tables.parquet_pages import Columns, check_rows

#: Formats of bytes that Arrow reads as plain bytes: their Parquet types, and the extension types that stand for them here.
_LOGICAL = {"UUID": b"arrow.uuid", "BSON": b"bson", "INTERVAL": b"parquet.interval"}


def fields(file: SourceFile) -> list[pa.Field] | None:
    """Its columns, None where *file* cannot be read."""
    try:
        with file.open() as stream:
            return list(_open(stream)[1]) if stream.read(1) else None
    except Exception as e:
        if not is_broken_content(e):
            raise
        return None


def batches(file: SourceFile, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    """The rows of *file*, and a region for what is lost."""
    try:
        with file.open() as stream:
            if not stream.read(1):
                return
            parquet, schema = _open(stream)
            check_rows(parquet.metadata, stream.seek(0, SEEK_END))
            reader = ArrowRows(file.name, schema, wanted)
            columns = Columns(stream, parquet, reader.names)
            yield from _groups(file, parquet, columns, reader)
    except Exception as e:
        if not is_broken_content(e):
            raise
        what = f"the file cannot be read as Parquet ({_first_line(e)})."
        yield from batches_of([region(f"{file.name}#1", UNREADABLE, what, None)], wanted)


def _groups(file: SourceFile, parquet: pq.ParquetFile, columns: Columns, reader: ArrowRows) -> Iterator[pa.RecordBatch]:
    """The rows of all row groups that can be read, with one region for those between them that cannot."""
    wanted = reader.wanted
    start, read, lost = 0, 0, _Lost(file, wanted)
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        done = start
        try:
            for table in _decoded_rows(parquet, columns, group, reader.names, wanted.batch_rows):
                yield from lost.region()
                yield reader.batch(table, done)
                done += table.num_rows
        except Exception as e:
            if not is_broken_content(e):
                raise
            lost.add(done, start + rows - done, _first_line(e))
        else:
            lost.add(done, start + rows - done, "it ends too early")
        read += done - start
        start += rows
    yield from lost.region("broken_rows" if read else UNREADABLE)
    if start != parquet.metadata.num_rows:
        what = f"the footer counts {parquet.metadata.num_rows:,} rows, and {start:,} in its row groups."
        yield from batches_of([region(f"{file.name}#{start + 1}", UNREADABLE, what, None)], wanted)


def _decoded_rows(
    parquet: pq.ParquetFile, columns: Columns, group: int, names: list[str], most: int
) -> Iterator[pa.RecordBatch]:
    """The rows of the row group, in pieces that are no larger than they have to be."""
    if parquet.metadata.row_group(group).num_rows == 0:
        return
    rows = columns.rows_at_once(group, most)
    found = chain.from_iterable(map(pieces, parquet.iter_batches(rows, [group], names, use_threads=False)))
    yield from found if rows == most else joined(found, most)


class _Lost:
    """Consecutive rows of a file that were lost, until `region` reports them."""

    def __init__(self, file: SourceFile, wanted: Wanted) -> None:
        self._file, self._wanted = file, wanted
        self._start = self._rows = 0
        self._why = ""

    def add(self, start: int, rows: int, why: str) -> None:
        if rows <= 0:
            return
        if not self._rows:
            self._start, self._why = start, why
        self._rows += rows

    def region(self, word: str = "broken_rows") -> Iterator[pa.RecordBatch]:
        if not self._rows:
            return
        what = f"rows {self._start + 1:,} to {self._start + self._rows:,} cannot be read as Parquet ({self._why})."
        mark = region(f"{self._file.name}#{self._start + 1}", word, what, self._rows)
        self._rows = 0
        yield from batches_of([mark], self._wanted)


def texts(file: SourceFile, wanted: Wanted) -> Iterator[bytes]:
    """The values of its text columns, as they are stored."""
    with file.open() as stream:
        parquet, schema = _open(stream)
        names = [name for name in wanted.with_id if name in schema.names]
        columns = Columns(stream, parquet, names)
        for group in range(parquet.num_row_groups):
            for table in _decoded_rows(parquet, columns, group, names, wanted.batch_rows):
                for column in table.columns:
                    if values.is_text(column.type) or values.is_bytes(column.type):
                        yield from filter(None, pc.cast(column, pa.binary()).to_pylist())


def _open(stream: Any) -> tuple[pq.ParquetFile, pa.Schema]:
    """A reader of *stream*, and its columns. Times of 96 bits, which hold more than nanoseconds can, come in microseconds."""
    parquet = pq.ParquetFile(
        stream, pre_buffer=False, coerce_int96_timestamp_unit="us", page_checksum_verification=True
    )
    kinds = {}
    for index in range(len(parquet.schema)):
        column = parquet.schema.column(index)
        if extension := _LOGICAL.get(column.logical_type.type):
            kinds[column.path] = extension
    return parquet, pa.schema([_marked(field, kinds.get(field.name)) for field in parquet.schema_arrow])


def _marked(field: pa.Field, extension: bytes | None) -> pa.Field:
    """*field* with the *extension* its Parquet type stands for, whether or not this Arrow has a type of its own for it."""
    return field if extension is None else field.with_metadata({b"ARROW:extension:name": extension})


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
