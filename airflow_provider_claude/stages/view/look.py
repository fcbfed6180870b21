"""A run folder as the value that the page shows: one listing, and the records that have changed since the last look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import takewhile
from typing import TYPE_CHECKING

from airflow_provider_claude.core.consistency.job_changes import differing
from airflow_provider_claude.core.deadline.cutoff import ShardBacklog, slot
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.core.report.timeline import MAX_BARS
from airflow_provider_claude.core.submit.attempt import Attempt, chain
from airflow_provider_claude.core.times import clock_in, epoch
from airflow_provider_claude.core.view.outlook import Outlook, outlook
from airflow_provider_claude.core.view.run_view import Planned, RunView, Scanned
from airflow_provider_claude.core.view.shards import ShardView, reported_shard, stage_of
from airflow_provider_claude.stages.deadline.record_at_risk import open_work
from airflow_provider_claude.stages.deadline.shard_cutoff import RunDeadline
from airflow_provider_claude.stages.scan.release_rows import acts
from airflow_provider_claude.store import (
    ChangeRecord,
    LoadedRecord,
    PlanRecord,
    RunFolder,
    ScanRecord,
    SettledRecord,
    is_local,
)
from airflow_provider_claude.store.planned_shard import PlannedShard, planned_shards
from airflow_provider_claude.store.shard_records import records_of_shards
from airflow_provider_claude.store.snapshot import Snapshot, StampedCache, record_cache

if TYPE_CHECKING:
    from upath import UPath

#: The records of this process, and what was made of them, shared by all runs that are looked at.
_RECORDS, _SHARDS = record_cache(), StampedCache[ShardView](most=5_000)


def began(run: RunFolder, dag_id: str, run_id: str) -> float | None:
    """When the run *run_id* of *dag_id* became active in the run folder *run*, the last time (epoch seconds); None where it
    never was, or a run of another DAG has been since: who may read this DAG may not read what that one has left. What is older is
    an earlier run's.
    """
    past = run.actives.all()
    mine = [one for one in past if (one.run.dag_id, one.run.run_id) == (dag_id, run_id)]
    return epoch(mine[-1].since) if mine and past[-1].run.dag_id == dag_id else None


def own_since(run: RunFolder, dag_id: str, run_id: str) -> float | None:
    """From when on the run folder *run* has been used by runs of *dag_id* alone (epoch seconds), 0 where always; None as in
    `began`. What is older may be what a run of another DAG has left.
    """
    if began(run, dag_id, run_id) is None:
        return None
    past = run.actives.all()
    own = list(takewhile(lambda one: one.run.dag_id == dag_id, reversed(past)))
    if not own:
        return None
    return 0.0 if len(own) == len(past) else epoch(own[-1].since)


def has_own_scan(run: RunFolder, since: float) -> bool:
    """Whether the scan of *run*, or the plan that was made from it, is not older than *since* (epoch seconds)."""
    scan, plan = run.scan(), run.plan()
    if scan is None:
        return False
    planned = plan is not None and plan.scanned_at == scan.finished_at and epoch(plan.created_at) >= since
    return planned or epoch(scan.finished_at) >= since


def has_own_report(run: RunFolder, since: float) -> bool:
    """Whether the report of *run* is not older than *since* (epoch seconds)."""
    report = run.reader.read(run.file("report.json"), Summary)
    return report is not None and epoch(report.created_at) >= since


def report_of(path: UPath, dag_id: str, run_id: str) -> Summary | None:
    """The report of that run in the run folder *path*; None where it has none, or another run uses the folder since.

    Raises StateError where a record cannot be read.
    """
    run = RunFolder(path)
    since, plan = began(run, dag_id, run_id), run.plan()
    if since is None or plan is None or _taken_over(run, dag_id, run_id) is not None:
        return None
    return _report(run, plan, since)


def look(path: UPath, *, now: float, dag_id: str, run_id: str) -> RunView | None:
    """The run in the folder *path* at *now* (epoch seconds), looked at for the Airflow run *run_id* of *dag_id*; None where the
    folder has no record of that run. What an earlier run has left in the folder is not shown for a step of this one.

    Raises StateError where a record cannot be read, and the store's own error where it does not answer.
    """
    snapshot = Snapshot(path, _RECORDS)
    run = RunFolder(path, snapshot)
    since = began(run, dag_id, run_id)
    if since is None:
        return None
    view = RunView(folder=str(path), now=now, taken_over=_taken_over(run, dag_id, run_id))
    scan, plan = run.scan(), run.plan()
    if plan is not None and (scan is None or plan.scanned_at != scan.finished_at):
        plan = None
    report = _report(run, plan, since) if plan is not None else None
    if plan is not None and report is None and epoch(plan.created_at) < since:
        plan = None
    if scan is None or (plan is None and epoch(scan.finished_at) < since):
        return view
    view = replace(view, scanned=_scanned(scan), report=report, releases=acts(run))
    return view if plan is None else _with_shards(replace(view, planned=_planned(plan)), run, plan, snapshot)


def _with_shards(view: RunView, run: RunFolder, plan: PlanRecord, snapshot: Snapshot) -> RunView:
    risk, deadline = run.at_risk(), RunDeadline.of(run)
    view = replace(
        view,
        shards=_shards(view, run, plan, snapshot),
        at_risk=risk.at_risk.sentences(clock_in(plan.zone)) if risk is not None else None,
    )
    if view.report is not None or deadline is None or plan.held:
        return view
    queue = deadline.queue(now=view.now)
    return replace(view, outlook=_outlook(deadline, queue, view.now), cutoffs=_cutoffs(deadline, queue, view.now))


def _shards(view: RunView, run: RunFolder, plan: PlanRecord, snapshot: Snapshot) -> tuple[ShardView, ...]:
    """The shards of the plan. On an object store, where each record is a round trip, the report is enough once it is there."""
    local = is_local(run.path)
    if view.report is not None and not local:
        counts = {count.shard: count for count in view.report.ledger.shards}
        return tuple(reported_shard(span, counts[span.shard]) for span in view.report.shards if span.shard in counts)
    if not local:
        snapshot.read_ahead(records_of_shards(snapshot))
    return tuple(_kept(shard, snapshot) for shard in planned_shards(run, plan))


def _kept(shard: PlannedShard, snapshot: Snapshot) -> ShardView:
    """The shard as it was at an earlier look, where none of its files has changed since."""
    key, stamp = f"{shard.folder} {shard.fingerprint}", snapshot.stamp(f"shards/{shard.folder.path.name}")
    known = _SHARDS.get(key, stamp)
    if known is None:
        known = _shard(shard)
        _SHARDS.keep(key, stamp, known)
    return known


def _shard(shard: PlannedShard) -> ShardView:
    past = shard.attempts()
    rounds, loaded, settled = chain(past, shard.fingerprint), shard.loaded(), shard.folder.settled()
    first = shard.folder.submitted(rounds[0].number) if rounds else None
    ended = shard.folder.ended(rounds[-1].number) if rounds else None
    outcomes = dict(loaded.outcomes) if loaded else {}
    latest = past[-1] if past else None
    return ShardView(
        number=shard.number,
        rows=shard.spec.rows,
        lane=shard.spec.lane,
        stage=stage_of(
            past,
            loaded_round=loaded.round if loaded else None,
            done=_is_done(shard, settled, loaded),
            ended=ended is not None,
        ),
        attempts=len(past),
        round=latest.round if latest else 0,
        batch_id=next((one.batch_id for one in reversed(past) if one.batch_id), None),
        created_at=first.created_at if first else None,
        ended_at=ended.ended_at if ended else None,
        loaded_at=loaded.loaded_at if loaded else None,
        abandoned=_is_abandoned(shard, past),
        outcomes=outcomes,
        cost=Decimal(loaded.cost_usd) if loaded else Decimal(0),
        rate_limited=_rate_limited(shard, past),
    )


def _rate_limited(shard: PlannedShard, past: Sequence[Attempt]) -> int:
    lane = [attempt.number for attempt in past if attempt.lane == "sync"]
    return sum(lease.rate_limited for number in lane for lease in shard.folder.leases(number).all())


def _is_done(shard: PlannedShard, settled: SettledRecord | None, loaded: LoadedRecord | None) -> bool:
    """Whether nothing more is asked: it is settled, or every row of it is answered."""
    if settled is not None and settled.shard_fingerprint == shard.fingerprint:
        return True
    return loaded is not None and set(loaded.outcomes) <= {Outcome.SUCCEEDED}


def _is_abandoned(shard: PlannedShard, past: Sequence[Attempt]) -> bool:
    return any(shard.folder.abandoned(attempt.number) is not None for attempt in past)


def _outlook(deadline: RunDeadline, queue: Sequence[ShardBacklog], now: float) -> Outlook | None:
    """What is certain about the deadline of the run; None where it has none of its own."""
    due = deadline.plan.due
    if due is None:
        return None
    work = list(open_work(deadline, queue))
    safe, choice = deadline.safe_deadline, deadline.stuck
    return outlook(work, now=now, lead=deadline.lead, due=due, safe_deadline=safe, choice=choice)


def _cutoffs(deadline: RunDeadline, queue: Sequence[ShardBacklog], now: float) -> dict[int, float]:
    """Until when the next open batches are waited for; of more than are drawn, none."""
    waiting = [one.number for one in queue if not one.abandoned][:MAX_BARS]
    lead, safe = deadline.lead, deadline.safe_deadline
    slots = {number: slot(number, queue, now=now, safe_deadline=safe, lead=lead) - lead for number in waiting}
    return {number: at for number, at in slots.items() if at > now}


def _scanned(scan: ScanRecord) -> Scanned:
    return Scanned(
        source=scan.source,
        rows=scan.rows,
        items=scan.items,
        duplicates=scan.duplicates,
        aside=scan.by_reason,
        lost=scan.lost,
        uncounted=scan.uncounted,
        notes=scan.origin.notes(),
        unreadable=scan.unreadable,
        examples=scan.examples,
    )


def _planned(plan: PlanRecord) -> Planned:
    lane = "batch" if any(spec.lane == "batch" for spec in plan.shards) else "sync"
    estimate = plan.estimate.usd(lane)
    return Planned(
        at=plan.created_at,
        model=plan.job.model,
        partition=plan.partition,
        zone=plan.zone,
        due=plan.due,
        safe_deadline=plan.lanes.due,
        estimate=None if estimate is None else estimate + Decimal(plan.probes_usd),
        budget=None if plan.budget is None else Decimal(plan.budget.usd),
        budget_scope=plan.budget.scope if plan.budget else "",
        explanation=plan.explanation,
        warnings=plan.warnings,
        held=_held(plan.change) if plan.change is not None and plan.change.held else "",
    )


def _held(change: ChangeRecord) -> str:
    return (
        f"{differing(change.parts)} from the accepted job: only a sample is asked, and nothing is published until a person "
        "accepts the change. The report will say what changed."
    )


def _report(run: RunFolder, plan: PlanRecord, since: float) -> Summary | None:
    """The report, None where there is none since *plan* was made, and since its run began."""
    report = run.reader.read(run.file("report.json"), Summary)
    return report if report is not None and epoch(report.created_at) >= max(epoch(plan.created_at), since) else None


def _taken_over(run: RunFolder, dag_id: str, run_id: str) -> str | None:
    """The run that uses the folder now, where that is another one."""
    _, latest = run.actives.latest()
    same = latest is None or (latest.run.dag_id, latest.run.run_id) == (dag_id, run_id)
    return None if latest is None or same else f"{latest.run.run_id} of {latest.run.dag_id}"
