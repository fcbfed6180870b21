"""The run's items as requests: the size of each, alone and in packs."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np

from airflow_provider_claude.core.packing.weigh_packs import PackWeights
from airflow_provider_claude.core.plan.cut_shards import TRIAL_SHARD, cut, sizes
from airflow_provider_claude.core.requests.request_bytes import ENTRY_BYTES, ENVELOPE_BYTES, RequestEncoder
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.split_lanes import spec_of
from airflow_provider_claude.stages.plan.trial import trial_spec
from airflow_provider_claude.stages.requests.reuse import KEY_BYTES, Known
from airflow_provider_claude.store import (
    RunFolder,
    ScanRecord,
    ShardSpec,
)
from airflow_provider_claude.store.items import read_items


class Items:
    """The run's items as requests: the bytes of each on the wire, and the start of its hash, twenty bytes an item."""

    def __init__(
        self, run: RunFolder, scan: ScanRecord, encoder: RequestEncoder, packed: PackWeights | None = None
    ) -> None:
        self.run, self.scan, self.encoder, self.packed = run, scan, encoder, packed
        self.hashes = bytearray()
        self._sizes = array("I")

    def shards(self, settings: Settings) -> list[ShardSpec]:
        """The trial's shard, and the others as they are cut."""
        if not self.scan.items:
            return []
        rows = self._rows()
        first = [self._first(next(rows))] if settings.trial else []
        left = self.scan.items - len(first)
        limits = settings.limits.chosen_for(left, deadline=settings.deadline is not None)
        caps = sizes(left, limits.most_rows)
        pieces = cut(rows, limits, caps=caps, start=len(first), envelope=ENVELOPE_BYTES)
        return first + [
            spec_of(number, piece, settings.pack) for number, piece in enumerate(pieces, start=TRIAL_SHARD + 1)
        ]

    def _first(self, row: tuple[int, bytes]) -> ShardSpec:
        size, request_hash = row
        return trial_spec(size + ENVELOPE_BYTES, request_hash)

    def _rows(self) -> Iterator[tuple[int, bytes]]:
        """Bytes on the wire and request hash of every item."""
        columns = [*self.encoder.columns, *(self.packed.columns if self.packed else ())]
        for batch in read_items(self.run, self.scan, 0, self.scan.items, list(dict.fromkeys(columns))):
            contents = list(self.encoder.of_batch(batch))
            if self.packed:
                requests = [self.encoder.row_bytes(one) - ENTRY_BYTES for one in contents]
                self.packed.add(batch, [len(one.text) for one in contents], requests)
            for content in contents:
                digest, size = self.encoder.digest(content), self.encoder.row_bytes(content)
                self.hashes += digest[:KEY_BYTES]
                self._sizes.append(size)
                yield size + (self.packed.more_bytes if self.packed else 0), digest
        if self.packed:
            self.packed.close()

    def weighed(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Bytes on the wire and request hash of items *start* to *stop*, once more."""
        more = self.packed.more_bytes if self.packed else 0
        for batch in read_items(self.run, self.scan, start, stop, self.encoder.columns):
            for content in self.encoder.of_batch(batch):
                yield self.encoder.row_bytes(content) + more, self.encoder.digest(content)

    def bytes_to_send(self, known: Known) -> int:
        """The bytes of all requests that have no answer yet, without what a batch puts around them."""
        sizes = np.frombuffer(self._sizes, dtype="u4").astype("i8") - ENTRY_BYTES
        return int(sizes[~known.mask].sum())
