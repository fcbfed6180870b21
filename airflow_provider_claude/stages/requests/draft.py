"""The requests of an attempt while they are written, one an item; and the hashes of its requests."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.arrays import number_array
from airflow_provider_claude.core.requests.request_bytes import Content, Frame, RequestEncoder
from airflow_provider_claude.core.tables import MANIFEST_FIELDS, with_columns
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.job import JobSpec
from airflow_provider_claude.job.cache import Ttl
from airflow_provider_claude.job.untrusted import Placement
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.manifest import KEYS, custom_ids, manifest_of
from airflow_provider_claude.stages.requests.record_doubts import recorded_doubts
from airflow_provider_claude.stages.requests.spool import Spool
from airflow_provider_claude.store.items import read_carried
from airflow_provider_claude.store.planned_shard import PlannedShard, items_of


class Draft:
    """Writes a request an item to *spool*, and keeps what its manifest says."""

    def __init__(self, shard: PlannedShard, selection: AttemptSelection, spool: Spool, encoder: Encoders) -> None:
        carried = read_carried(shard.run, shard.run.need_scan())
        self._schema = with_columns(MANIFEST_FIELDS, carried)
        self._kept = list(dict.fromkeys([*KEYS, *(one.name for one in carried)]))
        self._start, self._name = shard.spec.start, selection.fingerprint(shard)
        self._spool, self._encoders = spool, encoder
        self._items: list[pa.RecordBatch] = []
        self._hashes = bytearray()
        self.columns = list(dict.fromkeys([*self._kept, *encoder.columns]))

    def add(self, batch: pa.RecordBatch, contents: list[Content], hashes: list[bytes], limits: list[int]) -> None:
        """Ask the rows of *batch*, each with its content, the hash of its request, and its limit."""
        self._items.append(batch.select(self._kept))
        self._hashes += b"".join(hashes)
        self._spool.write([one.text for one in contents], self._encoders.frames(contents, limits), limits)

    def close(self) -> None:
        """Write what is left."""

    def manifest(self) -> pa.Table:
        ids = custom_ids(self._name, np.arange(self._spool.count))
        items = pa.Table.from_batches(self._items) if self._items else self._schema.empty_table()
        return manifest_of(items, self._start, self._schema, ids, self._hashes, self._spool.limits)


def request_hashes(shard: PlannedShard, selection: AttemptSelection) -> dict[int, bytes]:
    """The hash of each request that *selection* asks of *shard*, by ordinal."""
    encoder = Encoders(shard)
    found: dict[int, bytes] = {}
    for batch in items_of(shard, list(dict.fromkeys(["ordinal", *encoder.columns]))):
        if places := _asked(batch, selection):
            rows = batch.take(number_array(places, pa.int64()))
            contents = list(encoder.of_batch(rows))
            frames = encoder.frames(contents, encoder.limits(rows, selection))
            hashes = [frame.digest(content.text) for frame, content in zip(frames, contents, strict=True)]
            found.update(zip(rows.column("ordinal").to_pylist(), hashes, strict=True))
    return found


def _asked(batch: pa.RecordBatch, selection: AttemptSelection) -> list[int]:
    """Which rows of *batch* are asked."""
    return [row for row, ordinal in enumerate(batch.column("ordinal").to_pylist()) if selection.wants(ordinal)]


def asked_rows(
    batch: pa.RecordBatch, contents: list[Content], hashes: list[bytes], selection: AttemptSelection, encoder: Encoders
) -> tuple[pa.RecordBatch, list[Content], list[bytes]]:
    """The rows of *batch* that are asked, with their contents, and the hashes of their requests."""
    for number, ordinal in enumerate(batch.column("ordinal").to_pylist()):
        if ordinal in selection.max_tokens:
            content = contents[number]
            hashes[number] = encoder.frame(content.placement, selection.max_tokens[ordinal]).digest(content.text)
        if selection.skip.get(ordinal, hashes[number]) != hashes[number]:
            raise StateError(f"Item {ordinal} is not the one that was answered before; clear the plan task.")
    places = _asked(batch, selection)
    rows = batch.take(number_array(places, pa.int64()))
    return rows, [contents[number] for number in places], [hashes[number] for number in places]


class Encoders:
    """The encoder of a shard's plan, and the frames of requests with another `max_tokens` or a cache marker: their contents are
    the same.

    *cache*: how long what the requests have in common is cached, None for no marker.
    """

    def __init__(self, shard: PlannedShard, cache: Ttl | None = None) -> None:
        job = shard.plan.job
        plain = RequestEncoder(job, recorded_doubts(shard.run, shard.plan))
        self._frames = _Frames(job, cache)
        self.columns, self.texts = plain.columns, plain.texts
        self.of_batch, self._digest = plain.of_batch, plain.digest
        self.max_tokens = job.max_tokens

    def frame(self, placement: Placement, limit: int) -> Frame:
        """What a request in *placement* with the `max_tokens` *limit* has around its content."""
        return self._frames[placement, limit]

    def frames(self, contents: Sequence[Content], limits: Sequence[int]) -> list[Frame]:
        known = self._frames
        return [known[content.placement, limit] for content, limit in zip(contents, limits, strict=True)]

    def hashes(self, contents: Sequence[Content]) -> list[bytes]:
        """The hashes of the requests with *contents* as the plan asks them."""
        return list(map(self._digest, contents))

    def limits(self, batch: pa.RecordBatch, selection: AttemptSelection) -> list[int]:
        """The `max_tokens` of each row of *batch*."""
        if not selection.max_tokens:
            return [self.max_tokens] * batch.num_rows
        return [selection.max_tokens.get(ordinal, self.max_tokens) for ordinal in batch.column("ordinal").to_pylist()]


class _Frames(dict[tuple[Placement, int], Frame]):
    """The frames of the requests of *job* that are needed, by placement and `max_tokens`."""

    def __init__(self, job: JobSpec, cache: Ttl | None) -> None:
        self._job, self._cache = job, cache

    def __missing__(self, key: tuple[Placement, int]) -> Frame:
        placement, limit = key
        job = msgspec.structs.replace(self._job, max_tokens=limit)
        self[key] = frame = Frame.of(job, placement, cache=self._cache)
        return frame
