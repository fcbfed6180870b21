"""The run's items as requests: the size of each, alone and in packs."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from airflow_provider_claude.core.cost.estimate import Estimate, estimate
from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.doubt import FOUND, RecordedDoubts
from airflow_provider_claude.core.packing.weigh_packs import PackWeights
from airflow_provider_claude.core.plan.cut_shards import TRIAL_SHARD, cut, sizes
from airflow_provider_claude.core.requests.request_bytes import ENTRY_BYTES, ENVELOPE_BYTES, RequestEncoder
from airflow_provider_claude.core.requests.request_params import MARKER_BYTES
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

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: How many requests of a placement are counted.
_SAMPLE = 8


class Placed(NamedTuple):
    """Of *items* items, *in_results* stand in tool results. In *found* of them the scan has found something, if that decides."""

    items: int
    in_results: int
    found: int


class Items:
    """The run's items as requests: the bytes of each on the wire, and the start of its hash, twenty-one bytes an item."""

    def __init__(
        self, run: RunFolder, scan: ScanRecord, encoder: RequestEncoder, packed: PackWeights | None = None
    ) -> None:
        self.run, self.scan, self.encoder, self.packed = run, scan, encoder, packed
        self.hashes = bytearray()
        self._sizes, self._results = array("I"), bytearray()
        self._found = 0

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

    @property
    def _more(self) -> int:
        """What a request may have more on the wire than is known of it: a cache marker, and what packing adds."""
        return MARKER_BYTES + (self.packed.more_bytes if self.packed else 0)

    def _first(self, row: tuple[int, bytes]) -> ShardSpec:
        size, request_hash = row
        return trial_spec(size + ENVELOPE_BYTES, request_hash)

    def _rows(self) -> Iterator[tuple[int, bytes]]:
        """Bytes on the wire and request hash of every item."""
        columns, more = [*self.encoder.columns, *(self.packed.columns if self.packed else ())], self._more
        for batch in read_items(self.run, self.scan, 0, self.scan.items, list(dict.fromkeys(columns))):
            contents = list(self.encoder.of_batch(batch))
            if self.packed:
                self.packed.add(batch, contents)
            if FOUND in batch.schema.names:
                self._found += batch.column(FOUND).true_count
            self._results += bytes(one.placement == "tool_result" for one in contents)
            digests, sizes = list(map(self.encoder.digest, contents)), list(map(self.encoder.row_bytes, contents))
            self.hashes += b"".join([digest[:KEY_BYTES] for digest in digests])
            self._sizes.extend(sizes)
            yield from zip([size + more for size in sizes], digests, strict=True)
        if self.packed:
            self.packed.close()

    def weighed(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Bytes on the wire and request hash of items *start* to *stop*, once more."""
        for batch in read_items(self.run, self.scan, start, stop, self.encoder.columns):
            for content in self.encoder.of_batch(batch):
                yield self.encoder.row_bytes(content) + self._more, self.encoder.digest(content)

    def estimate(self, known: Known, tokens: TokenModel, price: Price) -> Estimate:
        """The estimate for all requests that have no answer yet, one an item."""
        left = ~known.mask
        sizes = np.frombuffer(self._sizes, dtype="u4").astype("i8") - ENTRY_BYTES
        in_results = int(self._in_results[left].sum())
        return estimate(int(left.sum()), int(sizes[left].sum()), tokens, price, in_results=in_results)

    def placed(self) -> Placed:
        """How many items stand where."""
        return Placed(self.scan.items, int(self._in_results.sum()), self._found)

    def doubts(self) -> RecordedDoubts | None:
        """Which items are in doubt; None where that decides nothing."""
        return RecordedDoubts(self._in_results) if self.encoder.by_row else None

    def is_in_result(self, ordinal: int) -> bool:
        """Whether item *ordinal* stands in a tool result."""
        return bool(self._results[ordinal])

    def sample(self) -> Iterator[tuple[bytes, bool]]:
        """The parameters of a few requests of each placement, spread over the run, and whether the row is in a tool result."""
        for mask in (~self._in_results, self._in_results):
            rows = np.flatnonzero(mask)
            for ordinal in sorted({int(rows[len(rows) * n // _SAMPLE]) for n in range(_SAMPLE)} if len(rows) else ()):
                for batch in read_items(self.run, self.scan, ordinal, ordinal + 1, self.encoder.columns):
                    for content in self.encoder.of_batch(batch):
                        yield self.encoder.request(content), self.encoder.frames[content.placement].in_result

    @property
    def _in_results(self) -> NDArray[np.bool_]:
        """For each item, whether it stands in a tool result."""
        return np.frombuffer(self._results, dtype=bool)
