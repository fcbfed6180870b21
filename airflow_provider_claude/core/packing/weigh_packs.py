"""What packing makes of all items of a run: how many requests, how many bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from airflow_provider_claude.core.cost.estimate import Estimate, estimate
from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.packing.pack_encoder import ELEMENT_BYTES, PackEncoder
from airflow_provider_claude.core.packing.pack_sorter import Pack, PackSorter
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.requests.request_bytes import RequestEncoder
from airflow_provider_claude.job import JobSpec

#: Output tokens that an element of the usual answer has beside the job's own fields.
MARK_OUTPUT = 20


class _Sizes(NamedTuple):
    """The bytes of an item's content, and those of its request, if it is asked alone."""

    content: int
    request: int


class PackWeights:
    """Counts the requests and the bytes of a run while its items are read."""

    def __init__(self, packing: Packing, spec: JobSpec) -> None:
        encoder, packs = RequestEncoder(spec), PackEncoder(spec)
        self._frame = packs.frame_bytes
        self._sorter: PackSorter[_Sizes] = PackSorter(spec, packing, encoder.texts)
        self._requests = self._bytes = self._together = 0
        self.columns = self._sorter.columns
        #: What an item may need beside its own request's bytes.
        self.more_bytes = ELEMENT_BYTES + max(self._frame - encoder.frames[packs.placement].bytes, 0)

    def add(self, batch: pa.RecordBatch, contents: Sequence[int], requests: Sequence[int]) -> None:
        """Count the items of *batch*. Their contents have *contents* bytes, and their *requests*, if they are asked alone."""
        for pack in self._sorter.add(batch, map(_Sizes, contents, requests), contents):
            self._count(pack)

    def close(self) -> None:
        for pack in self._sorter.rest():
            self._count(pack)

    def _count(self, pack: Pack[_Sizes]) -> None:
        count = len(pack.items)
        self._requests += 1
        self._together += count if count > 1 else 0
        if count > 1:
            self._bytes += sum(item.content for item in pack.items) + self._frame + count * ELEMENT_BYTES
        else:
            self._bytes += pack.items[0].request

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
