"""Plan: everything is decided and checked before anything is sent in bulk, and written down in plan.json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from airflow_provider_claude.core.batch.requests import ENVELOPE_BYTES, RequestEncoder
from airflow_provider_claude.core.memory import lean_arrow
from airflow_provider_claude.core.plan.estimate import Facts, estimate, explain
from airflow_provider_claude.core.plan.prices import Price, price_of
from airflow_provider_claude.core.plan.shards import MAX_SHARDS, Limits, cut
from airflow_provider_claude.core.plan.tokens import TokenModel
from airflow_provider_claude.core.task import NO_TASK, TaskRef
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.gateway import api_schema
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.stages.items import read_items
from airflow_provider_claude.stages.load import load
from airflow_provider_claude.stages.results import Api as ResultsApi
from airflow_provider_claude.stages.trial import (
    TRIAL_SHARD,
    Api,
    first_request,
    trial_spec,
    trial_usage,
    try_one,
)
from airflow_provider_claude.store import PlanRecord, RunFolder, ScanRecord, ShardSpec, list_names, remove, write_record


class PlanApi(Api, ResultsApi, Protocol):
    """What planning needs of the gateway."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to plan. *deadline* and *partition* are only written down; *prices* override the shipped ones."""

    limits: Limits = field(default_factory=Limits)
    trial: bool = True
    prices: Mapping[str, Any] | None = None
    deadline: str | None = None
    partition: str | None = None


@lean_arrow()
def plan(
    run: RunFolder,
    job: ClaudeJob,
    api: PlanApi,
    *,
    settings: Settings,
    task: TaskRef = NO_TASK,
    clock: Callable[[], str],
) -> PlanRecord:
    """Plan *run* for *job*, try one request, and write plan.json. Planning the same again pays nothing twice; a shard whose
    requests changed is paid for again as a whole.

    Raises JobError where the job does not fit the items or the API's limits, and the gateway's errors where the
    trial fails.
    """
    scan = run.need_scan()
    _forget_plan(run)
    _check_columns(job, scan)
    price = price_of(job.model, settings.prices)
    draft = _draft(job, price, settings, scan, clock())
    encoder = RequestEncoder(draft.job)
    tokens, trials, sentence = _trial(run, draft, encoder, api, settings, scan, clock)
    shards = [*trials, *_shards(run, scan, encoder, settings.limits, start=len(trials))]
    _check_count(shards, settings.limits)
    sums = estimate(scan.items, _params_bytes(shards, encoder), tokens, price)
    record = msgspec.structs.replace(
        draft,
        shards=shards,
        estimate=sums.record(),
        explanation=explain(_facts(scan, shards, draft, sentence), sums),
    )
    write_record(run.file("plan.json"), record)
    for trial in trials:
        load(run.shard(trial.shard), job, api, task=task, clock=clock)
    return record


def _check_columns(job: ClaudeJob, scan: ScanRecord) -> None:
    missing = [name for name in job.columns if name not in scan.columns]
    if missing and scan.rows:
        raise JobError(
            f"The prompt needs {', '.join(missing)}, the scan read {', '.join(scan.columns)} from {scan.source}. Give the "
            "scan columns=job.columns, or change the prompt."
        )


def _draft(job: ClaudeJob, price: Price, settings: Settings, scan: ScanRecord, now: str) -> PlanRecord:
    """The plan before its shards are known."""
    spec = job.spec()
    asked = spec | {"schema": api_schema(job.schema), "answer_schema": job.schema}
    return PlanRecord(
        job=asked,
        prompt_hash=_hash({name: value for name, value in spec.items() if name != "schema"}),
        schema_hash=_hash(asked["schema"]),
        price=msgspec.to_builtins(price),
        shards=[],
        estimate={},
        deadline=settings.deadline,
        partition=settings.partition,
        explanation=[],
        scanned_at=scan.finished_at,
        created_at=now,
    )


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _trial(
    run: RunFolder,
    draft: PlanRecord,
    encoder: RequestEncoder,
    api: PlanApi,
    settings: Settings,
    scan: ScanRecord,
    clock: Callable[[], str],
) -> tuple[TokenModel, list[ShardSpec], str]:
    """The token model, the trial's shard, and what to say of it."""
    if not settings.trial or not scan.items:
        return TokenModel(), [], "No request was tried first."
    params = first_request(run, encoder)
    spec = trial_spec(params, encoder)
    try_one(run, draft, spec, params, api, clock)
    usage = trial_usage(run.shard(TRIAL_SHARD), spec)
    tokens = TokenModel().calibrated(
        request_bytes=len(params), input_tokens=usage.prompt_tokens, output_tokens=usage.output_tokens
    )
    sentence = (
        f"The first item was asked on the Messages API to try the request: it works, and used {usage.prompt_tokens:,} input "
        f"and {usage.output_tokens:,} output tokens. Its answer is kept."
    )
    return tokens, [spec], sentence


def _shards(
    run: RunFolder, scan: ScanRecord, encoder: RequestEncoder, limits: Limits, *, start: int
) -> Iterator[ShardSpec]:
    rows = _sizes(run, scan, encoder, start)
    for number, piece in enumerate(cut(rows, limits, start=start, envelope=ENVELOPE_BYTES), start=TRIAL_SHARD + 1):
        yield ShardSpec(
            shard=number, start=piece.start, stop=piece.stop, bytes=piece.bytes, fingerprint=piece.fingerprint
        )


def _sizes(run: RunFolder, scan: ScanRecord, encoder: RequestEncoder, start: int) -> Iterator[tuple[int, bytes]]:
    """Bytes on the wire and request hash of every item from *start* on."""
    for batch in read_items(run, scan, start, scan.items, encoder.columns):
        for params in encoder.of_batch(batch):
            yield encoder.row_bytes(params), hashlib.sha256(params).digest()


def _check_count(shards: list[ShardSpec], limits: Limits) -> None:
    if len(shards) > MAX_SHARDS:
        raise JobError(
            f"The run needs {len(shards):,} shards of {limits.rows:,} rows; Airflow maps at most {MAX_SHARDS:,} "
            "([core] max_map_length). Write a larger shard_rows."
        )


def _params_bytes(shards: list[ShardSpec], encoder: RequestEncoder) -> int:
    """The bytes of all requests without what a batch puts around them."""
    return sum(spec.bytes - ENVELOPE_BYTES - spec.rows * encoder.row_bytes(b"") for spec in shards)


def _facts(scan: ScanRecord, shards: list[ShardSpec], draft: PlanRecord, trial: str) -> Facts:
    return Facts(
        rows=scan.rows,
        items=scan.items,
        quarantined=scan.quarantined,
        duplicates=scan.duplicates,
        shards=[spec.rows for spec in shards if spec.lane == "batch"],
        model=draft.job["model"],
        price_source=f"{draft.price['source']} {draft.price['as_of']}".strip(),
        trial=trial,
        deadline=draft.deadline,
    )


def _forget_plan(run: RunFolder) -> None:
    """Remove an earlier plan and what it landed: if this one fails, no report may close on the old answers.

    Rows are landed again from the raw results, which stay, as all paid work does.
    """
    remove(run.file("plan.json"))
    for part in run.parts("answers"):
        remove(part)
    for number in filter(str.isdecimal, list_names(run.file("shards"))):
        shard = run.shard(int(number))
        remove(shard.file("landed.json"))
        remove(shard.file("leftovers.parquet"))
