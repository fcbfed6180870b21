"""What is planned: checked before anything is sent, with the plan's record as far as it is known then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from airflow_provider_claude.core.account import NO_ACCOUNT, Account
from airflow_provider_claude.core.column_names import check_columns
from airflow_provider_claude.core.cost.estimate import PlannedCost
from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.core.packing.packing import check_packable
from airflow_provider_claude.core.packing.weigh_packs import PackWeights
from airflow_provider_claude.core.requests.request_bytes import RequestEncoder
from airflow_provider_claude.core.tables import MANIFEST_FIELDS, PACKED_FIELDS, with_columns
from airflow_provider_claude.gateway.output_schema import api_schema
from airflow_provider_claude.job import ClaudeJob, JobSpec
from airflow_provider_claude.job.schema import check_compiles
from airflow_provider_claude.stages.cost.budget import affords_one
from airflow_provider_claude.stages.plan.ask_model import price_for
from airflow_provider_claude.stages.plan.bind_account import bind
from airflow_provider_claude.stages.plan.checks import (
    check_gates,
    check_golden,
    check_no_probe,
    check_priority_column,
    check_prompt_columns,
)
from airflow_provider_claude.stages.plan.end_earlier_plan import forget_plan
from airflow_provider_claude.stages.plan.plan_settings import PlanApi, Settings, partition_column
from airflow_provider_claude.stages.plan.trial import first_request
from airflow_provider_claude.stages.plan.weigh import Items
from airflow_provider_claude.stages.probes.recorded_curve import recorded_curve
from airflow_provider_claude.stages.probes.remembered import remembered
from airflow_provider_claude.stages.publish.claim_destination import Aim, check_folder, prepare
from airflow_provider_claude.store import (
    UNDECIDED,
    AccountFolder,
    PlanRecord,
    RunFolder,
    ScanRecord,
    WorkFolder,
)


@dataclass(frozen=True, kw_only=True)
class Start:
    """What is planned: *job* for the items of a scan, and the *draft* of the record, without the parts decided later.
    *warnings* are for the report.
    """

    run: RunFolder
    job: ClaudeJob
    settings: Settings
    clock: Callable[[], str]
    scan: ScanRecord
    price: Price
    work: AccountFolder
    draft: PlanRecord
    items: Items
    warnings: tuple[str, ...] = ()


def check(run: RunFolder, job: ClaudeJob, api: PlanApi, settings: Settings, clock: Callable[[], str]) -> Start:
    """Check all that can be checked before anything is sent; see `plan` for what it raises."""
    scan = run.need_scan()
    check_folder(run, settings.partition)
    check_no_probe(run)
    forget_plan(run)
    check_fit(job, scan, settings)
    check_golden(run, job, settings.consistency)
    price = price_for(job.model, settings.prices, api, on=clock(), geo=job.params.get("inference_geo"))
    folder = WorkFolder(settings.work or run.path)
    aim = Aim(
        settings.partition,
        settings.output,
        settings.destination,
        settings.named_work,
        job.schema,
        settings.consistency,
        settings.unsafe_store,
    )
    warnings = prepare(run, folder, scan, aim, clock())
    work = folder.of(_account(run, scan, api))
    work.sign()
    start = replace(start_of(run, scan, job, settings, clock, price=price, work=work), warnings=warnings)
    if (
        settings.trial
        and scan.items
        and not affords_one(work, start.draft, len(first_request(run, start.items.encoder)))
    ):
        return replace(start, settings=replace(start.settings, trial=False))
    return start


def start_of(
    run: RunFolder,
    scan: ScanRecord,
    job: ClaudeJob,
    settings: Settings,
    clock: Callable[[], str],
    *,
    price: Price,
    work: AccountFolder,
) -> Start:
    """What is planned for the *scan* of *run*, at *price*. Only the secret of a work folder without one is recorded."""
    spec = job.spec(work.secret(), schema=api_schema(job.schema))
    settings = _with_pack(settings, work, spec, clock())
    draft = _draft(spec, price, settings, scan, work, run, clock())
    draft = msgspec.structs.replace(draft, curve=recorded_curve(run, draft))
    packed = PackWeights(settings.pack, spec) if settings.pack else None
    return Start(
        run=run,
        job=job,
        settings=settings,
        clock=clock,
        scan=scan,
        price=price,
        work=work,
        draft=draft,
        items=Items(run, scan, RequestEncoder(spec), packed),
    )


def check_fit(job: ClaudeJob, scan: ScanRecord, settings: Settings) -> None:
    """Raise JobError where *job* and *settings* do not fit the columns of *scan*."""
    check_prompt_columns(job, scan)
    check_columns(job.properties, scan.carry, partition_column(settings), _calibrated(settings))
    if not isinstance(job.output, type):
        check_compiles(job.schema)
    check_priority_column(settings.priority, scan)
    check_gates(settings.consistency)
    pack = settings.auto_pack.largest if settings.auto_pack else settings.pack
    if pack is not None:
        check_packable(job, pack, [*scan.columns, *scan.carry])
        with_columns((*MANIFEST_FIELDS, *PACKED_FIELDS), scan.carry)


def _calibrated(settings: Settings) -> str | None:
    return settings.consistency.calibrated_column if settings.consistency else None


def _with_pack(settings: Settings, work: AccountFolder, spec: JobSpec, now: str) -> Settings:
    """*settings* with how items share requests, by what is remembered of the job where the plan decides it."""
    auto = settings.auto_pack
    if auto is None:
        return settings
    return replace(settings, pack=auto.packing(remembered(work, spec.job_hash, auto, now).verdict.items))


def _account(run: RunFolder, scan: ScanRecord, api: PlanApi) -> Account:
    """The account of the run, recorded before anything is sent. A run without items has none."""
    if not scan.items and run.account() is None:
        return NO_ACCOUNT
    account = api.account()
    bind(run, account)
    return account


def _draft(
    spec: JobSpec, price: Price, settings: Settings, scan: ScanRecord, work: AccountFolder, run: RunFolder, now: str
) -> PlanRecord:
    """The plan before its shards are known."""
    return PlanRecord(
        job=spec,
        prompt_hash=spec.prompt_hash,
        schema_hash=spec.schema_hash,
        price=price,
        shards=[],
        estimate=PlannedCost(),
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
        auto_pack=settings.auto_pack,
        consistency=settings.consistency,
        priority=settings.priority,
        destination=settings.destination,
    )
