"""The body of an attempt, encoded to a temporary file, and the manifest of what it asks."""

from __future__ import annotations

import hashlib
import tempfile
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.batch.requests import (
    BODY_CLOSE,
    BODY_OPEN,
    ENTRY_CLOSE,
    PARAMS_AT,
    RequestEncoder,
    custom_id,
    entry,
)
from airflow_provider_claude.core.tables import MANIFEST_FIELDS, with_text_columns
from airflow_provider_claude.errors import PendingError, StateError
from airflow_provider_claude.stages.items import read_items
from airflow_provider_claude.stages.parquet import write_table
from airflow_provider_claude.store import PlanRecord, RunFolder, ShardSpec

if TYPE_CHECKING:
    from upath import UPath

_CHUNK = 1 << 20

#: What the manifest takes from the items, beside the columns carried along.
_KEYS = ("ordinal", "item_id", "input_hash")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Which items of a shard an attempt asks: all but *skip* in round 1, then *only* the leftovers.

    *skip* holds the request hashes of items that are answered already, by ordinal; *max_tokens* replaces the job's for
    single items. *withheld*: so many more would be asked if the budget allowed.
    """

    round: int = 1
    skip: Mapping[int, bytes] = field(default_factory=dict)
    only: frozenset[int] | None = None
    max_tokens: Mapping[int, int] = field(default_factory=dict)
    withheld: int = 0

    @property
    def whole(self) -> bool:
        """Whether it is the whole shard, asked for the first time."""
        return self.round == 1 and not self.skip and self.only is None

    def wants(self, ordinal: int) -> bool:
        return ordinal not in self.skip and (self.only is None or ordinal in self.only)

    def fingerprint(self, spec: ShardSpec) -> str:
        """What the custom ids start with: the shard's own fingerprint while all of it is asked for the first time."""
        if self.whole:
            return spec.fingerprint
        asked = [n for n in range(spec.start, spec.stop) if self.wants(n)]
        told = f"{spec.fingerprint}:{self.round}:{asked}:{sorted(self.max_tokens.items())}"
        return hashlib.sha256(told.encode()).hexdigest()


class SpooledBody:
    """A body in a temporary file: its length is known, and it can be read again from its start.

    *manifest* says what it asks. After *give_up* was true no more of it is sent: whoever waits for the sender to have
    given up can rely on that.
    """

    def __init__(self, stream: IO[bytes], manifest: pa.Table, sizes: array[int]) -> None:
        """*sizes*: bytes of the parameters of each request."""
        self._stream = stream
        self._length = stream.tell()
        self._manifest = manifest
        self.sizes = sizes
        self.give_up: Callable[[], bool] = lambda: False

    @property
    def rows(self) -> int:
        return len(self._manifest)

    @property
    def places(self) -> list[int]:
        """The places in the shard of what it asks."""
        found: list[int] = self._manifest["place"].to_pylist()
        return found

    @property
    def limits(self) -> list[int]:
        """The `max_tokens` of each request."""
        found: list[int] = self._manifest["max_tokens"].to_pylist()
        return found

    def write_manifest(self, path: UPath) -> None:
        write_table(path, self._manifest)

    def requests(self) -> Iterator[bytes]:
        """The parameters of each request, in the order of the manifest."""
        at = len(BODY_OPEN)
        for size in self.sizes:
            self._stream.seek(at + PARAMS_AT)
            yield self._stream.read(size)
            at += PARAMS_AT + size + len(ENTRY_CLOSE) + 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        self._stream.seek(0)
        while chunk := self._stream.read(_CHUNK):
            if self.give_up():
                raise PendingError("Sending the batch took too long, and was given up before it was whole.")
            yield chunk


@contextmanager
def spool(run: RunFolder, plan: PlanRecord, spec: ShardSpec, ask: Ask) -> Iterator[SpooledBody]:
    """The encoded body of what *ask* asks of *spec*. Raises StateError where the items are no longer those of the plan."""
    with tempfile.TemporaryFile() as stream:
        sizes = array("I")
        fingerprint, table = _encode(run, plan, spec, ask, stream, sizes)
        if fingerprint != spec.fingerprint:
            raise StateError(
                f"The items of shard {spec.shard} are no longer the ones that were planned. Nothing was sent; clear "
                "the plan task, so that it plans what is there now."
            )
        yield SpooledBody(stream, table, sizes)


def _encode(
    run: RunFolder, plan: PlanRecord, spec: ShardSpec, ask: Ask, stream: IO[bytes], sizes: array[int]
) -> tuple[str, pa.Table]:
    """Write the body to *stream*, and what the parameters of each request take of it to *sizes*.

    Returns the fingerprint of all items there are now, and the manifest of those it asks.
    """
    scan = run.need_scan()
    encoder, ids = _Encoders(plan), ask.fingerprint(spec)
    seen, index = hashlib.sha256(), 0
    schema = with_text_columns(MANIFEST_FIELDS, scan.carry)
    columns = list(dict.fromkeys([*_KEYS, *scan.carry, *encoder.columns]))
    manifest: list[pa.RecordBatch] = []
    stream.write(BODY_OPEN)
    for rows in read_items(run, scan, spec.start, spec.stop, columns):
        batch, params = rows, list(encoder.of_batch(rows))
        hashes = [hashlib.sha256(one).digest() for one in params]
        seen.update(b"".join(hashes))
        if not ask.whole:
            batch, params, hashes = _asked(rows, params, hashes, ask, encoder)
        names = [custom_id(ids, index + place) for place in range(len(params))]
        stream.write(b"," if index and names else b"")
        stream.write(b",".join(map(entry, names, params)))
        sizes.extend(map(len, params))
        index += len(names)
        manifest.append(_manifest(batch, spec.start, schema, names, hashes, encoder.limits(batch, ask)))
    stream.write(BODY_CLOSE)
    return seen.hexdigest(), pa.Table.from_batches(manifest, schema)


def request_hashes(run: RunFolder, plan: PlanRecord, spec: ShardSpec, ask: Ask) -> dict[int, bytes]:
    """The hash of each request that *ask* asks of *spec*, by ordinal."""
    encoder = _Encoders(plan)
    found: dict[int, bytes] = {}
    for rows in read_items(run, run.need_scan(), spec.start, spec.stop, ["ordinal", *encoder.columns]):
        params = list(encoder.of_batch(rows))
        batch, _, hashes = _asked(rows, params, [hashlib.sha256(one).digest() for one in params], ask, encoder)
        found.update(zip(batch.column("ordinal").to_pylist(), hashes, strict=True))
    return found


def _asked(
    batch: pa.RecordBatch, params: list[bytes], hashes: list[bytes], ask: Ask, encoder: _Encoders
) -> tuple[pa.RecordBatch, list[bytes], list[bytes]]:
    """The rows of *batch* that are asked, with their parameters and hashes; those with another limit anew."""
    ordinals = batch.column("ordinal").to_pylist()
    for place, ordinal in enumerate(ordinals):
        if ordinal in ask.max_tokens:
            params[place] = encoder.one(batch.slice(place, 1), ask.max_tokens[ordinal])
            hashes[place] = hashlib.sha256(params[place]).digest()
        if ask.skip.get(ordinal, hashes[place]) != hashes[place]:
            raise StateError(f"Item {ordinal} is not the one that was answered before; clear the plan task.")
    places = [place for place, ordinal in enumerate(ordinals) if ask.wants(ordinal)]
    rows = batch.take(_int_array(places, "<i8", pa.int64()))
    return rows, [params[place] for place in places], [hashes[place] for place in places]


class _Encoders:
    """The plan's encoder, and those of single rows with another `max_tokens`."""

    def __init__(self, plan: PlanRecord) -> None:
        self._job = plan.job
        self._plain = RequestEncoder(plan.job)
        self._others: dict[int, RequestEncoder] = {}
        self.columns = self._plain.columns
        self.of_batch = self._plain.of_batch
        self.max_tokens: int = plan.job["max_tokens"]

    def one(self, row: pa.RecordBatch, max_tokens: int) -> bytes:
        if max_tokens not in self._others:
            self._others[max_tokens] = RequestEncoder({**self._job, "max_tokens": max_tokens})
        return next(self._others[max_tokens].of_batch(row))

    def limits(self, batch: pa.RecordBatch, ask: Ask) -> list[int]:
        """The `max_tokens` of each row of *batch*."""
        if not ask.max_tokens:
            return [self.max_tokens] * batch.num_rows
        return [ask.max_tokens.get(ordinal, self.max_tokens) for ordinal in batch.column("ordinal").to_pylist()]


def _manifest(
    batch: pa.RecordBatch,
    start: int,
    schema: pa.Schema,
    ids: list[str],
    hashes: list[bytes],
    limits: list[int],
) -> pa.RecordBatch:
    ordinals = batch.column("ordinal").to_pylist()
    own = {
        "place": _int_array([ordinal - start for ordinal in ordinals], "<i4", pa.int32()),
        "custom_id": _ascii_array(ids),
        "request_hash": pa.Array.from_buffers(pa.binary(32), len(hashes), [None, pa.py_buffer(b"".join(hashes))]),
        "max_tokens": _int_array(limits, "<i4", pa.int32()),
    }
    return pa.record_batch([own[name] if name in own else batch.column(name) for name in schema.names], schema=schema)


# `pa.array` would import pandas: half a second and 50 MB in every process that creates.


def _ascii_array(texts: list[str]) -> pa.Array:
    offsets = np.zeros(len(texts) + 1, dtype="<i4")
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    data = "".join(texts).encode("ascii")
    return pa.Array.from_buffers(pa.string(), len(texts), [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def _int_array(values: list[int], dtype: str, kind: pa.DataType) -> pa.Array:
    data = np.array(values, dtype=dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(data)])
