"""Existing answers: found by the hash of their request among the raw results of the work folder.

The plan finds which items were answered before and where; create copies their result lines into its own shard, and so does
settle for rows that are asked again. Any billed result counts as an answer, also an invalid one: settle decides about asking
again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.arrays import array, number_array
from airflow_provider_claude.core.chunks import batched
from airflow_provider_claude.core.load.answers import judge
from airflow_provider_claude.core.requests.request_bytes import Named
from airflow_provider_claude.core.tables import REUSED_ANSWER_FIELDS, REUSED_FIELDS
from airflow_provider_claude.store import (
    AccountFolder,
    CollectedRecord,
    RunFolder,
    ShardFolder,
    exists,
    remove,
)
from airflow_provider_claude.store.parquet_files import parquet_writer, read_batches, read_table
from airflow_provider_claude.store.planned_shard import PlannedShard
from airflow_provider_claude.store.results import read_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from upath import UPath

_HASH_BYTES = 32

#: Bytes of a request hash that identify it: two requests that share them cannot be made. The search uses the first half.
KEY_BYTES = 16
_HALVES = "<u8"

#: Lines that are written together.
_CHUNK_ROWS = 1_000


#: Answers that a shard has used: rows of an attempt of a shard, or None for all of them.
Used = Mapping[tuple[str, int], Collection[int] | None]


class Known:
    """Where items were answered before: forty bytes an item, whatever their texts."""

    def __init__(self, keys: bytes | bytearray, ordinals: Sequence[int] | None = None) -> None:
        """*keys*: the first KEY_BYTES bytes of each item's request hash; *ordinals*: theirs, without them from 0 on."""
        wanted = np.frombuffer(keys, dtype=_HALVES).reshape(-1, 2)
        self._ordinals = np.arange(len(wanted)) if ordinals is None else np.array(ordinals, dtype="<i8")
        self._order = np.argsort(wanted[:, 0], kind="stable")
        self._sorted = wanted[self._order]
        self._source = np.full(len(wanted), -1, dtype="<i4")
        self._row = np.zeros(len(wanted), dtype="<i4")
        self._sources: list[CollectedRecord] = []

    def look(self, work: AccountFolder, job: str, since: str) -> None:
        """Look the items up in the results of *job* since *since*. The newest answer counts."""
        for record in work.collected(job, since=since):
            self._look(work, record, frozenset())

    def look_again(self, work: AccountFolder, job: str, since: str, used: Used) -> None:
        """The same without what was *used*, and the oldest answer counts.

        If an invalid answer was reused, earlier ones were invalid too, or the row would not have been asked again.
        """
        for record in reversed(work.collected(job, since=since)):
            gone = used.get((record.shard, record.attempt), frozenset())
            if gone is not None:
                self._look(work, record, gone)

    def _look(self, work: AccountFolder, record: CollectedRecord, used: Collection[int]) -> None:
        shard = work.shard(record.shard)
        if exists(shard.results(record.attempt)):
            self._match(shard, record, used)

    def _match(self, shard: ShardFolder, record: CollectedRecord, used: Collection[int]) -> None:
        answered = _keys(shard.manifest(record.attempt))
        rows, items = self._open_rows(answered)
        keep = ~np.isin(rows, list(used))
        if keep.any() and not _all_succeeded(shard, record.attempt, len(answered)):
            keep &= np.isin(rows, list(_succeeded(shard, record.attempt)))
        self._source[items[keep]] = len(self._sources)
        self._row[items[keep]] = rows[keep]
        self._sources.append(record)

    def _open_rows(self, answered: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The rows with the keys *answered* that are items without an answer yet, and these items."""
        indexes = np.searchsorted(self._sorted[:, 0], answered[:, 0])
        rows = np.flatnonzero(indexes < len(self._sorted))
        rows = rows[(self._sorted[indexes[rows]] == answered[rows]).all(axis=1)]
        rows = rows[self._source[self._order[indexes[rows]]] < 0]
        return rows, self._order[indexes[rows]]

    def on_their_way(self, work: AccountFolder, job: str, run: RunFolder, since: str) -> dict[str, int]:
        """How many items without an answer other runs than *run* have sent since *since* and not downloaded yet, by run."""
        found: dict[str, int] = {}
        for record in work.asked(job, since=since):
            shard = work.shard(record.shard)
            if str(shard.run) != str(run) and _is_on_its_way(shard, record.attempt):
                name = work.run_name(shard.run)
                found[name] = found.get(name, 0) + len(self._open_rows(_keys(shard.manifest(record.attempt)))[0])
        return {name: count for name, count in found.items() if count}

    @property
    def mask(self) -> NDArray[Any]:
        """For each item, whether it was answered before."""
        return self._source >= 0

    def found(self, start: int, stop: int) -> pa.Table:
        """Where those of the items *start* (included) to *stop* (not), counted as they were given, were answered."""
        items = start + np.flatnonzero(self.mask[start:stop])
        sources = self._source[items]
        return pa.table(
            {
                "ordinal": number_array(self._ordinals[items], pa.int64()),
                "shard": array([self._sources[n].shard for n in sources], pa.string()),
                "attempt": array([self._sources[n].attempt for n in sources], pa.int32()),
                "row": number_array(self._row[items], pa.int32()),
            },
            schema=pa.schema(REUSED_FIELDS),
        )


def _is_on_its_way(shard: ShardFolder, attempt: int) -> bool:
    names = shard.names()
    here = {shard.results(attempt).name, f"{attempt}.voided.json"} & names
    return shard.manifest(attempt).name in names and not here


def _keys(manifest: UPath) -> NDArray[Any]:
    """The key of each row of *manifest*."""
    column = read_table(manifest, ["request_hash"])["request_hash"].combine_chunks()
    values = np.frombuffer(column.buffers()[1], dtype="u1", count=(column.offset + len(column)) * _HASH_BYTES)
    values = values[column.offset * _HASH_BYTES :].reshape(-1, _HASH_BYTES)
    return np.ascontiguousarray(values[:, :KEY_BYTES]).view(_HALVES)


def _all_succeeded(shard: ShardFolder, attempt: int, asked: int) -> bool:
    ended = shard.ended(attempt)
    return ended is not None and ended.counts.get("succeeded") == asked and shard.looks(attempt) is None


def _succeeded(shard: ShardFolder, attempt: int) -> Iterator[int]:
    """The rows of *attempt* that were answered."""
    return (row for row, _ in _lines(shard, attempt))


def planned(shard: PlannedShard) -> pa.Table | None:
    """Where the plan has found answers for the items of *shard*."""
    path = shard.run.part("reused", shard.number)
    return read_table(path) if shard.spec.reused and exists(path) else None


def take(shard: PlannedShard, found: pa.Table | None, of_round: int = 1) -> dict[int, bytes]:
    """Copy the answers that were *found* into *shard*, for round *of_round*.

    Returns ordinal and request hash of those that were really there.
    """
    path, start, work = shard.folder.reused(shard.fingerprint, of_round), shard.spec.start, shard.work
    if not found:
        remove(path)
        return {}
    taken: dict[int, bytes] = {}
    with parquet_writer(path, pa.schema(REUSED_ANSWER_FIELDS)) as writer:
        for name, attempt, rows in _by_source(found):
            indexes = {row: ordinal - start for row, ordinal in rows.items()}
            for lines in batched(_answers(work, name, attempt, indexes), _CHUNK_ROWS):
                writer.write_table(pa.Table.from_pylist(lines, pa.schema(REUSED_ANSWER_FIELDS)))
                taken.update((start + line["index"], line["request_hash"]) for line in lines)
    return taken


def _by_source(found: pa.Table) -> Iterator[tuple[str, int, dict[int, int]]]:
    """Each shard and attempt that has answers, and in it the ordinal of the item for each row of its manifest."""
    sources: dict[tuple[str, int], dict[int, int]] = {}
    for one in found.to_pylist():
        sources.setdefault((one["shard"], one["attempt"]), {})[one["row"]] = one["ordinal"]
    for (name, attempt), rows in sources.items():
        yield name, attempt, rows


def _answers(work: AccountFolder, name: str, attempt: int, indexes: dict[int, int]) -> Iterator[dict[str, Any]]:
    """The result lines of *attempt* whose rows are in *indexes*; none if they are gone."""
    shard = work.shard(name)
    submitted = shard.submitted(attempt)
    if submitted is None or not exists(shard.results(attempt)):
        return
    asked = read_table(shard.manifest(attempt), ["request_hash", "max_tokens"])
    for row, line in _lines(shard, attempt):
        if row in indexes:
            yield {
                "index": indexes.pop(row),
                "request_hash": asked["request_hash"][row].as_py(),
                "max_tokens": asked["max_tokens"][row].as_py(),
                "line": line,
                "batch_id": submitted.batch_id,
                "shard": name,
                "attempt": attempt,
                "row": row,
            }


def _lines(shard: ShardFolder, attempt: int) -> Iterator[tuple[int, bytes]]:
    """The result lines of *attempt* that are answers, the first of each row, with the row."""
    intent = shard.intent(attempt)
    if intent is None:
        return iter(())
    judged = ((judge(line, lambda _: {}), line) for line in read_lines(shard.results(attempt)))
    answers = ((one.custom_id, line) for one, line in judged if one is not None and one.message_id)
    return Named(intent.fingerprint, intent.requests).first(answers)


def read_reused(path: UPath, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """*columns* of the reused answers, in batches; nothing if there are none."""
    if exists(path):
        yield from read_batches(path, _CHUNK_ROWS, columns)
