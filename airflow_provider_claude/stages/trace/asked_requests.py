"""Which requests asked about a row: found in the manifests of its shard, and among the answers it took from earlier runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array, scalar
from airflow_provider_claude.store import IntentRecord, ShardFolder, exists
from airflow_provider_claude.store.attempts import history
from airflow_provider_claude.store.parquet_files import read_batches, read_table
from airflow_provider_claude.store.planned_shard import PlannedShard

_COLUMNS = ("index", "item_id", "custom_id", "request_hash", "max_tokens")

_REUSED = re.compile(r"([0-9a-f]{8})\.(\d+)\.reused\.parquet")
_BATCH_ROWS = 1_000


class Asked(NamedTuple):
    """A request of the attempt *intent* of *shard*. *rows* are those of its manifest that share it, in their order; the one
    that is traced is at *place*.
    """

    shard: ShardFolder
    intent: IntentRecord
    rows: list[dict[str, Any]]
    place: int

    @property
    def row(self) -> dict[str, Any]:
        """The row that is traced, as the manifest has it."""
        return self.rows[self.place]

    @property
    def number(self) -> int:
        """The request's number among those of the attempt."""
        return int(self.row["custom_id"].rpartition("-")[2])


class Reused(NamedTuple):
    """An answer of an earlier run, taken for round *of_round*: row *row* of attempt *attempt* of *shard*, a path in the work
    folder. *line* is the result as it came.
    """

    of_round: int
    shard: str
    attempt: int
    row: int
    line: bytes
    batch_id: str | None
    request_hash: bytes
    max_tokens: int


def asked_about(shard: PlannedShard, ordinal: int, item_id: str) -> Iterator[Asked]:
    """The requests of *shard* about the item *ordinal*, oldest first.

    Attempts of what the shard asks now know it by its index; those of an earlier plan by its id.
    """
    for attempt in history(shard.folder):
        same = attempt.shard_fingerprint == shard.fingerprint
        key, value = ("index", ordinal - shard.spec.start) if same else ("item_id", item_id)
        found = asked_in(shard.folder, attempt.number, key, value)
        if found is not None:
            yield found


def asked_in(shard: ShardFolder, attempt: int, key: str, value: int | str) -> Asked | None:
    """The request of *attempt* about the row of its manifest whose column *key* is *value*; None where it asks no such row."""
    intent, path = shard.intent(attempt), shard.manifest(attempt)
    if intent is None or not exists(path):
        return None
    manifest = read_table(path, _COLUMNS).combine_chunks()
    rows = pc.indices_nonzero(pc.equal(manifest[key], scalar(value, manifest.schema.field(key).type))).to_pylist()
    return _request(shard, intent, manifest, rows[0]) if rows else None


def asked_at(shard: ShardFolder, attempt: int, row: int) -> Asked | None:
    """The request of *attempt* about row *row* of its manifest; None where that is gone."""
    intent, path = shard.intent(attempt), shard.manifest(attempt)
    if intent is None or not exists(path):
        return None
    manifest = read_table(path, _COLUMNS).combine_chunks()
    return _request(shard, intent, manifest, row) if row < len(manifest) else None


def _request(shard: ShardFolder, intent: IntentRecord, manifest: pa.Table, row: int) -> Asked:
    names = manifest["custom_id"]
    rows = pc.indices_nonzero(pc.equal(names, names[row])).to_pylist()
    return Asked(shard, intent, manifest.take(array(rows, pa.int64())).to_pylist(), rows.index(row))


def reused_for(shard: PlannedShard, ordinal: int) -> Iterator[Reused]:
    """The answers of earlier runs that *shard*, as it is planned now, has taken for the item *ordinal*, by round."""
    found = filter(None, map(_REUSED.fullmatch, shard.folder.names()))
    rounds = sorted(int(name[2]) for name in found if name[1] == shard.fingerprint[:8])
    for of_round in rounds:
        path = shard.folder.reused(shard.fingerprint, of_round)
        for batch in read_batches(path, _BATCH_ROWS):
            mine = batch.filter(pc.equal(batch["index"], scalar(ordinal - shard.spec.start, pa.int32())))
            yield from (_reused(of_round, row) for row in mine.to_pylist())


def _reused(of_round: int, row: dict[str, Any]) -> Reused:
    return Reused(of_round, **{name: row[name] for name in Reused._fields[1:]})
