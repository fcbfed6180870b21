"""A body while it is written, where items share requests."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Container, Sequence
from typing import IO, NamedTuple

import pyarrow as pa

from airflow_provider_claude.core.requests.pack_exclusions import PackExclusions
from airflow_provider_claude.core.requests.packs import ELEMENT_BYTES, PackEncoder, Packer, marks, pack_limit
from airflow_provider_claude.core.requests.request_bytes import (
    custom_id,
)
from airflow_provider_claude.core.tables import MANIFEST_FIELDS, PACKED_FIELDS, with_columns
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.draft import Draft, Encoders
from airflow_provider_claude.stages.requests.manifest import KEYS, int_array, manifest_rows
from airflow_provider_claude.store import PlanRecord, RunFolder, ShardSpec
from airflow_provider_claude.store.items import read_carried


class _Item(NamedTuple):
    """An item on its way into a pack. *row* counts those that are asked, in the order in which they are read."""

    row: int
    params: bytes
    hash: bytes
    limit: int
    alone: bool
    content: bytes


class Packs(Draft):
    """The same where items share requests: those of one request follow one another in the manifest."""

    def __init__(
        self,
        run: RunFolder,
        plan: PlanRecord,
        spec: ShardSpec,
        selection: AttemptSelection,
        stream: IO[bytes],
        encoder: Encoders,
    ) -> None:
        super().__init__(run, plan, spec, selection, stream, encoder)
        if plan.packing is None:
            raise StateError(f"Shard {spec.shard} is to be packed, and {run.file('plan.json')} does not say how.")
        carried = read_carried(run, run.need_scan())
        self._schema = with_columns((*MANIFEST_FIELDS, *PACKED_FIELDS), carried)
        self._kept = list(dict.fromkeys([*KEYS, *(one.name for one in carried)]))
        self._by, self._alone, self._encoders = plan.packing.by, selection.alone, encoder
        self._encoder = PackEncoder(plan.job)
        self._exclusions = PackExclusions(plan.job, encoder.columns)
        self._packer: Packer[_Item] = Packer(items=selection.pack, size=plan.packing.bytes)
        self.columns = list(dict.fromkeys([*self.columns, "scan_suspect", *self._by]))
        self._order, self._requests, self._elements, self._limits = array("q"), array("i"), array("i"), array("i")
        self._hashes: list[bytes] = []
        self._read = 0

    def add(self, batch: pa.RecordBatch, params: list[bytes], hashes: list[bytes], limits: list[int]) -> None:
        self._parts.append(batch.select(self._kept))
        keys = pack_keys(batch, self._by, self._alone, self._exclusions)
        for one, digest, limit, key in zip(params, hashes, limits, keys, strict=True):
            content = self._encoders.content(one, limit)
            item = _Item(self._read, one, digest, limit, key is None, content)
            self._read += 1
            for pack in self._packer.add(key, item, len(content) + ELEMENT_BYTES):
                self._write_pack(pack)

    def close(self) -> None:
        for pack in self._packer.rest():
            self._write_pack(pack)
        super().close()

    def _write_pack(self, pack: list[_Item]) -> None:
        params, digest, total = pack[0].params, pack[0].hash, pack[0].limit
        if len(pack) > 1:
            limits = [item.limit for item in pack]
            own = marks(self._name, len(self.sizes), len(pack))
            params = self._encoder.params([item.content for item in pack], limits, own)
            digest, total = hashlib.sha256(params).digest(), pack_limit(limits)
        for number, item in enumerate(pack, start=1):
            self._order.append(item.row)
            self._requests.append(len(self.sizes))
            self._elements.append(0 if item.alone else number)
            self._limits.append(item.limit)
            self._hashes.append(digest)
        self._write([params], [total])

    def manifest(self) -> pa.Table:
        names = [custom_id(self._name, request) for request in self._requests]
        items = pa.Table.from_batches(self._parts).take(int_array(list(self._order), "<i8", pa.int64()))
        rows = items.combine_chunks().to_batches()
        more = {
            "pack_number": int_array(list(self._requests), "<i4", pa.int32()),
            "pack_element": int_array(list(self._elements), "<i4", pa.int32()),
        }
        limits = list(self._limits)
        parts = [manifest_rows(row, self._start, self._schema, names, self._hashes, limits, more) for row in rows]
        return pa.Table.from_batches(parts, self._schema)


def pack_keys(
    batch: pa.RecordBatch, by: Sequence[str], alone: Container[int], exclusions: PackExclusions
) -> list[tuple[str, ...] | None]:
    """What the items of a request have in common, an entry a row; None for one that is to be asked alone: *alone* has its
    ordinal, the scan suspects it, *exclusions* is of what it says, or nobody knows whose it is.
    """
    scanned = batch.column("scan_suspect").to_pylist()
    suspects = [one or speaks for one, speaks in zip(scanned, exclusions.rows(batch), strict=True)]
    values = [_texts(batch.column(name)) for name in by]
    whose = list(zip(*values, strict=True)) if values else [()] * batch.num_rows
    ordinals = batch.column("ordinal").to_pylist()
    return [
        None if suspect or ordinal in alone or None in key else key
        for suspect, ordinal, key in zip(suspects, ordinals, whose, strict=True)
    ]


def _texts(column: pa.Array) -> list[str | None]:
    return [None if value is None else str(value) for value in column.to_pylist()]
