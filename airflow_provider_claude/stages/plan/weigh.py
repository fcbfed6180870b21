"""The run's items as requests: what each weighs, alone and in packs."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.cost.estimate import Estimate, estimate
from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.plan.cut_shards import TRIAL_SHARD, cut, sizes
from airflow_provider_claude.core.requests.pack_exclusions import PackExclusions
from airflow_provider_claude.core.requests.packing import Packing
from airflow_provider_claude.core.requests.packs import ELEMENT_BYTES, MARK_OUTPUT, PackEncoder, Packer
from airflow_provider_claude.core.requests.request_bytes import ENVELOPE_BYTES, RequestEncoder
from airflow_provider_claude.job import JobSpec
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.split_lanes import spec_of
from airflow_provider_claude.stages.plan.trial import trial_spec
from airflow_provider_claude.stages.requests.pack_items import pack_keys
from airflow_provider_claude.stages.requests.reuse import KEY_BYTES, Known
from airflow_provider_claude.store import (
    RunFolder,
    ScanRecord,
    ShardSpec,
)
from airflow_provider_claude.store.items import read_items


class Items:
    """The run's items as requests: what each weighs on the wire, and the start of its hash, twenty bytes an item."""

    def __init__(self, run: RunFolder, scan: ScanRecord, encoder: RequestEncoder, packed: Packed | None = None) -> None:
        self.run, self.scan, self.encoder, self.packed = run, scan, encoder, packed
        self.hashes = bytearray()
        self._sizes = array("I")

    def shards(self, settings: Settings) -> list[ShardSpec]:
        """The trial's shard, and the others as they are cut."""
        if not self.scan.items:
            return []
        rows = self._rows()
        first = [self._first(next(rows))] if settings.trial else []
        caps = sizes(self.scan.items - len(first), settings.limits.rows)
        pieces = cut(rows, settings.limits, caps=caps, start=len(first), envelope=ENVELOPE_BYTES)
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
            requests: Iterable[bytes] = self.encoder.of_batch(batch)
            if self.packed:
                requests = list(requests)
                self.packed.add(batch, [len(self.encoder.content(params)) for params in requests])
            for params in requests:
                digest, size = hashlib.sha256(params).digest(), self.encoder.row_bytes(params)
                self.hashes += digest[:KEY_BYTES]
                self._sizes.append(size)
                yield size + (self.packed.more_bytes if self.packed else 0), digest
        if self.packed:
            self.packed.close()

    def weighed(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Bytes on the wire and request hash of items *start* to *stop*, once more."""
        more = self.packed.more_bytes if self.packed else 0
        for batch in read_items(self.run, self.scan, start, stop, self.encoder.columns):
            for params in self.encoder.of_batch(batch):
                yield self.encoder.row_bytes(params) + more, hashlib.sha256(params).digest()

    def bytes_to_send(self, known: Known) -> int:
        """The bytes of all requests that have no answer yet, without what a batch puts around them."""
        sizes = np.frombuffer(self._sizes, dtype="u4").astype("i8") - self.encoder.row_bytes(b"")
        return int(sizes[~known.mask].sum())


class Packed:
    """What packing makes of all items: how many requests, and how many bytes."""

    def __init__(self, packing: Packing, job: JobSpec) -> None:
        self._packing = packing
        encoder = RequestEncoder(job)
        self._frame = PackEncoder(job).frame_bytes
        self._single = sum(map(len, encoder.frame))
        self._exclusions = PackExclusions(job, encoder.columns)
        self._packer: Packer[int] = Packer(items=packing.items, size=packing.bytes)
        self._requests = self._bytes = self._together = 0
        self.columns = ["ordinal", "scan_suspect", *packing.by]
        self.more_bytes = ELEMENT_BYTES + max(self._frame - self._single, 0)

    def add(self, batch: pa.RecordBatch, sizes: Sequence[int]) -> None:
        """Sort the items of *batch*, whose messages have *sizes* bytes."""
        keys = pack_keys(batch, self._packing.by, (), self._exclusions)
        for key, size in zip(keys, sizes, strict=True):
            for pack in self._packer.add(key, size, size + ELEMENT_BYTES):
                self._count(pack)

    def close(self) -> None:
        for pack in self._packer.rest():
            self._count(pack)

    def _count(self, pack: Sequence[int]) -> None:
        self._requests += 1
        many = len(pack) > 1
        self._together += len(pack) if many else 0
        self._bytes += sum(pack) + (self._frame + len(pack) * ELEMENT_BYTES if many else self._single)

    def estimate(self, share: float, alone: Estimate, tokens: TokenModel, price: Price) -> Estimate:
        """The estimate for a *share* (0 to 1) of the items, which would be *alone* if each had its own request."""
        requests = min(max(round(self._requests * share), 1), alone.items)
        return estimate(
            requests,
            round(self._bytes * share),
            tokens,
            price,
            items=alone.items,
            more_output=round(self._together * share * MARK_OUTPUT),
        )
