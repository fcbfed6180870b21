"""Create: one shard becomes one Message Batch, never twice for the same content."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_claude.core.batch.attempt import Attempt, Hold, Reattach, Submit, decide
from airflow_provider_claude.core.batch.requests import (
    BODY_CLOSE,
    BODY_OPEN,
    RequestEncoder,
    custom_id,
    entry,
)
from airflow_provider_claude.core.memory import lean_arrow
from airflow_provider_claude.core.tables import MANIFEST_FIELDS, with_text_columns
from airflow_provider_claude.errors import ClaudeError, HoldError, StateError, UnknownFateError
from airflow_provider_claude.gateway import BatchInfo, Body
from airflow_provider_claude.stages.items import read_items
from airflow_provider_claude.store import (
    IntentRecord,
    PlanRecord,
    RunFolder,
    ShardFolder,
    ShardSpec,
    SubmittedRecord,
    atomic_output,
    remove,
    write_record,
)

if TYPE_CHECKING:
    from upath import UPath

_CHUNK = 1 << 20

#: What the manifest takes from the items, beside the columns carried along.
_KEYS = ("ordinal", "item_id", "input_hash")


class Api(Protocol):
    """What creating needs of the gateway."""

    def connect(self) -> None: ...

    def create_batch(self, body: Body) -> BatchInfo: ...


@lean_arrow()
def create(shard: ShardFolder, api: Api, *, clock: Callable[[], str]) -> str:
    """The id of the batch that answers *shard*: a new one, or the one that is already paid for.

    Raises HoldError where an earlier attempt may have been paid for without its id being known, StateError where
    the items are no longer the ones that were planned, and the gateway's errors.
    """
    plan = shard.run.need_plan()
    spec = shard_spec(plan, shard.shard)
    match decide(history(shard), fingerprint=spec.fingerprint):
        case Reattach(attempt) if attempt.batch_id is not None:
            return attempt.batch_id
        case Submit(number):
            return _submit(shard, plan, spec, number, api, clock)
        case Reattach(attempt) | Hold(attempt):
            raise HoldError(_what_to_do(shard, spec, attempt))


def _what_to_do(shard: ShardFolder, spec: ShardSpec, attempt: Attempt) -> str:
    """The message of a hold: what is not known, and what a person can do about it."""
    intent, submitted = (shard.file(f"{attempt.number}.{name}.json") for name in ("intent", "submitted"))
    record = SubmittedRecord(
        attempt=attempt.number,
        fingerprint=spec.fingerprint,
        requests=spec.rows,
        batch_id="THE BATCH ID",
        lane=spec.lane,
        created_at="ITS created_at",
    )
    return (
        f"Shard {shard.shard}, attempt {attempt.number}: {intent} says that its {spec.rows:,} requests were about to be "
        "sent, and no record says whether they were. Nothing is sent until you have looked, because it could be paid "
        "for twice. Look in the Console, or list the batches, for one of that size and time. If there is one, write "
        f"{submitted} with {msgspec.json.encode(record).decode()} ; if there is none, delete {intent}. Then clear this "
        "task."
    )


def shard_spec(plan: PlanRecord, number: int) -> ShardSpec:
    for spec in plan.shards:
        if spec.shard == number:
            return spec
    raise StateError(
        f"The plan has no shard {number}; it was planned anew. Clear the plan task to run what it says now."
    )


def history(shard: ShardFolder) -> list[Attempt]:
    """Every attempt on record, oldest first."""
    attempts = []
    for number in shard.attempts():
        intent, submitted = shard.intent(number), shard.submitted(number)
        if intent is not None:
            batch_id = submitted.batch_id if submitted else None
            attempts.append(
                Attempt(
                    number=number,
                    fingerprint=intent.fingerprint,
                    submitted=submitted is not None,
                    batch_id=batch_id,
                )
            )
    return attempts


def _submit(
    shard: ShardFolder, plan: PlanRecord, spec: ShardSpec, number: int, api: Api, clock: Callable[[], str]
) -> str:
    api.connect()
    with spool(shard.run, plan, spec, shard.file(f"{number}.manifest.parquet")) as body:
        write_record(
            shard.file(f"{number}.intent.json"),
            IntentRecord(attempt=number, fingerprint=spec.fingerprint, requests=spec.rows, bytes=len(body), at=clock()),
        )
        batch = _pay(api, body, shard.file(f"{number}.intent.json"))
    write_record(
        shard.file(f"{number}.submitted.json"),
        SubmittedRecord(
            attempt=number,
            fingerprint=spec.fingerprint,
            requests=spec.rows,
            batch_id=batch.id,
            lane=spec.lane,
            created_at=batch.created_at,
            expires_at=batch.expires_at,
        ),
    )
    return batch.id


def _pay(api: Api, body: Body, intent: UPath) -> BatchInfo:
    """Create the batch. A call that was surely not carried out leaves no intent behind, so that a retry may pay."""
    try:
        return api.create_batch(body)
    except UnknownFateError:
        raise
    except ClaudeError:
        remove(intent)
        raise


class SpooledBody:
    """A body in a temporary file: its length is known, and it can be read again from its start."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._length = stream.tell()

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        self._stream.seek(0)
        while chunk := self._stream.read(_CHUNK):
            yield chunk


@contextmanager
def spool(run: RunFolder, plan: PlanRecord, spec: ShardSpec, manifest: UPath) -> Iterator[SpooledBody]:
    """The encoded body of *spec*, and its manifest written to *manifest*, checked against the planned fingerprint."""
    with tempfile.TemporaryFile() as stream:
        fingerprint, table = _encode(run, plan, spec, stream)
        if fingerprint != spec.fingerprint:
            raise StateError(
                f"The items of shard {spec.shard} are no longer the ones that were planned. Nothing was sent; clear "
                "the plan task, so that it plans what is there now."
            )
        with atomic_output(manifest) as file:
            pq.write_table(table, file, compression="zstd")
        yield SpooledBody(stream)


def _encode(run: RunFolder, plan: PlanRecord, spec: ShardSpec, stream: IO[bytes]) -> tuple[str, pa.Table]:
    """Write the body to *stream*; the fingerprint of what was written, and its manifest."""
    scan = run.need_scan()
    encoder = RequestEncoder(plan.job)
    fingerprint, index = hashlib.sha256(), 0
    schema = with_text_columns(MANIFEST_FIELDS, scan.carry)
    columns = list(dict.fromkeys([*_KEYS, *scan.carry, *encoder.columns]))
    manifest: list[pa.RecordBatch] = []
    stream.write(BODY_OPEN)
    for batch in read_items(run, scan, spec.start, spec.stop, columns):
        entries, ids, hashes = [], [], []
        for params in encoder.of_batch(batch):
            digest = hashlib.sha256(params)
            fingerprint.update(digest.digest())
            hashes.append(digest.hexdigest())
            ids.append(custom_id(spec.fingerprint, index))
            entries.append(entry(spec.fingerprint, index, params))
            index += 1
        stream.write(b"," if index > len(entries) else b"")
        stream.write(b",".join(entries))
        manifest.append(_manifest(batch, schema, ids, hashes))
    stream.write(BODY_CLOSE)
    return fingerprint.hexdigest(), pa.Table.from_batches(manifest, schema)


def _manifest(batch: pa.RecordBatch, schema: pa.Schema, ids: list[str], hashes: list[str]) -> pa.RecordBatch:
    own = {"custom_id": _ascii_array(ids), "request_hash": _ascii_array(hashes)}
    return pa.record_batch([own.get(name) or batch.column(name) for name in schema.names], schema=schema)


def _ascii_array(texts: list[str]) -> pa.Array:
    """*texts*, which are ASCII. `pa.array` would import pandas: half a second and 50 MB in every process that creates."""
    offsets = np.zeros(len(texts) + 1, dtype="<i4")
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    data = "".join(texts).encode("ascii")
    return pa.Array.from_buffers(pa.string(), len(texts), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
