"""The open shards of a run, as the queue of the sync lane; and what follows for one of them."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_claude.core.deadline.cutoff import ShardBacklog
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.plan.lane_choice import for_unresolved
from airflow_provider_claude.core.submit.attempt import Attempt
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.store import PlanRecord, RunFolder, ShardFolder
from airflow_provider_claude.store.planned_shard import PlannedShard, planned_shards

#: How rows end that the sync lane would be asked for.
_OPEN = (Outcome.CANCELED, Outcome.EXPIRED, Outcome.MISSING, Outcome.ERRORED, Outcome.INVALID, Outcome.TRUNCATED)


def queue_of(run: RunFolder, plan: PlanRecord, *, now: float) -> list[ShardBacklog]:
    """The sync lane's work if no other batch ended."""
    found = (_shard_backlog(shard, now) for shard in planned_shards(run, plan))
    return [shard_backlog for shard_backlog in found if shard_backlog is not None]


def _shard_backlog(shard: PlannedShard, now: float) -> ShardBacklog | None:
    """The rows of *shard* without an answer, and whether the sync lane has them now; None if there are none."""
    settled = shard.folder.settled()
    if settled is not None and settled.shard_fingerprint == shard.fingerprint:
        return None
    past = shard.attempts()
    live = [attempt for attempt in past if not attempt.voided]
    abandoned = [record for attempt in past if (record := shard.folder.abandoned(attempt.number)) is not None]
    rows = _open_rows(shard, live)
    if not rows:
        return None
    in_flight = bool(live) and live[-1].in_flight
    return ShardBacklog(
        number=shard.number,
        seconds=rows * shard.plan.lanes.row_seconds,
        abandoned=(not in_flight and (shard.spec.lane == "sync" or bool(live))) or bool(abandoned),
        cancelling=max(now - epoch(abandoned[-1].at), 0.0) if abandoned and in_flight else 0.0,
    )


def _open_rows(shard: PlannedShard, live: Sequence[Attempt]) -> int:
    if not live:
        return shard.spec.rows - shard.spec.reused
    latest = live[-1]
    if latest.open:
        return latest.rows - _done(shard.folder, latest) * latest.rows // max(latest.requests, 1)
    return latest.rows if latest.in_flight else _left(shard, latest)


def _done(shard: ShardFolder, attempt: Attempt) -> int:
    _, latest = shard.leases(attempt.number).latest()
    return latest.done if latest else 0


def _left(shard: PlannedShard, latest: Attempt) -> int:
    """The rows that the latest attempt, which has ended, left unanswered."""
    loaded = shard.loaded()
    if loaded is not None and loaded.round == latest.round:
        failed = sum(loaded.outcomes.get(outcome, 0) for outcome in _OPEN)  # duplicates are among them
        return min(failed, shard.spec.rows - shard.spec.reused)
    if latest.batch_id is None:
        return shard.spec.rows - shard.spec.reused
    ended = shard.folder.ended(latest.number)
    lost = 0 if ended is None else sum(ended.counts.get(name, 0) for name in ("canceled", "expired"))
    return -(-lost * latest.rows // max(latest.requests, 1))


def unresolved_lane(shard: PlannedShard, rows: int, *, now: float) -> str:
    """The lane for *rows* unresolved rows of a shard whose batch has ended by itself."""
    lanes = shard.plan.lanes
    if lanes.due is None:
        return "batch"
    others = [one.seconds for one in queue_of(shard.run, shard.plan, now=now) if one.number != shard.number]
    return for_unresolved(
        rows * lanes.row_seconds,
        now=now,
        safe_deadline=lanes.due,
        late_seconds=lanes.late_seconds,
        queue_seconds=sum(others),
        lead=lanes.lead_seconds,
    )
