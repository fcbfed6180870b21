"""Reading the items of a run, any range of them, as a stream of small record batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import scalar
from airflow_provider_claude.core.tables import DUPLICATE_FIELDS, carried_fields, with_columns
from airflow_provider_claude.store import RunFolder, ScanRecord, exists
from airflow_provider_claude.store.parquet_files import open_parquet, read_batches, read_schema

if TYPE_CHECKING:
    import pyarrow.parquet as pq
    from upath import UPath

#: About so many bytes a batch: few enough to keep reading flat, enough to be columnar.
BATCH_BYTES = 800_000

#: Duplicates have short rows.
_DUPLICATE_ROWS = 65_536


def read_items(
    run: RunFolder, scan: ScanRecord, start: int, stop: int, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Items *start* (included) to *stop* (not), *columns* of them, in order. Resident is one row group."""
    number = start // scan.part_rows
    while start < stop:
        base = number * scan.part_rows
        for batch in _read_part(run, number, start - base, min(stop - base, scan.part_rows), columns):
            start += batch.num_rows
            yield batch
        number, start = number + 1, max(start, base + scan.part_rows)


def _read_part(run: RunFolder, number: int, start: int, stop: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with open_parquet(run.part("items", number)) as part:
        offset = 0
        for group in range(part.num_row_groups):
            rows = part.metadata.row_group(group).num_rows
            if offset < stop and offset + rows > start:
                yield from _read_group(part, group, start - offset, stop - offset, columns)
            offset += rows


def _read_group(
    part: pq.ParquetFile, group: int, start: int, stop: int, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    offset, rows = 0, _batch_rows(part.metadata.row_group(group), columns)
    for batch in part.iter_batches(rows, row_groups=[group], columns=list(columns), use_threads=False):
        first, last = max(start - offset, 0), min(stop - offset, batch.num_rows)
        if first < last:
            yield batch.slice(first, last - first)
        offset += batch.num_rows
        if offset >= stop:
            return


def _batch_rows(group: pq.RowGroupMetaData, columns: Sequence[str]) -> int:
    """How many rows of *group* are a batch."""
    chunks = map(group.column, range(group.num_columns))
    size: int = sum(one.total_uncompressed_size for one in chunks if one.path_in_schema.split(".")[0] in columns)
    rows: int = group.num_rows
    return max(BATCH_BYTES * rows // max(size, 1), 1)


def read_carried(run: RunFolder, scan: ScanRecord) -> list[pa.Field]:
    """What the items and duplicates of *run* carry, as they have it; see `core.tables.source_name` for whose it is."""
    if not scan.carry or not exists(run.part("items", 0)):
        return [pa.field(name, pa.string()) for name in scan.carry]
    return carried_fields(read_schema(run.part("items", 0)), scan.carry)


def read_duplicates(run: RunFolder, start: int, stop: int, carry: Sequence[pa.Field]) -> pa.Table:
    """The duplicates of items *start* to *stop*, with `index`, the index of their original in that range."""
    schema = with_columns(DUPLICATE_FIELDS, carry)
    first, end = (scalar(ordinal, pa.int64()) for ordinal in (start, stop))
    found = [batch for path in run.parts("duplicates") for batch in _filtered(path, schema, first, end)]
    table = pa.Table.from_batches(found, schema)
    return table.append_column("index", pc.subtract(table["ordinal"], first))


def _filtered(path: UPath, schema: pa.Schema, first: pa.Scalar, end: pa.Scalar) -> Iterator[pa.RecordBatch]:
    """The duplicates in *path* of items *first* (included) to *end* (not). An expression would import `pyarrow.dataset`, and
    pandas with it.
    """
    for batch in read_batches(path, _DUPLICATE_ROWS, schema.names):
        ordinals = batch["ordinal"]
        within = pc.and_(pc.greater_equal(ordinals, first), pc.less(ordinals, end))
        yield batch.select(schema.names).cast(schema).filter(within)
