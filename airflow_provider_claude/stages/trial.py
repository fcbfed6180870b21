"""The trial: the run's first item is asked on the Messages API, before anything is sent in bulk.

A wrong parameter then fails one row and says so at once, instead of failing every row of a batch that has to end
first. The answer is kept as shard 0 and landed like any other, so its row is not asked again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

import msgspec
import pyarrow as pa

from airflow_provider_claude.core.batch.requests import ENVELOPE_BYTES, RequestEncoder, custom_id
from airflow_provider_claude.stages.create import spool
from airflow_provider_claude.stages.items import read_items
from airflow_provider_claude.stages.results import read_lines
from airflow_provider_claude.store import (
    EndedRecord,
    IntentRecord,
    PlanRecord,
    RunFolder,
    ShardFolder,
    ShardSpec,
    SubmittedRecord,
    atomic_output,
    write_record,
)

TRIAL_SHARD = 0


class Api(Protocol):
    """What the trial needs of the gateway."""

    def create_message(self, params: bytes) -> bytes: ...


class TrialUsage(msgspec.Struct):
    """Tokens the trial used, all of its prompt counted as input."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int | None = 0
    cache_creation_input_tokens: int | None = 0

    @property
    def prompt_tokens(self) -> int:
        return self.input_tokens + (self.cache_read_input_tokens or 0) + (self.cache_creation_input_tokens or 0)


class _Message(msgspec.Struct):
    usage: TrialUsage


def first_request(run: RunFolder, encoder: RequestEncoder) -> bytes:
    """The parameters of item 0."""
    batch = next(read_items(run, run.need_scan(), 0, 1, encoder.columns))
    return next(encoder.of_batch(batch))


def trial_spec(params: bytes, encoder: RequestEncoder) -> ShardSpec:
    """Shard 0 with the one request *params*."""
    fingerprint = hashlib.sha256(hashlib.sha256(params).digest()).hexdigest()
    size = ENVELOPE_BYTES + encoder.row_bytes(params)
    return ShardSpec(shard=TRIAL_SHARD, start=0, stop=1, bytes=size, fingerprint=fingerprint, lane="sync")


def try_one(
    run: RunFolder, plan: PlanRecord, spec: ShardSpec, params: bytes, api: Api, clock: Callable[[], str]
) -> None:
    """Ask *params* once and keep the answer as an attempt of shard 0, unless it is on record already."""
    shard = run.shard(TRIAL_SHARD)
    if shard.submission(spec.fingerprint) is not None:
        return
    number = max(shard.attempts(), default=0) + 1
    with spool(run, plan, spec, shard.file(f"{number}.manifest.parquet")) as body:
        write_record(
            shard.file(f"{number}.intent.json"),
            IntentRecord(attempt=number, fingerprint=spec.fingerprint, requests=1, bytes=len(body), at=clock()),
        )
    began = clock()
    message = api.create_message(params)
    _keep(shard, spec, number, message)
    counts = {"succeeded": 1, "errored": 0, "canceled": 0, "expired": 0}
    write_record(
        shard.file(f"{number}.ended.json"),
        EndedRecord(attempt=number, batch_id=None, counts=counts, created_at=began, ended_at=clock()),
    )
    write_record(
        shard.file(f"{number}.submitted.json"),
        SubmittedRecord(
            attempt=number,
            fingerprint=spec.fingerprint,
            requests=1,
            batch_id=None,
            lane=spec.lane,
            created_at=began,
        ),
    )


def _keep(shard: ShardFolder, spec: ShardSpec, number: int, message: bytes) -> None:
    """Write the answer as the one line of a results file, in the form a batch has."""
    line = b'{"custom_id":"%b","result":{"type":"succeeded","message":%b}}\n'
    name = custom_id(spec.fingerprint, 0).encode()
    with (
        atomic_output(shard.file(f"{number}.results.jsonl.zst")) as stream,
        pa.CompressedOutputStream(pa.PythonFile(stream, "w"), "zstd") as out,
    ):
        out.write(line % (name, message.strip()))


def trial_usage(shard: ShardFolder, spec: ShardSpec) -> TrialUsage:
    """The tokens the recorded trial used."""
    submitted = shard.submission(spec.fingerprint)
    if submitted is None:
        return TrialUsage()
    line = next(read_lines(shard.file(f"{submitted.attempt}.results.jsonl.zst")))
    return msgspec.json.decode(line, type=_Line).result.message.usage


class _Result(msgspec.Struct):
    message: _Message


class _Line(msgspec.Struct):
    result: _Result
