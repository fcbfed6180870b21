"""The first batch that a run abandons at its cutoff puts the deadline at risk: recorded, and reported once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pendulum

from airflow_provider_claude.core.cost.estimate import estimate
from airflow_provider_claude.core.deadline.at_risk import AtRisk, Open, assess_risk
from airflow_provider_claude.core.deadline.cutoff import ShardBacklog
from airflow_provider_claude.core.requests.request_bytes import ENTRY_BYTES
from airflow_provider_claude.core.requests.request_params import MARKER_BYTES
from airflow_provider_claude.stages.deadline.abandon import waits_past_cutoff
from airflow_provider_claude.stages.deadline.shard_cutoff import RunDeadline
from airflow_provider_claude.store import AtRiskRecord, RunFolder, write_new_record


def first_at_risk(run: RunFolder, *, now: float) -> AtRisk | None:
    """The alert for *run* (*now*: epoch seconds), which has abandoned a batch.

    None if it was reported before, if there is no deadline, or if all is answered; and for a probe, whose rows are dropped. Of
    several tasks at once, one gets it.
    """
    if run.is_probe:
        return None
    run_deadline = RunDeadline.of(run)
    due = None if run_deadline is None else run_deadline.plan.due
    if run_deadline is None or due is None or run.at_risk() is not None:
        return None
    work = list(open_work(run_deadline, run_deadline.queue(now=now)))
    if not work:
        return None
    at_risk = assess_risk(work, now=now, lead=run_deadline.lead, due=due, choice=run_deadline.stuck)
    record = AtRiskRecord(at=pendulum.from_timestamp(now).isoformat(), at_risk=at_risk)
    return at_risk if write_new_record(run.file("at_risk.json"), record) else None


def open_work(run_deadline: RunDeadline, queue: Sequence[ShardBacklog]) -> Iterator[Open]:
    """The rows without an answer, one entry per shard of *queue*."""
    lanes = run_deadline.plan.lanes
    price = run_deadline.plan.price
    for shard_backlog in queue:
        spec = run_deadline.plan.shard(shard_backlog.number)
        rows = round(shard_backlog.seconds / lanes.row_seconds) if lanes.row_seconds else 0
        in_results = run_deadline.plan.in_results_of(rows)
        size = max(spec.bytes - spec.rows * (ENTRY_BYTES + MARKER_BYTES), 0) * rows // max(spec.rows, 1)
        yield Open(
            shard=shard_backlog.number,
            rows=rows,
            seconds=shard_backlog.seconds,
            cost=estimate(rows, size, lanes.tokens, price, in_results=in_results).cost["sync"],
            abandoned=shard_backlog.abandoned,
            planned=spec.lane == "sync",
            waits=waits_past_cutoff(run_deadline.run.shard(shard_backlog.number)),
        )
