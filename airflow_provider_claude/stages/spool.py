"""The body of an attempt, encoded to a temporary file, and the manifest of what it asks."""

from __future__ import annotations

import hashlib
import tempfile
from array import array
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.batch.packs import ELEMENT_BYTES, PackEncoder, Packer, marks, pack_limit
from airflow_provider_claude.core.batch.requests import (
    BODY_CLOSE,
    BODY_OPEN,
    ENTRY_BYTES,
    PARAMS_AT,
    RequestEncoder,
    custom_id,
    entry,
)
from airflow_provider_claude.core.batch.wary import Wary
from airflow_provider_claude.core.tables import MANIFEST_FIELDS, PACKED_FIELDS, with_columns
from airflow_provider_claude.errors import PendingError, StateError
from airflow_provider_claude.stages.items import read_carried, read_items
from airflow_provider_claude.stages.parquet import read_table, write_table
from airflow_provider_claude.store import PlanRecord, RunFolder, ShardSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from upath import UPath

_CHUNK = 1 << 20

#: What the manifest takes from the items, beside the columns carried along.
_KEYS = ("ordinal", "item_id", "input_hash")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Which items of a shard an attempt asks: all but *skip* in round 1, then *only* the leftovers.

    *skip* holds the request hashes of items that are answered already, by ordinal; *max_tokens* replaces the job's for
    single items. *withheld*: so many more would be asked if the budget allowed. At most *pack* items share a request; those
    of *alone* have one of their own. *name* is the fingerprint, where the attempt has one already.
    """

    round: int = 1
    skip: Mapping[int, bytes] = field(default_factory=dict)
    only: frozenset[int] | None = None
    max_tokens: Mapping[int, int] = field(default_factory=dict)
    withheld: int = 0
    pack: int = 1
    alone: frozenset[int] = frozenset()
    name: str = ""

    @property
    def whole(self) -> bool:
        """Whether it is the whole shard, asked for the first time."""
        return self.round == 1 and not self.skip and self.only is None

    def wants(self, ordinal: int) -> bool:
        return ordinal not in self.skip and (self.only is None or ordinal in self.only)

    def fingerprint(self, spec: ShardSpec) -> str:
        """What the custom ids start with: the shard's own fingerprint while all of it is asked for the first time."""
        if self.name:
            return self.name
        if self.whole:
            return spec.fingerprint
        asked = [n for n in range(spec.start, spec.stop) if self.wants(n)]
        told = f"{spec.fingerprint}:{self.round}:{asked}:{sorted(self.max_tokens.items())}"
        if self.pack > 1:
            told += f":{self.pack}:{sorted(self.alone)}"
        return hashlib.sha256(told.encode()).hexdigest()


class SpooledBody:
    """A body in a temporary file: its length is known, and it can be read again from its start.

    *manifest* says what it asks. After *give_up* was true no more of it is sent: whoever waits for the sender to have
    given up can rely on that.
    """

    def __init__(self, stream: IO[bytes], manifest: pa.Table, sizes: array[int], limits: Sequence[int] = ()) -> None:
        """*sizes*: bytes of the parameters of each request; *limits*: the `max_tokens` of each."""
        self._stream = stream
        self._length = stream.tell()
        self._manifest = manifest
        self.sizes, self.limits = sizes, limits
        self.give_up: Callable[[], bool] = lambda: False

    @property
    def rows(self) -> int:
        """How many items it asks."""
        return len(self._manifest)

    @property
    def count(self) -> int:
        """How many requests it has."""
        return len(self.sizes)

    @property
    def items(self) -> list[int]:
        """How many items each request holds."""
        if "pack_number" not in self._manifest.schema.names:
            return [1] * self.count
        of = self._manifest["pack_number"].to_numpy()
        found: list[int] = np.bincount(of, minlength=self.count).tolist()
        return found

    def places(self, requests: int) -> list[int]:
        """The places in the shard of what the first *requests* requests ask."""
        found: list[int] = self._manifest["place"].slice(0, sum(self.items[:requests])).to_pylist()
        return found

    def is_asked_in(self, path: UPath) -> bool:
        """Whether the manifest at *path* asks the very same."""
        return bool(self._manifest["request_hash"].equals(read_table(path, ["request_hash"])["request_hash"]))

    def write_manifest(self, path: UPath) -> None:
        write_table(path, self._manifest)

    def highest(self, values: NDArray[Any]) -> NDArray[Any]:
        """The highest of *values*, one an item of the shard, among the items of each request."""
        found = np.full(self.count, -np.inf)
        np.maximum.at(found, np.repeat(np.arange(self.count), self.items), values[self._manifest["place"].to_numpy()])
        return found

    def requests(self, order: NDArray[Any] | None = None) -> Iterator[bytes]:
        """The parameters of the requests of *order*, by their numbers; of all, in the order of the manifest, without it."""
        sizes = np.asarray(self.sizes, dtype="<i8")
        ends = len(BODY_OPEN) + np.cumsum(sizes + ENTRY_BYTES)
        starts = ends - sizes - ENTRY_BYTES + PARAMS_AT
        for number in range(self.count) if order is None else order.tolist():
            self._stream.seek(starts[number])
            yield self._stream.read(self.sizes[number])

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
        encoder = _Encoders(plan)
        draft = (Packs if ask.pack > 1 else Draft)(run, plan, spec, ask, stream, encoder)
        plain = _encode(run, spec, ask, encoder, draft)
        fingerprint = plan.packing.fingerprint(plain) if spec.pack > 1 and plan.packing else plain
        if fingerprint != spec.fingerprint:
            raise StateError(
                f"The items of shard {spec.shard} are no longer the ones that were planned. Nothing was sent; clear "
                "the plan task, so that it plans what is there now."
            )
        yield SpooledBody(stream, draft.manifest(), draft.sizes, draft.totals)


def _encode(run: RunFolder, spec: ShardSpec, ask: Ask, encoder: _Encoders, draft: Draft) -> str:
    """Write the body to *draft*. Returns the fingerprint of all items there are now, each with a request of its own."""
    seen = hashlib.sha256()
    for rows in read_items(run, run.need_scan(), spec.start, spec.stop, draft.columns):
        batch, params = rows, list(encoder.of_batch(rows))
        hashes = [hashlib.sha256(one).digest() for one in params]
        seen.update(b"".join(hashes))
        if not ask.whole:
            batch, params, hashes = _asked(rows, params, hashes, ask, encoder)
        draft.add(batch, params, hashes, encoder.limits(batch, ask))
    draft.close()
    return seen.hexdigest()


class Draft:
    """A body and its manifest while they are written: a request an item."""

    def __init__(
        self, run: RunFolder, plan: PlanRecord, spec: ShardSpec, ask: Ask, stream: IO[bytes], encoder: _Encoders
    ) -> None:
        carried = read_carried(run, run.need_scan())
        carry = [one.name for one in carried]
        self._schema = with_columns(MANIFEST_FIELDS, carried)
        self._start, self._name, self._stream = spec.start, ask.fingerprint(spec), stream
        self._parts: list[pa.RecordBatch] = []
        self.columns = list(dict.fromkeys([*_KEYS, *carry, *encoder.columns]))
        self.sizes, self.totals = array("I"), array("I")
        stream.write(BODY_OPEN)

    def add(self, batch: pa.RecordBatch, params: list[bytes], hashes: list[bytes], limits: list[int]) -> None:
        """Ask the rows of *batch*, each with its parameters, their hash, and its limit."""
        names = self._write(params, limits)
        self._parts.append(_manifest(batch, self._start, self._schema, names, hashes, limits))

    def close(self) -> None:
        self._stream.write(BODY_CLOSE)

    def manifest(self) -> pa.Table:
        return pa.Table.from_batches(self._parts, self._schema)

    def _write(self, params: list[bytes], totals: list[int]) -> list[str]:
        """Write requests; their custom ids."""
        index = len(self.sizes)
        names = [custom_id(self._name, index + place) for place in range(len(params))]
        self._stream.write(b"," if index and names else b"")
        self._stream.write(b",".join(map(entry, names, params)))
        self.sizes.extend(map(len, params))
        self.totals.extend(totals)
        return names


class _Item(NamedTuple):
    """An item on its way into a pack. *row* counts those that are asked, in the order in which they are read."""

    row: int
    params: bytes
    hash: bytes
    limit: int
    alone: bool
    content: bytes


class Packs(Draft):
    """The same where items share requests: those of one request follow one another in the manifest."""

    def __init__(
        self, run: RunFolder, plan: PlanRecord, spec: ShardSpec, ask: Ask, stream: IO[bytes], encoder: _Encoders
    ) -> None:
        super().__init__(run, plan, spec, ask, stream, encoder)
        if plan.packing is None:
            raise StateError(f"Shard {spec.shard} is to be packed, and {run.file('plan.json')} does not say how.")
        carried = read_carried(run, run.need_scan())
        self._schema = with_columns((*MANIFEST_FIELDS, *PACKED_FIELDS), carried)
        self._kept = list(dict.fromkeys([*_KEYS, *(one.name for one in carried)]))
        self._by, self._alone, self._encoders = plan.packing.by, ask.alone, encoder
        self._encoder = PackEncoder(plan.job)
        self._wary = Wary(plan.job, encoder.columns)
        self._packer: Packer[_Item] = Packer(items=ask.pack, size=plan.packing.bytes)
        self.columns = list(dict.fromkeys([*self.columns, "scan_suspect", *self._by]))
        self._order, self._requests, self._elements, self._limits = array("q"), array("i"), array("i"), array("i")
        self._hashes: list[bytes] = []
        self._read = 0

    def add(self, batch: pa.RecordBatch, params: list[bytes], hashes: list[bytes], limits: list[int]) -> None:
        self._parts.append(batch.select(self._kept))
        keys = pack_keys(batch, self._by, self._alone, self._wary)
        for one, digest, limit, key in zip(params, hashes, limits, keys, strict=True):
            content = self._encoders.content(one, limit)
            item = _Item(self._read, one, digest, limit, key is None, content)
            self._read += 1
            for pack in self._packer.add(key, item, len(content) + ELEMENT_BYTES):
                self._write_pack(pack)

    def close(self) -> None:
        for pack in self._packer.rest():
            self._write_pack(pack)
        super().close()

    def _write_pack(self, pack: list[_Item]) -> None:
        params, digest, total = pack[0].params, pack[0].hash, pack[0].limit
        if len(pack) > 1:
            limits = [item.limit for item in pack]
            own = marks(self._name, len(self.sizes), len(pack))
            params = self._encoder.params([item.content for item in pack], limits, own)
            digest, total = hashlib.sha256(params).digest(), pack_limit(limits)
        for number, item in enumerate(pack, start=1):
            self._order.append(item.row)
            self._requests.append(len(self.sizes))
            self._elements.append(0 if item.alone else number)
            self._limits.append(item.limit)
            self._hashes.append(digest)
        self._write([params], [total])

    def manifest(self) -> pa.Table:
        names = [custom_id(self._name, request) for request in self._requests]
        items = pa.Table.from_batches(self._parts).take(_int_array(list(self._order), "<i8", pa.int64()))
        rows = items.combine_chunks().to_batches()
        more = {
            "pack_number": _int_array(list(self._requests), "<i4", pa.int32()),
            "pack_element": _int_array(list(self._elements), "<i4", pa.int32()),
        }
        limits = list(self._limits)
        parts = [_manifest(row, self._start, self._schema, names, self._hashes, limits, more) for row in rows]
        return pa.Table.from_batches(parts, self._schema)


def pack_keys(
    batch: pa.RecordBatch, by: Sequence[str], alone: Container[int], wary: Wary
) -> list[tuple[str, ...] | None]:
    """What the items of a request have in common, an entry a row; None for one that is to be asked alone: *alone* has its
    ordinal, the scan suspects it, *wary* is of what it says, or nobody knows whose it is.
    """
    scanned = batch.column("scan_suspect").to_pylist()
    suspects = [one or speaks for one, speaks in zip(scanned, wary.rows(batch), strict=True)]
    values = [_texts(batch.column(name)) for name in by]
    whose = list(zip(*values, strict=True)) if values else [()] * batch.num_rows
    ordinals = batch.column("ordinal").to_pylist()
    return [
        None if suspect or ordinal in alone or None in key else key
        for suspect, ordinal, key in zip(suspects, ordinals, whose, strict=True)
    ]


def _texts(column: pa.Array) -> list[str | None]:
    return [None if value is None else str(value) for value in column.to_pylist()]


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

    def content(self, params: bytes, limit: int) -> bytes:
        """The message in *params*, of a row with the `max_tokens` *limit*."""
        return self._others.get(limit, self._plain).content(params)

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
    more: Mapping[str, pa.Array] = MappingProxyType({}),
) -> pa.RecordBatch:
    """The manifest's rows of the items of *batch*; *more* are columns of PACKED_FIELDS."""
    ordinals = batch.column("ordinal").to_pylist()
    own = {
        "place": _int_array([ordinal - start for ordinal in ordinals], "<i4", pa.int32()),
        "custom_id": _ascii_array(ids),
        "request_hash": pa.Array.from_buffers(pa.binary(32), len(hashes), [None, pa.py_buffer(b"".join(hashes))]),
        "max_tokens": _int_array(limits, "<i4", pa.int32()),
        **more,
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
