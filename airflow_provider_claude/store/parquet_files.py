"""The Parquet files of a run folder: written whole, read through their store a piece at a time, without threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_claude.core.arrays import scalar
from airflow_provider_claude.store import atomic_output

if TYPE_CHECKING:
    from upath import UPath


@contextmanager
def open_parquet(path: UPath) -> Iterator[pq.ParquetFile]:
    with path.fs.open(path.path, "rb") as stream, pq.ParquetFile(stream, pre_buffer=False) as file:
        yield file


def read_table(path: UPath, columns: Sequence[str] | None = None) -> pa.Table:
    """The whole of *path*, or *columns* of it."""
    with open_parquet(path) as file:
        return file.read(columns=columns, use_threads=False)


def read_schema(path: UPath) -> pa.Schema:
    with open_parquet(path) as file:
        return file.schema_arrow


def read_batches(path: UPath, rows: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """*path*, or *columns* of it, at most *rows* at a time."""
    with open_parquet(path) as file:
        yield from file.iter_batches(rows, columns=columns, use_threads=False)


def rows_with(
    path: UPath, value: str, keys: Sequence[str], columns: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of *path*, or *columns* of them, that have the text *value* in one of the columns *keys*.

    Of all rows the keys are read, and of row groups that have one of these rows the columns: one row group at a time.
    """
    with open_parquet(path) as file:
        for group in range(file.num_row_groups):
            texts = file.read_row_group(group, columns=list(keys), use_threads=False)
            hits = [pc.equal(texts[name], scalar(value, pa.string())) for name in keys]
            places = pc.indices_nonzero(reduce(pc.or_kleene, hits).combine_chunks())
            if len(places):
                found = file.read_row_group(
                    group, columns=None if columns is None else list(columns), use_threads=False
                )
                yield from found.take(places).to_pylist()


@contextmanager
def parquet_writer(
    path: UPath, schema: pa.Schema, *, distinct: frozenset[str] = frozenset()
) -> Iterator[pq.ParquetWriter]:
    """A writer of *path*, which is there when the block ends well. A dictionary of the columns *distinct* would only cost."""
    dictionary = [name for name in schema.names if name not in distinct]
    with (
        atomic_output(path) as stream,
        pq.ParquetWriter(stream, schema, compression="zstd", use_dictionary=dictionary) as writer,
    ):
        yield writer


def write_table(path: UPath, table: pa.Table) -> None:
    with parquet_writer(path, table.schema) as writer:
        writer.write_table(table)
