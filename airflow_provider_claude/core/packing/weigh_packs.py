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
from airflow_provider_claude.core.requests.request_bytes import Content, RequestEncoder
from airflow_provider_claude.job import JobSpec

#: Output tokens that an element of the usual answer has beside the job's own fields.
MARK_OUTPUT = 20


class _Sizes(NamedTuple):
    """The bytes of an item's content, and those of its request, if it is asked alone; whether it stands in a tool result then."""

    content: int
    request: int
    in_result: bool


class PackWeights:
    """Counts the requests and the bytes of a run while its items are read."""

    def __init__(self, packing: Packing, spec: JobSpec) -> None:
        encoder, packs = RequestEncoder(spec), PackEncoder(spec)
        self._frame, self._frames = packs.frame_bytes, encoder.frames
        self._in_result, self._lead = packs.placement == "tool_result", len(packs.lead)
        self._sorter: PackSorter[_Sizes] = PackSorter(spec, packing, encoder.texts)
        self._requests = self._bytes = self._together = self._in_results = 0
        self.columns = self._sorter.columns
        #: What an item may need beside its own request's bytes.
        self.more_bytes = ELEMENT_BYTES + self._lead + max(self._frame - encoder.frames[packs.placement].bytes, 0)

    def add(self, batch: pa.RecordBatch, contents: Sequence[Content]) -> None:
        """Count the items of *batch*, which have *contents*."""
        sizes = [self._sizes(one) for one in contents]
        for pack in self._sorter.add(batch, sizes, [one.content for one in sizes]):
            self._count(pack)

    def _sizes(self, one: Content) -> _Sizes:
        frame = self._frames[one.placement]
        return _Sizes(self._lead + len(one.text), frame.bytes + len(one.text), frame.in_result)

    def close(self) -> None:
        for pack in self._sorter.rest():
            self._count(pack)

    def _count(self, pack: Pack[_Sizes]) -> None:
        count = len(pack.items)
        self._requests += 1
        self._together += count if count > 1 else 0
        if count > 1:
            self._bytes += sum(item.content for item in pack.items) + self._frame + count * ELEMENT_BYTES
            self._in_results += self._in_result
        else:
            self._bytes += pack.items[0].request
            self._in_results += pack.items[0].in_result

    def estimate(self, share: float, alone: Estimate, tokens: TokenModel, price: Price) -> Estimate:
        """The estimate for a *share* (0 to 1) of the items, which would be *alone* if each had its own request."""
        requests = min(max(round(self._requests * share), 1), alone.items)
        return estimate(
            requests,
            round(self._bytes * share),
            tokens,
            price,
            items=alone.items,
            in_results=round(self._in_results * share),
            more_output=round(self._together * share * MARK_OUTPUT),
        )
