"""What packing makes of all items of a run: how many requests, how many bytes."""

from __future__ import annotations

from collections.abc import Sequence

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


class PackWeights:
    """Counts the requests and the bytes of a run while its items are read."""

    def __init__(self, packing: Packing, spec: JobSpec) -> None:
        encoder = RequestEncoder(spec)
        self._frame = PackEncoder(spec).frame_bytes
        self._single = encoder.frame.bytes
        self._sorter: PackSorter[int] = PackSorter(spec, packing, encoder.columns)
        self._requests = self._bytes = self._together = 0
        self.columns = self._sorter.columns
        #: What an item may need beside its own request's bytes.
        self.more_bytes = ELEMENT_BYTES + max(self._frame - self._single, 0)

    def add(self, batch: pa.RecordBatch, sizes: Sequence[int]) -> None:
        """Count the items of *batch*, whose messages have *sizes* bytes."""
        for pack in self._sorter.add(batch, sizes, sizes):
            self._count(pack)

    def close(self) -> None:
        for pack in self._sorter.rest():
            self._count(pack)

    def _count(self, pack: Pack[int]) -> None:
        count = len(pack.items)
        self._requests += 1
        self._together += count if count > 1 else 0
        self._bytes += sum(pack.items) + (self._frame + count * ELEMENT_BYTES if count > 1 else self._single)

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
