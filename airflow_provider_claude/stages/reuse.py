"""Answers that are there already: found by the hash of their request among the raw results of the work folder.

The plan finds which items were answered before and where, create takes their result lines over into its own shard.
Any result that was billed counts as an answer, also one that is not valid: asking again is for settle to decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.batch.answers import read_head
from airflow_provider_claude.core.batch.requests import id_start, index_of
from airflow_provider_claude.core.chunks import batched
from airflow_provider_claude.core.tables import REUSED_FIELDS, TAKEN_FIELDS
from airflow_provider_claude.stages.parquet import parquet_writer, read_batches, read_table, write_table
from airflow_provider_claude.stages.results import read_lines
from airflow_provider_claude.store import (
    CollectedRecord,
    RunFolder,
    ShardFolder,
    ShardSpec,
    WorkFolder,
    remove,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from upath import UPath

_HASH_BYTES = 32

#: Lines that are written together.
_CHUNK_ROWS = 1_000


class Known:
    """Where items were answered before: 16 bytes an item, whatever their texts."""

    def __init__(self, hashes: bytes) -> None:
        """*hashes*: the first eight bytes of each item's request hash, in the order of the items."""
        self._wanted = np.frombuffer(hashes, dtype="<u8")
        self._order = np.argsort(self._wanted, kind="stable")
        self._sorted = self._wanted[self._order]
        self._source = np.full(len(self._wanted), -1, dtype="<i4")
        self._row = np.zeros(len(self._wanted), dtype="<i4")
        self._sources: list[CollectedRecord] = []

    def look(self, work: WorkFolder, job: str, since: str) -> None:
        """Look the items up in the results of *job* since *since*. The newest answer counts."""
        for record in work.collected(job, since=since):
            shard = work.shard(record.shard)
            if shard.results(record.attempt).exists():
                self._match(record, _request_hashes(shard.manifest(record.attempt)))

    def _match(self, record: CollectedRecord, answered: NDArray[Any]) -> None:
        places = np.searchsorted(self._sorted, answered)
        rows = np.flatnonzero(places < len(self._sorted))
        rows = rows[self._sorted[places[rows]] == answered[rows]]
        items = self._order[places[rows]]
        fresh = self._source[items] < 0
        self._source[items[fresh]] = len(self._sources)
        self._row[items[fresh]] = rows[fresh]
        self._sources.append(record)

    def count(self, start: int, stop: int) -> int:
        """How many of the items *start* (included) to *stop* (not) were answered before."""
        return int(self.mask[start:stop].sum())

    @property
    def mask(self) -> NDArray[Any]:
        """For each item, whether it was answered before."""
        return self._source >= 0

    def write(self, path: UPath, start: int, stop: int) -> None:
        """Write down where the items *start* to *stop* were answered; nothing where none was."""
        items = start + np.flatnonzero(self.mask[start:stop])
        remove(path)
        if not len(items):
            return
        sources = self._source[items]
        table = pa.table(
            {
                "ordinal": items,
                "shard": pa.array([self._sources[n].shard for n in sources], pa.string()),
                "attempt": pa.array([self._sources[n].attempt for n in sources], pa.int32()),
                "row": self._row[items],
            },
            schema=pa.schema(REUSED_FIELDS),
        )
        write_table(path, table)


def _request_hashes(manifest: UPath) -> NDArray[Any]:
    """The first eight bytes of the request hash of each row of *manifest*."""
    column = read_table(manifest, ["request_hash"])["request_hash"].combine_chunks()
    values = np.frombuffer(column.buffers()[1], dtype="u1", count=(column.offset + len(column)) * _HASH_BYTES)
    values = values[column.offset * _HASH_BYTES :].reshape(-1, _HASH_BYTES)
    return np.ascontiguousarray(values[:, :8]).view("<u8").ravel()


def take(run: RunFolder, work: WorkFolder, spec: ShardSpec, path: UPath) -> dict[int, bytes]:
    """Take the shard's earlier answers over into *path*; ordinal and request hash of those that were really there."""
    plan = run.part("reused", spec.shard)
    if not spec.reused or not plan.exists():
        return {}
    taken: dict[int, bytes] = {}
    with parquet_writer(path, pa.schema(TAKEN_FIELDS)) as writer:
        for shard, attempt, rows in _by_source(read_table(plan), work):
            places = {row: ordinal - spec.start for row, ordinal in rows.items()}
            for lines in batched(_found(shard, attempt, places), _CHUNK_ROWS):
                writer.write_table(pa.Table.from_pylist(lines, pa.schema(TAKEN_FIELDS)))
                taken.update((spec.start + line["place"], line["request_hash"]) for line in lines)
    return taken


def _by_source(reused: pa.Table, work: WorkFolder) -> Iterator[tuple[ShardFolder, int, dict[int, int]]]:
    """Each attempt that has answers, and in it the ordinal of the item for each row of its manifest."""
    sources: dict[tuple[str, int], dict[int, int]] = {}
    for one in reused.to_pylist():
        sources.setdefault((one["shard"], one["attempt"]), {})[one["row"]] = one["ordinal"]
    for (name, attempt), rows in sources.items():
        yield work.shard(name), attempt, rows


def _found(shard: ShardFolder, attempt: int, places: dict[int, int]) -> Iterator[dict[str, Any]]:
    """The result lines of *attempt* whose rows are in *places*; none where they are gone by now."""
    intent, submitted = shard.intent(attempt), shard.submitted(attempt)
    if intent is None or submitted is None or not shard.results(attempt).exists():
        return
    hashes = read_table(shard.manifest(attempt), ["request_hash"])["request_hash"]
    start = id_start(intent.fingerprint)
    for line in read_lines(shard.results(attempt)):
        name, kind = read_head(line)
        row = index_of(name, start, intent.requests)
        if row is None or row not in places or kind != "succeeded":
            continue
        yield {
            "place": places.pop(row),
            "request_hash": hashes[row].as_py(),
            "line": line,
            "batch_id": submitted.batch_id,
            "attempt": attempt,
        }


def read_taken(path: UPath, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """*columns* of the answers that were taken over, in batches; none where there are none."""
    if path.exists():
        yield from read_batches(path, _CHUNK_ROWS, columns)
