"""Plan: everything is decided and checked before anything is sent in bulk, and written down in plan.json."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.account import NO_ACCOUNT, Account
from airflow_provider_claude.core.batch.attempt import GRACE_SECONDS
from airflow_provider_claude.core.batch.names import check_columns
from airflow_provider_claude.core.batch.outcomes import Outcome
from airflow_provider_claude.core.batch.packs import ELEMENT_BYTES, MARK_OUTPUT, PackEncoder, Packer
from airflow_provider_claude.core.batch.requests import ENVELOPE_BYTES, RequestEncoder
from airflow_provider_claude.core.batch.wary import Wary
from airflow_provider_claude.core.memory import lean_arrow
from airflow_provider_claude.core.plan.caching import is_cached
from airflow_provider_claude.core.plan.estimate import Estimate, Facts, estimate, explain
from airflow_provider_claude.core.plan.packing import Packing, check_packable
from airflow_provider_claude.core.plan.prices import Price
from airflow_provider_claude.core.plan.reuse import REUSE_DAYS, reuse_since
from airflow_provider_claude.core.plan.shards import MAX_SHARDS, Limits, cut, sizes
from airflow_provider_claude.core.plan.tokens import TokenModel
from airflow_provider_claude.core.publish.destination import Destination
from airflow_provider_claude.core.settle.priority import Priority
from airflow_provider_claude.core.tables import MANIFEST_FIELDS, PACKED_FIELDS, with_columns
from airflow_provider_claude.core.task import NO_TASK, TaskRef
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.gateway import api_schema
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.schema import check_compiles
from airflow_provider_claude.stages import models, orphans, trial
from airflow_provider_claude.stages import tokens as tokens_of
from airflow_provider_claude.stages.accounts import bind
from airflow_provider_claude.stages.attempts import Desk, history
from airflow_provider_claude.stages.budget import affords_one, budget_sentences
from airflow_provider_claude.stages.destination import Aim, check_folder, prepare
from airflow_provider_claude.stages.items import read_items
from airflow_provider_claude.stages.lanes import LaneSettings, plan_cutoff, plan_lanes, without_batches
from airflow_provider_claude.stages.late import collect_late, has_left
from airflow_provider_claude.stages.load import load
from airflow_provider_claude.stages.mixture import Sharing, spec_of, with_reused
from airflow_provider_claude.stages.models import Readiness, ask_about, price_for
from airflow_provider_claude.stages.reuse import KEY_BYTES, Known
from airflow_provider_claude.stages.spending import keep_on_record
from airflow_provider_claude.stages.spool import pack_keys
from airflow_provider_claude.stages.tokens import known_tokens, sampled
from airflow_provider_claude.stages.trial import TRIAL_SHARD, Trial, first_request, trial_spec
from airflow_provider_claude.store import (
    UNDECIDED,
    AccountFolder,
    BudgetRecord,
    PlanRecord,
    RunFolder,
    ScanRecord,
    ShardFolder,
    ShardSpec,
    WorkFolder,
    remove,
    write_record,
)

if TYPE_CHECKING:
    from upath import UPath


#: Days after which a batch has ended, and what it answered was fetched.
_BATCH_DAYS = 25 / 24


class PlanApi(trial.Api, orphans.Api, tokens_of.Api, models.Api, Protocol):
    """What planning needs of the gateway."""

    def account(self) -> Account: ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to plan. *deadline* and *partition* are only written down; times are told in *zone*, the DAG's. *prices* override
    the shipped ones. *budget* is what may be spent, with whom; None for as much as it takes. *pack*: how items share
    requests, None for one item a request. *priority*: how urgent items are, None where all are alike. *output* is
    where the report will publish, and *destination* in whose name; None for nowhere. *named_work*: whether a person wrote
    *work*, or it is only the folder above the run folder.

    *work* is the folder whose runs share their answers (None: only this run's own), *reuse_days* how old an answer may
    be to be taken again; 0 asks everything anew. *grace*: see `create`.
    """

    limits: Limits = field(default_factory=Limits)
    trial: bool = True
    prices: Mapping[str, Any] | None = None
    deadline: str | None = None
    zone: str = "UTC"
    partition: str | None = None
    work: UPath | None = None
    reuse_days: float = REUSE_DAYS
    grace: float = GRACE_SECONDS
    lanes: LaneSettings = field(default_factory=LaneSettings)
    budget: BudgetRecord | None = None
    pack: Packing | None = None
    priority: Priority | None = None
    output: UPath | None = None
    destination: Destination | None = None
    named_work: bool = True


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
    """Plan *run* for *job*, try one request, and write plan.json. Planning the same again pays nothing twice, and what
    changed is paid for row by row.

    Raises JobError where the job does not fit the items or the API's limits, PendingError where batches that answer
    what this run held before have to end first, DestinationError where the answers could not be published, StoreError
    where a store cannot be reached, StateError where another account was asked about these rows, CredentialsError where the
    account cannot be known, and the gateway's errors where the trial fails.
    """
    scan = run.need_scan()
    check_folder(run, settings.partition)
    _forget_plan(run)
    _check_columns(job, scan)
    check_columns(job.properties, scan.carry, _partition_column(settings))
    if not isinstance(job.output, type):
        check_compiles(job.schema)
    _check_priority(settings.priority, scan)
    if settings.pack is not None:
        check_packable(job, settings.pack, [*scan.columns, *scan.carry])
        with_columns((*MANIFEST_FIELDS, *PACKED_FIELDS), scan.carry)
    price = price_for(job.model, settings.prices, api)
    folder = WorkFolder(settings.work or run.path)
    aim = Aim(settings.partition, settings.output, settings.destination, settings.named_work)
    prepare(run, folder, scan, aim, clock())
    work = folder.of(_account(run, scan, api))
    work.sign()
    draft = _draft(job, price, settings, scan, work, run, clock())
    items = _Items(run, scan, RequestEncoder(draft.job), _Packed(settings.pack, draft.job) if settings.pack else None)
    if settings.trial and scan.items and not affords_one(work, draft, len(first_request(run, items.encoder))):
        settings = replace(settings, trial=False)
    shards = items.shards(settings)
    _check_count(shards, settings.limits)
    known = Known(items.hashes)
    most = estimate(scan.items, items.bytes_to_send(known), known_tokens(work, draft.job_hash) or TokenModel(), price)
    cutoff = plan_cutoff(most, settings.lanes, work=work, deadline=draft.deadline, clock=clock)
    _retire(
        run,
        {spec.shard: spec.fingerprint for spec in shards},
        lambda shard: Desk(shard, work, api, clock, settings.grace, cutoff),
    )
    known.look(work, draft.job_hash, reuse_since(clock(), settings.reuse_days))
    shards = [with_reused(run, spec, known) for spec in shards]
    keep_on_record(run, work, open_=True, now=clock())
    elsewhere = known.on_their_way(work, draft.job_hash, run, reuse_since(clock(), _BATCH_DAYS))
    left = scan.items - sum(spec.reused for spec in shards)
    ready = _ready(job, api, settings, clock()) if left else Readiness()
    if not ready.takes_batches and settings.lanes.lane != "sync":
        sums = estimate(left, items.bytes_to_send(known), TokenModel(), price)
        settings = replace(settings, lanes=without_batches(settings.lanes, job.model, sums))
    tokens, sentence = _trial(run, work, draft, shards, items, api, clock)
    if left:
        tokens = known_tokens(work, draft.job_hash) or sampled(run, scan, items.encoder, api, tokens)
    alone = estimate(left, items.bytes_to_send(known), tokens, price)
    sums = items.packed.estimate(left / max(scan.items, 1), alone, tokens, price) if items.packed else alone
    largest = max((spec.rows - spec.reused for spec in shards), default=1)
    lanes = plan_lanes(
        sums,
        tokens,
        settings.lanes,
        work=work,
        deadline=draft.deadline,
        now=clock(),
        shard_rows=max(largest, 1),
        alone=alone,
        zone=settings.zone,
    )
    shards = Sharing(run, known, settings.limits, items.weighed).in_lanes(shards, lanes.record.sync_rows, settings.pack)
    record = msgspec.structs.replace(
        draft,
        planned_by=task,
        shards=shards,
        estimate=sums.record(),
        explanation=explain(
            _facts(
                scan,
                shards,
                draft,
                sentence,
                [
                    *ready.notes,
                    *ready.warnings,
                    *_packed_sentences(settings.pack, sums),
                    *_priority_sentences(settings.priority),
                    *_cached_sentences(draft),
                    *_elsewhere_sentences(elsewhere),
                    *lanes.sentences,
                    *budget_sentences(work, draft, sums),
                ],
            ),
            sums,
        ),
        lanes=lanes.record,
        model_id=ready.model_id,
        warnings=list(ready.warnings),
    )
    write_record(run.file("plan.json"), record)
    if shards and shards[0].shard == TRIAL_SHARD:
        load(run.shard(TRIAL_SHARD), job, api, task=task, clock=clock)
    return record


def _ready(job: ClaudeJob, api: PlanApi, settings: Settings, now: str) -> Readiness:
    """What the API says of the model, before anything is paid."""
    by_batch = settings.lanes.lane != "sync"
    return ask_about(job.model, api, now=now, deadline=settings.deadline, by_batch=by_batch, zone=settings.zone)


def _account(run: RunFolder, scan: ScanRecord, api: PlanApi) -> Account:
    """The account that is asked, on record before anything is. A run without items asks none."""
    if not scan.items and run.account() is None:
        return NO_ACCOUNT
    account = api.account()
    bind(run, account)
    return account


def open_shards(run: RunFolder, record: PlanRecord) -> list[ShardFolder]:
    """The shards that are still to be worked on: all but the trial, and that where its answer is not valid."""
    shards = [run.shard(spec.shard) for spec in record.shards if spec.shard != TRIAL_SHARD]
    trial = run.shard(TRIAL_SHARD).landed() if len(shards) < len(record.shards) else None
    failed = trial is not None and set(trial.outcomes) - {str(Outcome.SUCCEEDED)}
    return [run.shard(TRIAL_SHARD), *shards] if failed else shards


def _retire(run: RunFolder, planned: Mapping[int, str], desk_of: Callable[[ShardFolder], Desk]) -> None:
    """End the batches that answer what this run held before, and keep what they answered."""
    for shard in run.shards():
        if any(attempt.in_flight or attempt.orphan or attempt.open for attempt in history(shard)):
            desk_of(shard).pursue(planned.get(shard.shard, ""))
        if has_left(shard):
            collect_late(desk_of(shard))


class _Items:
    """The run's items as requests: what each weighs on the wire, and the start of its hash, twenty bytes an item."""

    def __init__(
        self, run: RunFolder, scan: ScanRecord, encoder: RequestEncoder, packed: _Packed | None = None
    ) -> None:
        self.run, self.scan, self.encoder, self.packed = run, scan, encoder, packed
        self.hashes = bytearray()
        self._sizes = array("I")

    def shards(self, settings: Settings) -> list[ShardSpec]:
        """The trial's shard, and the others as they are cut."""
        if not self.scan.items:
            return []
        rows = self._rows()
        first = [self._first(next(rows))] if settings.trial else []
        caps = sizes(self.scan.items - len(first), settings.limits.rows)
        pieces = cut(rows, settings.limits, caps=caps, start=len(first), envelope=ENVELOPE_BYTES)
        return first + [
            spec_of(number, piece, settings.pack) for number, piece in enumerate(pieces, start=TRIAL_SHARD + 1)
        ]

    def _first(self, row: tuple[int, bytes]) -> ShardSpec:
        size, request_hash = row
        return trial_spec(size + ENVELOPE_BYTES, request_hash)

    def _rows(self) -> Iterator[tuple[int, bytes]]:
        """Bytes on the wire and request hash of every item."""
        columns = [*self.encoder.columns, *(self.packed.columns if self.packed else ())]
        for batch in read_items(self.run, self.scan, 0, self.scan.items, list(dict.fromkeys(columns))):
            requests: Iterable[bytes] = self.encoder.of_batch(batch)
            if self.packed:
                requests = list(requests)
                self.packed.add(batch, [len(self.encoder.content(params)) for params in requests])
            for params in requests:
                digest, size = hashlib.sha256(params).digest(), self.encoder.row_bytes(params)
                self.hashes += digest[:KEY_BYTES]
                self._sizes.append(size)
                yield size + (self.packed.more_bytes if self.packed else 0), digest
        if self.packed:
            self.packed.close()

    def weighed(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Bytes on the wire and request hash of items *start* to *stop*, once more."""
        more = self.packed.more_bytes if self.packed else 0
        for batch in read_items(self.run, self.scan, start, stop, self.encoder.columns):
            for params in self.encoder.of_batch(batch):
                yield self.encoder.row_bytes(params) + more, hashlib.sha256(params).digest()

    def bytes_to_send(self, known: Known) -> int:
        """The bytes of all requests that have no answer yet, without what a batch puts around them."""
        sizes = np.frombuffer(self._sizes, dtype="u4").astype("i8") - self.encoder.row_bytes(b"")
        return int(sizes[~known.mask].sum())


class _Packed:
    """What packing makes of all items: how many requests, and how many bytes."""

    def __init__(self, packing: Packing, job: Mapping[str, Any]) -> None:
        self._packing = packing
        encoder = RequestEncoder(job)
        self._frame = PackEncoder(job).frame_bytes
        self._single = sum(map(len, encoder.frame))
        self._wary = Wary(job, encoder.columns)
        self._packer: Packer[int] = Packer(items=packing.items, size=packing.bytes)
        self._requests = self._bytes = self._together = 0
        self.columns = ["ordinal", "scan_suspect", *packing.by]
        self.more_bytes = ELEMENT_BYTES + max(self._frame - self._single, 0)

    def add(self, batch: pa.RecordBatch, sizes: Sequence[int]) -> None:
        """Sort the items of *batch*, whose messages have *sizes* bytes."""
        keys = pack_keys(batch, self._packing.by, (), self._wary)
        for key, size in zip(keys, sizes, strict=True):
            for pack in self._packer.add(key, size, size + ELEMENT_BYTES):
                self._count(pack)

    def close(self) -> None:
        for pack in self._packer.rest():
            self._count(pack)

    def _count(self, pack: Sequence[int]) -> None:
        self._requests += 1
        many = len(pack) > 1
        self._together += len(pack) if many else 0
        self._bytes += sum(pack) + (self._frame + len(pack) * ELEMENT_BYTES if many else self._single)

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


def _packed_sentences(packing: Packing | None, sums: Estimate) -> list[str]:
    if packing is None:
        return []
    whose = f" of the same {' and '.join(packing.by)}" if packing.by else ""
    told = f"Up to {packing.items} items{whose} share a request, about {sums.requests:,} requests in all"
    return [f"{told}; what the scan suspects is asked alone."]


def _priority_sentences(priority: Priority | None) -> list[str]:
    if priority is None:
        return []
    waits = f"Below {priority.urgent:g} they may go back to a batch where the account is busy and there is time."
    return [f"The sync lane asks items with a higher {priority.column} first. {waits}"]


def _cached_sentences(draft: PlanRecord) -> list[str]:
    if not draft.job.get("cache"):
        return []
    found, wrote = "a request that finds it there pays a tenth of its price or less", "one that writes it pays twice"
    return [f"The system prompt is cached for an hour: {found}, {wrote}. The estimate counts neither."]


def _elsewhere_sentences(elsewhere: Mapping[str, int]) -> list[str]:
    return [
        f"{count:,} of these items are on their way in the run {name}, and will be paid for twice: only answers that were "
        "fetched are shared. To pay once, let that run end first, and clear this task."
        for name, count in elsewhere.items()
    ]


def _partition_column(settings: Settings) -> str | None:
    return settings.destination.column if settings.destination and settings.partition else None


def _check_columns(job: ClaudeJob, scan: ScanRecord) -> None:
    missing = [name for name in job.columns if name not in scan.columns]
    if missing and scan.rows:
        raise JobError(
            f"The prompt needs {', '.join(missing)}, the scan read {', '.join(scan.columns)} from {scan.source}. Give the "
            "scan columns=job.columns, or change the prompt."
        )


def _check_priority(priority: Priority | None, scan: ScanRecord) -> None:
    if priority is not None and scan.rows and priority.column not in [*scan.columns, *scan.carry]:
        raise JobError(
            f"priority_column names {priority.column}, which the items do not have. Let the scan carry it: "
            f"carry={[priority.column]!r}."
        )


def _draft(
    job: ClaudeJob, price: Price, settings: Settings, scan: ScanRecord, work: AccountFolder, run: RunFolder, now: str
) -> PlanRecord:
    """The plan before its shards are known."""
    spec = job.spec(work.secret())
    asked = spec | {"schema": api_schema(job.schema), "answer_schema": job.schema}
    if is_cached(job):
        asked["cache"] = True
    return PlanRecord(
        job=asked,
        prompt_hash=_hash({name: value for name, value in spec.items() if name not in {"schema", "key"}}),
        schema_hash=_hash(asked["schema"]),
        price=msgspec.to_builtins(price),
        shards=[],
        estimate={},
        deadline=settings.deadline,
        zone=settings.zone,
        partition=settings.partition,
        explanation=[],
        scanned_at=scan.finished_at,
        created_at=now,
        work=work.depth_of(run),
        account=work.account,
        reuse_days=settings.reuse_days,
        lanes=UNDECIDED,
        budget=settings.budget,
        packing=settings.pack,
        priority=settings.priority,
        destination=settings.destination,
    )


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _trial(
    run: RunFolder,
    work: AccountFolder,
    draft: PlanRecord,
    shards: list[ShardSpec],
    items: _Items,
    api: PlanApi,
    clock: Callable[[], str],
) -> tuple[TokenModel, str]:
    """The token model, calibrated by the trial if there is one, and what to say of it."""
    if not shards or shards[0].shard != TRIAL_SHARD:
        return TokenModel(), "No request was tried first."
    params = first_request(run, items.encoder)
    trial = Trial(run, work, draft, shards[0], clock)
    trial.ask_once(params, api)
    usage = trial.usage()
    tokens = TokenModel().calibrated(request_bytes=len(params), input_tokens=usage.prompt, output_tokens=usage.output)
    if shards[0].reused:
        return tokens, "The first item was answered in an earlier run: the request works."
    return tokens, (
        f"The first item was asked on the Messages API to try the request: it works, and used {usage.prompt:,} input "
        f"and {usage.output:,} output tokens. Its answer is kept."
    )


def _check_count(shards: list[ShardSpec], limits: Limits) -> None:
    if len(shards) > MAX_SHARDS:
        raise JobError(
            f"The run needs {len(shards):,} shards of {limits.rows:,} rows; Airflow maps at most {MAX_SHARDS:,} "
            "([core] max_map_length). Write a larger shard_rows."
        )


def _facts(scan: ScanRecord, shards: list[ShardSpec], draft: PlanRecord, trial: str, lanes: Sequence[str]) -> Facts:
    return Facts(
        rows=scan.rows,
        items=scan.items,
        quarantined=scan.quarantined,
        lost=scan.lost,
        uncounted=scan.uncounted,
        duplicates=scan.duplicates,
        reused=sum(spec.reused for spec in shards),
        shards=[spec.rows - spec.reused for spec in shards if spec.shard != TRIAL_SHARD and spec.rows > spec.reused],
        model=draft.job["model"],
        price_source=f"{draft.price['source']} {draft.price['as_of']}".strip(),
        trial=trial,
        deadline=draft.deadline,
        zone=draft.zone,
        lanes=lanes,
    )


def _forget_plan(run: RunFolder) -> None:
    """Remove an earlier plan and what it landed: if this one fails, no report may close on the old answers.

    Rows are landed again from the raw results, which stay, as all paid work does.
    """
    remove(run.file("plan.json"))
    remove(run.file("danger.json"))
    remove(run.file("refused.json"))
    for part in run.parts("answers"):
        remove(part)
    for shard in run.shards():
        remove(shard.file("landed.json"))
        remove(shard.file("leftovers.parquet"))
        remove(shard.file("settled.json"))
