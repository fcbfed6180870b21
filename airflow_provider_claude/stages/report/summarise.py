"""What was counted, as the summary of the report."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from airflow_provider_claude.core.consistency.returned_model import other_models
from airflow_provider_claude.core.cost.cache_use import merged
from airflow_provider_claude.core.report.ledger import nonzero
from airflow_provider_claude.core.report.summary import Summary, asked
from airflow_provider_claude.core.report.thresholds import Thresholds
from airflow_provider_claude.core.report.timeline import ShardSpan
from airflow_provider_claude.core.submit.attempt import Attempt, chain
from airflow_provider_claude.stages.cost.spent import spent_beside, with_probes
from airflow_provider_claude.stages.report.count import Counts
from airflow_provider_claude.stages.scan.release_rows import acts
from airflow_provider_claude.stages.submit.refused import refusal_warnings
from airflow_provider_claude.store import PaidRecord, PlanRecord, RunFolder, ScanRecord
from airflow_provider_claude.store.attempts import history
from airflow_provider_claude.store.planned_shard import PlannedShard, planned_shards

#: Small records are read by this many threads at once: on an object store each is a round trip.
_READERS = 8


def summarise(
    run: RunFolder,
    scan: ScanRecord,
    plan: PlanRecord,
    thresholds: Thresholds,
    *,
    paid: Sequence[PaidRecord],
    paid_for_probes: Sequence[PaidRecord],
    now: str,
) -> Summary:
    """The summary of *run*; *paid* and *paid_for_probes*: what is on record of its spending, and of that of its probes."""
    counts = Counts(run, scan, plan)
    ledger = counts.ledger(scan.rows)
    with ThreadPoolExecutor(_READERS) as pool:
        shards = planned_shards(run, plan)
        past = dict(pool.map(lambda shard: (shard.number, history(shard.folder)), shards))
        spans = list(pool.map(lambda shard: _span(shard, past[shard.number]), shards))
    lane = "batch" if any(spec.lane == "batch" for spec in plan.shards) else "sync"
    estimated = plan.estimate.usd(lane)
    return Summary(
        source=scan.source,
        format=scan.format,
        partition=plan.partition,
        created_at=now,
        deadline=plan.deadline,
        zone=plan.zone,
        problems=[*ledger.problems(), *thresholds.breaches(ledger)],
        warnings=[
            *thresholds.warnings(ledger),
            *plan.warnings,
            *other_models(counts.answers.models.counts, asked=plan.job.model, stands_for=plan.model_id),
            *refusal_warnings(run),
            *counts.never_whole(),
        ],
        ledger=ledger,
        costs=counts.answers.costs(
            failed=counts.failed_usd,
            retried=counts.retried_usd,
            estimated=None if estimated is None else estimated + Decimal(plan.probes_usd),
            spent=with_probes(spent_beside(paid, plan, past), paid_for_probes, plan),
            cache=merged(one.cache for one in paid if one.cache is not None),
        ),
        shards=spans,
        answers=counts.answers.columns(),
        lengths=counts.answers.lengths(),
        quarantine_examples=counts.aside.found,
        failure_examples=counts.failures.found,
        flags=dict(counts.flags.counts.most_common()),
        prompt_leaks=dict(counts.answers.prompt_leaks.counts.most_common()),
        unreadable=scan.unreadable,
        notes=scan.origin.notes(),
        releases=acts(run),
        unmatched=nonzero(counts.unmatched),
        count_mismatches=counts.count_mismatches,
        reused=counts.reused,
        asked=asked(plan.job.model, plan.job.answer_schema, prompt_hash=plan.prompt_hash, schema_hash=plan.schema_hash),
        explanation=plan.explanation,
    )


def _span(shard: PlannedShard, past: Sequence[Attempt]) -> ShardSpan:
    """The time line of a shard with the attempts *past*: from its first batch to the end of its last."""
    folder, spec = shard.folder, shard.spec
    attempts = chain(past, shard.fingerprint)
    submitted = folder.submitted(attempts[0].number) if attempts else None
    ended = folder.ended(attempts[-1].number) if attempts else None
    loaded = folder.loaded()
    return ShardSpan(
        shard=spec.number,
        rows=spec.rows,
        lane=_lanes(attempts) or spec.lane,
        attempts=len(past),
        created_at=submitted.created_at if submitted else None,
        ended_at=ended.ended_at if ended else None,
        loaded_at=loaded.loaded_at if loaded else None,
    )


def _lanes(attempts: Sequence[Attempt]) -> str:
    """The lanes a shard was asked in, in order: `batch`, `batch + sync`; `store` where nothing had to be asked."""
    lanes = list(dict.fromkeys(attempt.lane for attempt in attempts))
    return " + ".join(lane for lane in lanes if lane != "store" or lanes == ["store"])
