"""A body while it is written, a request an item; and the hashes of its requests."""

from __future__ import annotations

import hashlib
from array import array
from typing import IO

import msgspec
import pyarrow as pa

from airflow_provider_claude.core.requests.request_bytes import (
    BODY_CLOSE,
    BODY_OPEN,
    RequestEncoder,
    custom_id,
    entry,
)
from airflow_provider_claude.core.tables import MANIFEST_FIELDS, with_columns
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.manifest import KEYS, int_array, manifest_rows
from airflow_provider_claude.store import PlanRecord
from airflow_provider_claude.store.items import read_carried
from airflow_provider_claude.store.planned_shard import PlannedShard, items_of


class Draft:
    """A body and its manifest while they are written: a request an item."""

    def __init__(
        self,
        shard: PlannedShard,
        selection: AttemptSelection,
        stream: IO[bytes],
        encoder: Encoders,
    ) -> None:
        carried = read_carried(shard.run, shard.run.need_scan())
        carry = [one.name for one in carried]
        self._schema = with_columns(MANIFEST_FIELDS, carried)
        self._start, self._name, self._stream = shard.spec.start, selection.fingerprint(shard), stream
        self._parts: list[pa.RecordBatch] = []
        self.columns = list(dict.fromkeys([*KEYS, *carry, *encoder.columns]))
        self.sizes, self.totals = array("I"), array("I")
        stream.write(BODY_OPEN)

    def add(self, batch: pa.RecordBatch, params: list[bytes], hashes: list[bytes], limits: list[int]) -> None:
        """Ask the rows of *batch*, each with its parameters, their hash, and its limit."""
        names = self._write(params, limits)
        self._parts.append(manifest_rows(batch, self._start, self._schema, names, hashes, limits))

    def close(self) -> None:
        self._stream.write(BODY_CLOSE)

    def manifest(self) -> pa.Table:
        return pa.Table.from_batches(self._parts, self._schema)

    def _write(self, params: list[bytes], totals: list[int]) -> list[str]:
        """Write requests; their custom ids."""
        index = len(self.sizes)
        names = [custom_id(self._name, index + number) for number in range(len(params))]
        self._stream.write(b"," if index and names else b"")
        self._stream.write(b",".join(map(entry, names, params)))
        self.sizes.extend(map(len, params))
        self.totals.extend(totals)
        return names


def request_hashes(shard: PlannedShard, selection: AttemptSelection) -> dict[int, bytes]:
    """The hash of each request that *selection* asks of *shard*, by ordinal."""
    encoder = Encoders(shard.plan)
    found: dict[int, bytes] = {}
    for rows in items_of(shard, ["ordinal", *encoder.columns]):
        params = list(encoder.of_batch(rows))
        batch, _, hashes = asked_rows(
            rows, params, [hashlib.sha256(one).digest() for one in params], selection, encoder
        )
        found.update(zip(batch.column("ordinal").to_pylist(), hashes, strict=True))
    return found


def asked_rows(
    batch: pa.RecordBatch, params: list[bytes], hashes: list[bytes], selection: AttemptSelection, encoder: Encoders
) -> tuple[pa.RecordBatch, list[bytes], list[bytes]]:
    """The rows of *batch* that are asked, with their parameters and hashes; those with another limit encoded again."""
    ordinals = batch.column("ordinal").to_pylist()
    for number, ordinal in enumerate(ordinals):
        if ordinal in selection.max_tokens:
            params[number] = encoder.one(batch.slice(number, 1), selection.max_tokens[ordinal])
            hashes[number] = hashlib.sha256(params[number]).digest()
        if selection.skip.get(ordinal, hashes[number]) != hashes[number]:
            raise StateError(f"Item {ordinal} is not the one that was answered before; clear the plan task.")
    places = [number for number, ordinal in enumerate(ordinals) if selection.wants(ordinal)]
    rows = batch.take(int_array(places, "<i8", pa.int64()))
    return rows, [params[number] for number in places], [hashes[number] for number in places]


class Encoders:
    """The plan's encoder, and those of single rows with another `max_tokens`."""

    def __init__(self, plan: PlanRecord) -> None:
        self._job = plan.job
        self._plain = RequestEncoder(plan.job)
        self._others: dict[int, RequestEncoder] = {}
        self.columns = self._plain.columns
        self.of_batch = self._plain.of_batch
        self.max_tokens = plan.job.max_tokens

    def one(self, row: pa.RecordBatch, max_tokens: int) -> bytes:
        if max_tokens not in self._others:
            self._others[max_tokens] = RequestEncoder(msgspec.structs.replace(self._job, max_tokens=max_tokens))
        return next(self._others[max_tokens].of_batch(row))

    def content(self, params: bytes, limit: int) -> bytes:
        """The message in *params*, of a row with the `max_tokens` *limit*."""
        return self._others.get(limit, self._plain).content(params)

    def limits(self, batch: pa.RecordBatch, selection: AttemptSelection) -> list[int]:
        """The `max_tokens` of each row of *batch*."""
        if not selection.max_tokens:
            return [self.max_tokens] * batch.num_rows
        return [selection.max_tokens.get(ordinal, self.max_tokens) for ordinal in batch.column("ordinal").to_pylist()]
