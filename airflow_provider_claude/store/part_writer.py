"""Tables of a run folder, written part file by part file."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_claude.store import RunFolder, atomic_output, remove

#: Rows of one row group.
GROUP_ROWS = 2_000


class Parts:
    """The part files of one folder: *part_rows* rows each but the last, in row groups of GROUP_ROWS.

    *always*: there is a file even where there is no row.

    A context manager: each part appears when it is full, the last at the end; after an error, not at all.
    """

    def __init__(self, run: RunFolder, folder: str, schema: pa.Schema, part_rows: int, *, always: bool = False) -> None:
        self._run, self._folder, self._schema, self._part_rows, self._always = run, folder, schema, part_rows, always
        self._pending: list[pa.RecordBatch] = []
        self._number = self._written = 0
        self._part = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        remove(run.path / folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._write_group()
            if self._always and self._number == self._written == 0:
                self._open_writer()
        self._part.__exit__(kind, error, trace)

    def add(self, batch: pa.RecordBatch) -> None:
        while batch.num_rows:
            room = min(GROUP_ROWS, self._part_rows - self._written) - sum(map(len, self._pending))
            self._pending.append(batch.slice(0, room))
            if batch.num_rows >= room:
                self._write_group()
            batch = batch.slice(room)

    def _write_group(self) -> None:
        if not self._pending:
            return
        group = pa.Table.from_batches(self._pending)
        self._pending = []
        self._open_writer().write_table(group)
        self._written += group.num_rows
        if self._written == self._part_rows:
            self._part.close()
            self._writer, self._written, self._number = None, 0, self._number + 1

    def _open_writer(self) -> Any:
        if self._writer is None:
            stream = self._part.enter_context(atomic_output(self._run.part(self._folder, self._number)))
            self._writer = self._part.enter_context(
                pq.ParquetWriter(
                    stream, self._schema, compression="zstd", use_dictionary=False, write_statistics=["ordinal"]
                )
            )
        return self._writer
