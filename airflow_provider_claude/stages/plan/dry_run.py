"""A plan of which nothing is sent or recorded: what the items of a scan would use, and what that would cost.

Tokens are as earlier runs of the job measured them, else as the API counts a sample, which is free, else as the bytes let
expect.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from airflow_provider_claude.core.account import NO_ACCOUNT
from airflow_provider_claude.core.cost.estimate import Estimate, explain
from airflow_provider_claude.core.cost.prices import price_of
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.plan.cache_sentences import cache_sentences
from airflow_provider_claude.core.requests.reuse_age import reuse_since
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.stages.plan.ask_model import price_for
from airflow_provider_claude.stages.plan.choose_cache import plan_cache
from airflow_provider_claude.stages.plan.choose_lane import Lanes
from airflow_provider_claude.stages.plan.count_tokens import known_tokens, sampled
from airflow_provider_claude.stages.plan.plan_settings import PlanApi, Settings
from airflow_provider_claude.stages.plan.probe_again import again_note
from airflow_provider_claude.stages.plan.probe_change import change_note
from airflow_provider_claude.stages.plan.run import expect, weigh
from airflow_provider_claude.stages.plan.sentences import facts, packed_sentences, placed_sentences, shard_sentences
from airflow_provider_claude.stages.plan.start import Start, check_fit, start_of
from airflow_provider_claude.stages.probes.remembered import remembered
from airflow_provider_claude.stages.requests.reuse import Known
from airflow_provider_claude.store import RunFolder, ScanRecord, ShardSpec, WorkFolder

_SENT = "This is a dry run: nothing is sent, and nothing is paid."


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run would ask. *rows* were read, *items* of them would be answered, and *reused* of these have an answer already.

    Tokens and costs are of the requests that are left; costs are USD, all of them by batch or all of them by the sync lane.
    *sync_seconds* is how long the sync lane would take for all. *measured*: whether tokens were measured or counted.
    """

    rows: int
    items: int
    quarantined: int
    duplicates: int
    reused: int
    requests: int
    input_tokens: int
    output_tokens: int
    measured: bool
    batch_usd: str
    sync_usd: str
    sync_seconds: float
    explanation: list[str]


def dry_run(
    run: RunFolder, job: ClaudeJob, api: PlanApi | None, *, settings: Settings, clock: Callable[[], str]
) -> DryRun:
    """What *job* would ask of the items that the scan of *run* has found. *api* None: nothing is asked of the API.

    Nothing in the run folder changes; a work folder without a secret gets one. Raises JobError where the job does not fit the
    items, and CredentialsError where the account cannot be known.
    """
    start = _start(run, job, api, settings, clock)
    known, shards = weigh(start)
    known.look(start.work, start.draft.job_hash, reuse_since(clock(), settings.reuse_days))
    shards = [_with_known(spec, known) for spec in shards]
    tokens = _tokens(start, api)
    cache = plan_cache(start, shards, tokens, api)
    sums, lanes = expect(start, known, shards, tokens, settings.lanes, cache)
    settings = start.settings
    notes = [
        *shard_sentences(settings.limits, shards, deadline=settings.deadline),
        *placed_sentences(job, start.items.placed()),
        *packed_sentences(settings.pack, sums),
        *_of_packs(start),
        *again_note(start),
        *change_note(start),
        *cache_sentences(cache, sums, start.price, _lanes(lanes)),
        *lanes.sentences,
    ]
    return _of(start.scan, sums, lanes, explain(facts(start.scan, shards, start.draft, _SENT, notes), sums))


def _of_packs(start: Start) -> list[str]:
    """How many items share a request, where the plan decides it; what trying costs is not part of the estimate."""
    auto = start.settings.auto_pack
    if auto is None:
        return []
    found = remembered(start.work, start.draft.job_hash, auto, start.clock())
    if found.verdict.final:
        return found.sentences()[:1]
    return [
        *found.sentences()[:1],
        f"The run would ask {auto.rows:,} rows several times more to find out: not counted here.",
    ]


def _lanes(lanes: Lanes) -> set[str]:
    return {"batch", "sync"} if lanes.record.lane == "mixed" else {lanes.record.lane}


def _start(run: RunFolder, job: ClaudeJob, api: PlanApi | None, settings: Settings, clock: Callable[[], str]) -> Start:
    """As the plan begins, without what it records."""
    scan = run.need_scan()
    check_fit(job, scan, settings)
    geo = job.params.get("inference_geo")
    if api is None:
        price = price_of(job.model, settings.prices, on=clock(), geo=geo)
    else:
        price = price_for(job.model, settings.prices, api, on=clock(), geo=geo)
    account = api.account() if api is not None and scan.items else NO_ACCOUNT
    work = WorkFolder(settings.work or run.path).of(account)
    return start_of(run, scan, job, settings, clock, price=price, work=work)


def _tokens(start: Start, api: PlanApi | None) -> TokenModel:
    known = known_tokens(start.work, start.draft.job_hash)
    if known is not None or api is None:
        return known or TokenModel()
    return sampled(start.items.sample(), api, TokenModel())


def _with_known(spec: ShardSpec, known: Known) -> ShardSpec:
    return msgspec.structs.replace(spec, reused=int(known.mask[spec.start : spec.stop].sum()))


def _of(scan: ScanRecord, sums: Estimate, lanes: Lanes, explanation: list[str]) -> DryRun:
    return DryRun(
        rows=scan.rows,
        items=scan.items,
        quarantined=scan.quarantined,
        duplicates=scan.duplicates,
        reused=scan.items - sums.items,
        requests=sums.requests,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        measured=sums.measured,
        batch_usd=f"{sums.cost['batch']:f}",
        sync_usd=f"{sums.cost['sync']:f}",
        sync_seconds=lanes.sync_seconds,
        explanation=explanation,
    )
