"""Where the shards of a run stand, as the queue of the sync lane; and what follows for one of them."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_claude.core.deadline.cutoff_times import ShardBacklog
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.plan.lane_choice import for_unresolved
from airflow_provider_claude.core.submit.attempt import Attempt
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.store import PlanRecord, RunFolder, ShardFolder, ShardSpec
from airflow_provider_claude.store.attempts import history

#: How rows end that the sync lane would be asked for.
_OPEN = (Outcome.CANCELED, Outcome.EXPIRED, Outcome.MISSING, Outcome.ERRORED, Outcome.INVALID, Outcome.TRUNCATED)


def queue_of(run: RunFolder, plan: PlanRecord, *, now: float) -> list[ShardBacklog]:
    """What the sync lane would have to do if no batch ended any more."""
    seconds = plan.lanes.row_seconds
    found = (_shard_backlog(run.shard(spec.shard), spec, seconds, now) for spec in plan.shards)
    return [shard_backlog for shard_backlog in found if shard_backlog is not None]


def _shard_backlog(shard: ShardFolder, spec: ShardSpec, row_seconds: float, now: float) -> ShardBacklog | None:
    """What of *shard* has no answer yet, and whether it is the sync lane's by now; None where all is done."""
    settled = shard.settled()
    if settled is not None and settled.shard_fingerprint == spec.fingerprint:
        return None
    past = [attempt for attempt in history(shard) if attempt.shard_fingerprint == spec.fingerprint]
    live = [attempt for attempt in past if not attempt.voided]
    abandoned = [record for attempt in past if (record := shard.abandoned(attempt.number)) is not None]
    rows = _open_rows(shard, spec, live)
    if not rows:
        return None
    in_flight = bool(live) and live[-1].in_flight
    return ShardBacklog(
        shard=spec.shard,
        seconds=rows * row_seconds,
        abandoned=(not in_flight and (spec.lane == "sync" or bool(live))) or bool(abandoned),
        cancelling=max(now - epoch(abandoned[-1].at), 0.0) if abandoned and in_flight else 0.0,
    )


def _open_rows(shard: ShardFolder, spec: ShardSpec, live: Sequence[Attempt]) -> int:
    if not live:
        return spec.rows - spec.reused
    latest = live[-1]
    if latest.open:
        return latest.rows - _done(shard, latest) * latest.rows // max(latest.requests, 1)
    return latest.rows if latest.in_flight else _left(shard, spec, latest)


def _done(shard: ShardFolder, attempt: Attempt) -> int:
    _, latest = shard.leases(attempt.number).latest()
    return latest.done if latest else 0


def _left(shard: ShardFolder, spec: ShardSpec, latest: Attempt) -> int:
    """What the latest attempt, which has ended, left open."""
    loaded = shard.loaded()
    if loaded is not None and loaded.shard_fingerprint == spec.fingerprint and loaded.round == latest.round:
        failed = sum(loaded.outcomes.get(outcome, 0) for outcome in _OPEN)  # duplicates are among them
        return min(failed, spec.rows - spec.reused)
    if latest.batch_id is None:
        return spec.rows - spec.reused
    ended = shard.ended(latest.number)
    lost = 0 if ended is None else sum(ended.counts.get(name, 0) for name in ("canceled", "expired"))
    return -(-lost * latest.rows // max(latest.requests, 1))


def unresolved_lane(shard: ShardFolder, plan: PlanRecord, rows: int, *, now: float) -> str:
    """The lane for *rows* leftovers of a shard whose batch has ended by itself."""
    lanes = plan.lanes
    if lanes.due is None:
        return "batch"
    others = [one.seconds for one in queue_of(shard.run, plan, now=now) if one.shard != shard.shard]
    return for_unresolved(
        rows * lanes.row_seconds,
        now=now,
        safe_deadline=lanes.due,
        late_seconds=lanes.late_seconds,
        queue_seconds=sum(others),
        lead=lanes.lead_seconds,
    )
