"""Plan: decides and checks everything before anything is sent in bulk, and records it in plan.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from airflow_provider_claude.core.cost.estimate import Estimate, explain, with_cache
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.memory import many_rows
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.plan.cache_plan import NO_CACHE, CachePlan
from airflow_provider_claude.core.plan.cache_sentences import cache_sentences
from airflow_provider_claude.core.plan.cut_shards import TRIAL_SHARD
from airflow_provider_claude.core.requests.reuse_age import reuse_since
from airflow_provider_claude.core.task_ref import NO_TASK, TaskRef
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.stages.cost.budget import budget_sentences
from airflow_provider_claude.stages.cost.spent import keep_on_record
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.ask_model import Readiness, ask_about
from airflow_provider_claude.stages.plan.checks import check_shard_count
from airflow_provider_claude.stages.plan.choose_cache import plan_cache, warm
from airflow_provider_claude.stages.plan.choose_lane import (
    Lanes,
    LaneSettings,
    plan_cutoff,
    plan_lanes,
    without_batches,
)
from airflow_provider_claude.stages.plan.count_tokens import known_tokens, sampled
from airflow_provider_claude.stages.plan.end_earlier_plan import retire
from airflow_provider_claude.stages.plan.plan_probes import with_probes
from airflow_provider_claude.stages.plan.plan_settings import PlanApi, Settings
from airflow_provider_claude.stages.plan.probe_room import Planned
from airflow_provider_claude.stages.plan.sentences import (
    elsewhere_sentences,
    facts,
    packed_sentences,
    placed_sentences,
    priority_sentences,
    shard_sentences,
)
from airflow_provider_claude.stages.plan.split_lanes import Sharing, with_reused
from airflow_provider_claude.stages.plan.start import Start, check
from airflow_provider_claude.stages.plan.trial import Trial, first_request
from airflow_provider_claude.stages.requests.record_doubts import record_doubts
from airflow_provider_claude.stages.requests.reuse import Known
from airflow_provider_claude.stages.submit.recover import AttemptRecovery
from airflow_provider_claude.store import (
    PlanRecord,
    RunFolder,
    ShardFolder,
    ShardSpec,
    write_record,
)
from airflow_provider_claude.store.planned_shard import PlannedShard

#: Days after which a batch has ended, and its answers are downloaded.
_BATCH_DAYS = 25 / 24


@many_rows()
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

    Raises JobError where the job does not fit the items or the API's limits, PendingError where batches of this
    run's earlier content have to end first, DestinationError where the answers could not be published, StoreError
    where a store cannot be reached, StateError where another account was asked about these rows, CredentialsError where the
    account cannot be known, and the gateway's errors where the trial fails.
    """
    start = check(run, job, api, settings, clock)
    known, shards = weigh(start)
    shards, elsewhere = _reuse(start, api, known, shards)
    tried = _try(start, api, known, shards)
    chosen = _choose(start, known, shards, tried)
    own = Planned(_with_doubts(start, _record(start, tried, chosen, elsewhere, task)), tried.tokens, chosen.sums)
    record = with_probes(start, own, api)
    write_record(run.file("plan.json"), record)
    if record.shards and record.shards[0].number == TRIAL_SHARD:
        load(run.shard(TRIAL_SHARD), job, api, task=task, clock=clock)
    return record


def weigh(start: Start) -> tuple[Known, list[ShardSpec]]:
    """Cut the items into shards by the size of their requests. Which of them have answers is not known yet."""
    shards = start.items.shards(start.settings)
    check_shard_count(shards, start.settings.limits)
    return Known(start.items.hashes), shards


def _reuse(
    start: Start, api: PlanApi, known: Known, shards: list[ShardSpec]
) -> tuple[list[ShardSpec], Mapping[str, int]]:
    """End the batches of the run's earlier content, and find existing answers: the shards with them, and how many items are
    in progress in other runs.
    """
    run, work, settings, job = start.run, start.work, start.settings, start.draft.job_hash
    tokens = known_tokens(work, job) or TokenModel()
    most = start.items.estimate(known, tokens, start.price)
    cutoff = plan_cutoff(most, settings.lanes, work=work, due=start.draft.due, clock=start.clock)
    retire(
        run,
        {spec.number: spec.fingerprint for spec in shards},
        lambda shard: AttemptRecovery(shard, work, api, start.clock, settings.grace, cutoff),
    )
    known.look(work, job, reuse_since(start.clock(), settings.reuse_days))
    reused = [with_reused(run, spec, known) for spec in shards]
    keep_on_record(run, work, open_=True, now=start.clock())
    return reused, known.on_their_way(work, job, run, reuse_since(start.clock(), _BATCH_DAYS))


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """What is known of the requests before the bulk of them is sent: *left* items have no answer, *tokens* is what a request
    uses, and *lanes* how they may be asked. *sentence* describes the trial, *cache* what is cached.
    """

    left: int
    ready: Readiness
    lanes: LaneSettings
    tokens: TokenModel
    sentence: str
    cache: CachePlan


def _try(start: Start, api: PlanApi, known: Known, shards: list[ShardSpec]) -> _Tried:
    """Ask the API about the model, and one request of it, where there is something to ask."""
    left = start.scan.items - sum(spec.reused for spec in shards)
    lanes = start.settings.lanes
    ready = _ready(start.job, api, start.settings, start.draft.due, start.clock()) if left else Readiness()
    if not ready.takes_batches and lanes.lane != "sync":
        sums = start.items.estimate(known, TokenModel(), start.price)
        lanes = without_batches(lanes, start.job.model, sums)
    tokens, sentence = _trial(start, api, shards)
    if left:
        sample = known_tokens(start.work, start.draft.job_hash)
        tokens = sample or sampled(start.items.sample(), api, tokens)
    cache = plan_cache(start, shards, tokens, api) if left else NO_CACHE
    return _Tried(left=left, ready=ready, lanes=lanes, tokens=tokens, sentence=sentence, cache=cache)


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """The *shards* in their *lanes*, and what they are expected to use and cost."""

    shards: list[ShardSpec]
    sums: Estimate
    lanes: Lanes


def _choose(start: Start, known: Known, shards: list[ShardSpec], tried: _Tried) -> _Chosen:
    """Estimate the cost and the time, and divide the items between the lanes."""
    sums, lanes = expect(start, known, shards, tried.tokens, tried.lanes, tried.cache)
    sharing = Sharing(start.run, known, start.settings.limits, start.items.weighed)
    shards = sharing.in_lanes(shards, lanes.record.sync_rows, start.settings.pack)
    return _Chosen(shards=shards, sums=sums, lanes=lanes)


def expect(
    start: Start,
    known: Known,
    shards: list[ShardSpec],
    tokens: TokenModel,
    lanes: LaneSettings,
    cache: CachePlan,
) -> tuple[Estimate, Lanes]:
    """What the items without a *known* answer are expected to use and cost with *cache*, and the lanes that ask them."""
    items, settings = start.items, start.settings
    left = start.scan.items - sum(spec.reused for spec in shards)
    alone = items.estimate(known, tokens, start.price)
    share = left / max(start.scan.items, 1)
    sums = items.packed.estimate(share, alone, tokens, start.price) if items.packed else alone
    sums = with_cache(sums, start.price, warm(cache))
    chosen = plan_lanes(
        sums,
        tokens,
        lanes,
        work=start.work,
        due=start.draft.due,
        now=start.clock(),
        shards=[spec.requests for spec in shards if spec.number != TRIAL_SHARD],
        alone=alone,
        zone=settings.zone,
    )
    return sums, chosen


def _record(start: Start, tried: _Tried, chosen: _Chosen, elsewhere: Mapping[str, int], task: TaskRef) -> PlanRecord:
    """The record of the plan, and its explanation: what the API said, which lane asks what, and the cost."""
    draft, settings, ready = start.draft, start.settings, tried.ready
    notes = [
        *ready.notes,
        *start.warnings,
        *ready.warnings,
        *shard_sentences(settings.limits, chosen.shards, deadline=settings.deadline),
        *placed_sentences(start.job, start.items.placed()),
        *packed_sentences(settings.pack, chosen.sums),
        *priority_sentences(settings.priority),
        *cache_sentences(
            tried.cache, chosen.sums, draft.price, {spec.lane for spec in chosen.shards if spec.number != TRIAL_SHARD}
        ),
        *elsewhere_sentences(elsewhere),
        *chosen.lanes.sentences,
        *budget_sentences(start.work, draft, chosen.sums),
    ]
    return msgspec.structs.replace(
        draft,
        planned_by=task,
        shards=chosen.shards,
        estimate=chosen.sums.planned(),
        explanation=explain(facts(start.scan, chosen.shards, draft, tried.sentence, notes), chosen.sums),
        lanes=chosen.lanes.record,
        in_results=start.items.placed().in_results,
        model_id=ready.model_id,
        cache=tried.cache,
        warnings=[*start.warnings, *ready.warnings],
    )


def _with_doubts(start: Start, record: PlanRecord) -> PlanRecord:
    """*record*, once it is on record which items are in doubt."""
    doubts = start.items.doubts()
    return record if doubts is None else msgspec.structs.replace(record, in_doubt=record_doubts(start.run, doubts))


def _ready(job: ClaudeJob, api: PlanApi, settings: Settings, due: float | None, now: str) -> Readiness:
    """What the API says about the model, before anything is paid."""
    by_batch = settings.lanes.lane != "sync"
    return ask_about(job.model, api, now=now, due=due, by_batch=by_batch, zone=settings.zone)


def open_shards(run: RunFolder, record: PlanRecord) -> list[ShardFolder]:
    """The shards that still need work: all but the trial, the trial if its answer is not valid, and those of the probes. Of a
    run that is held, only the latter.
    """
    probes = [shard for name in record.probes for shard in _shards_of(run.probe(name))]
    if record.held:
        return probes
    shards = [run.shard(spec.number) for spec in record.shards if spec.number != TRIAL_SHARD]
    trial = run.shard(TRIAL_SHARD).loaded() if len(shards) < len(record.shards) else None
    failed = trial is not None and set(trial.outcomes) - {str(Outcome.SUCCEEDED)}
    return [*([run.shard(TRIAL_SHARD)] if failed else []), *shards, *probes]


def _shards_of(probe: RunFolder) -> list[ShardFolder]:
    return [probe.shard(spec.number) for spec in probe.need_plan().shards]


def _trial(start: Start, api: PlanApi, shards: list[ShardSpec]) -> tuple[TokenModel, str]:
    """The token model, calibrated by the trial if there is one, and a sentence about it."""
    if not shards or shards[0].number != TRIAL_SHARD:
        return TokenModel(), "No request was tried first."
    params = first_request(start.run, start.items.encoder)
    trial = Trial(PlannedShard(start.run.shard(TRIAL_SHARD), start.draft, shards[0]), start.clock)
    trial.ask_once(params, api)
    usage = trial.usage()
    tokens = TokenModel().calibrated(
        request_bytes=len(params),
        input_tokens=usage.prompt,
        output_tokens=usage.output,
        in_result=start.items.is_in_result(0),
    )
    if shards[0].reused:
        return tokens, "The first item was answered in an earlier run: the request works."
    return tokens, (
        f"The first item was asked on the Messages API to try the request: it works, and used {usage.prompt:,} input "
        f"and {usage.output:,} output tokens. Its answer is kept."
    )
