"""The requests of an attempt while they are written, where items share them."""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.arrays import number_array
from airflow_provider_claude.core.packing.pack_encoder import PackEncoder, pack_limit
from airflow_provider_claude.core.packing.pack_sorter import Pack, PackSorter
from airflow_provider_claude.core.requests.request_bytes import Content
from airflow_provider_claude.core.tables import MANIFEST_FIELDS, PACKED_FIELDS, with_columns
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.draft import Draft, Encoders
from airflow_provider_claude.stages.requests.manifest import custom_ids, manifest_of
from airflow_provider_claude.stages.requests.spool import Spool
from airflow_provider_claude.store.items import read_carried
from airflow_provider_claude.store.planned_shard import PlannedShard


class _Item(NamedTuple):
    """An item to be put into a pack. *row* counts those that are asked, in the order in which they are read. *hash*: of a
    request of its own.
    """

    row: int
    content: Content
    hash: bytes
    limit: int


class Packs(Draft):
    """The same where items share requests: those of one request follow one another in the manifest."""

    def __init__(self, shard: PlannedShard, selection: AttemptSelection, spool: Spool, encoder: Encoders) -> None:
        super().__init__(shard, selection, spool, encoder)
        plan = shard.plan
        if plan.packing is None:
            raise StateError(
                f"Shard {shard.number} is to be packed, and {shard.run.file('plan.json')} does not say how."
            )
        carried = read_carried(shard.run, shard.run.need_scan())
        self._schema = with_columns((*MANIFEST_FIELDS, *PACKED_FIELDS), carried)
        self._alone, self._encoder = selection.alone, PackEncoder(plan.job, selection.cache)
        self._sorter: PackSorter[_Item] = PackSorter(plan.job, plan.packing, encoder.texts, items=selection.pack)
        self.columns = list(dict.fromkeys([*self.columns, *self._sorter.columns]))
        self._order, self._requests, self._elements, self._limits = array("q"), array("i"), array("i"), array("i")
        self._read = 0

    def add(self, batch: pa.RecordBatch, contents: list[Content], hashes: list[bytes], limits: list[int]) -> None:
        self._items.append(batch.select(self._kept))
        rows = range(self._read, self._read + len(contents))
        self._read += len(contents)
        items = map(_Item, rows, contents, hashes, limits)
        sizes = [len(self._encoder.lead) + len(one.text) for one in contents]
        for pack in self._sorter.add(batch, items, sizes, self._alone):
            self._write_pack(pack)

    def close(self) -> None:
        for pack in self._sorter.rest():
            self._write_pack(pack)

    def _write_pack(self, pack: Pack[_Item]) -> None:
        number = self._spool.count
        for element, item in enumerate(pack.items, start=1):
            self._order.append(item.row)
            self._requests.append(number)
            self._elements.append(0 if pack.alone else element)
            self._limits.append(item.limit)
        self._hashes += self._write(pack.items, number) * len(pack.items)

    def _write(self, items: list[_Item], number: int) -> bytes:
        """Write request *number*, which holds *items*; its hash."""
        contents, limits = [item.content for item in items], [item.limit for item in items]
        texts = [content.text for content in contents]
        if len(items) == 1:
            self._spool.write(texts, self._encoders.frames(contents, limits), limits)
            return items[0].hash
        frame = self._encoder.frame(limits)
        content = self._encoder.content(texts, fingerprint=self._name, number=number)
        self._spool.write([content], [frame], [pack_limit(limits)])
        return frame.digest(content)

    def manifest(self) -> pa.Table:
        items = pa.Table.from_batches(self._items).take(number_array(self._order, pa.int64()))
        more = {
            "pack_number": number_array(self._requests, pa.int32()),
            "pack_element": number_array(self._elements, pa.int32()),
        }
        ids = custom_ids(self._name, np.asarray(self._requests))
        return manifest_of(items, self._start, self._schema, ids, self._hashes, self._limits, more)
