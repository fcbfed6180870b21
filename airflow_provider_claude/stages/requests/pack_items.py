"""A body while it is written, where items share requests."""

from __future__ import annotations

import hashlib
from array import array
from typing import IO, NamedTuple

import pyarrow as pa

from airflow_provider_claude.core.packing.pack_encoder import PackEncoder
from airflow_provider_claude.core.packing.pack_sorter import Pack, PackSorter
from airflow_provider_claude.core.requests.request_bytes import (
    custom_id,
)
from airflow_provider_claude.core.tables import MANIFEST_FIELDS, PACKED_FIELDS, with_columns
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.draft import Draft, Encoders
from airflow_provider_claude.stages.requests.manifest import KEYS, int_array, manifest_rows
from airflow_provider_claude.store.items import read_carried
from airflow_provider_claude.store.planned_shard import PlannedShard


class _Item(NamedTuple):
    """An item to be put into a pack. *row* counts those that are asked, in the order in which they are read."""

    row: int
    params: bytes
    hash: bytes
    limit: int
    content: bytes


class Packs(Draft):
    """The same where items share requests: those of one request follow one another in the manifest."""

    def __init__(
        self,
        shard: PlannedShard,
        selection: AttemptSelection,
        stream: IO[bytes],
        encoder: Encoders,
    ) -> None:
        super().__init__(shard, selection, stream, encoder)
        plan = shard.plan
        if plan.packing is None:
            raise StateError(
                f"Shard {shard.number} is to be packed, and {shard.run.file('plan.json')} does not say how."
            )
        carried = read_carried(shard.run, shard.run.need_scan())
        self._schema = with_columns((*MANIFEST_FIELDS, *PACKED_FIELDS), carried)
        self._kept = list(dict.fromkeys([*KEYS, *(one.name for one in carried)]))
        self._alone, self._encoders, self._encoder = selection.alone, encoder, PackEncoder(plan.job)
        self._sorter: PackSorter[_Item] = PackSorter(plan.job, plan.packing, encoder.columns, items=selection.pack)
        self.columns = list(dict.fromkeys([*self.columns, *self._sorter.columns]))
        self._order, self._requests, self._elements, self._limits = array("q"), array("i"), array("i"), array("i")
        self._hashes: list[bytes] = []
        self._read = 0

    def add(self, batch: pa.RecordBatch, params: list[bytes], hashes: list[bytes], limits: list[int]) -> None:
        self._parts.append(batch.select(self._kept))
        contents = [self._encoders.content(one, limit) for one, limit in zip(params, limits, strict=True)]
        rows = range(self._read, self._read + len(params))
        self._read += len(params)
        items = map(_Item, rows, params, hashes, limits, contents)
        for pack in self._sorter.add(batch, items, list(map(len, contents)), self._alone):
            self._write_pack(pack)

    def close(self) -> None:
        for pack in self._sorter.rest():
            self._write_pack(pack)
        super().close()

    def _write_pack(self, pack: Pack[_Item]) -> None:
        first, number = pack.items[0], len(self.sizes)
        params, digest, total = first.params, first.hash, first.limit
        if len(pack.items) > 1:
            contents, limits = [item.content for item in pack.items], [item.limit for item in pack.items]
            params, total = self._encoder.request(contents, limits, fingerprint=self._name, number=number)
            digest = hashlib.sha256(params).digest()
        for element, item in enumerate(pack.items, start=1):
            self._order.append(item.row)
            self._requests.append(number)
            self._elements.append(0 if pack.alone else element)
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
