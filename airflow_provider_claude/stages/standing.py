"""Where the shards of a run stand, as the queue of the sync lane; and what follows for one of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airflow_provider_claude.core.batch.attempt import Attempt
from airflow_provider_claude.core.batch.outcomes import Outcome
from airflow_provider_claude.core.plan.cutoff import Drain, LetGo, Switch, WaitOn, switch
from airflow_provider_claude.core.plan.lanes import for_leftovers
from airflow_provider_claude.core.plan.stuck import StuckBatches
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.stages.attempts import LEFT, history
from airflow_provider_claude.store import LetGoRecord, PlanRecord, RunFolder, ShardFolder, ShardSpec, write_new_record

#: How rows end that the sync lane would be asked for.
_OPEN = (Outcome.CANCELED, Outcome.EXPIRED, Outcome.MISSING, Outcome.ERRORED, Outcome.INVALID, Outcome.TRUNCATED)


def queue_of(run: RunFolder, plan: PlanRecord, *, now: float) -> list[Drain]:
    """What the sync lane would have to do if no batch ended any more."""
    seconds = plan.lanes.row_seconds
    found = (_drain(run.shard(spec.shard), spec, seconds, now) for spec in plan.shards)
    return [drain for drain in found if drain is not None]


def _drain(shard: ShardFolder, spec: ShardSpec, row_seconds: float, now: float) -> Drain | None:
    """What of *shard* has no answer yet, and whether it is the sync lane's by now; None where all is done."""
    settled = shard.settled()
    if settled is not None and settled.root == spec.fingerprint:
        return None
    past = [attempt for attempt in history(shard) if attempt.root == spec.fingerprint]
    live = [attempt for attempt in past if not attempt.released]
    given_up = [record for attempt in past if (record := shard.let_go(attempt.number)) is not None]
    rows = _open_rows(shard, spec, live)
    if not rows:
        return None
    in_flight = bool(live) and live[-1].in_flight
    return Drain(
        shard=spec.shard,
        seconds=rows * row_seconds,
        let_go=(not in_flight and (spec.lane == "sync" or bool(live))) or bool(given_up),
        cancelling=max(now - epoch(given_up[-1].at), 0.0) if given_up and in_flight else 0.0,
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
    landed = shard.landed()
    if landed is not None and landed.root == spec.fingerprint and landed.round == latest.round:
        failed = sum(landed.outcomes.get(outcome, 0) for outcome in _OPEN)  # duplicates are among them
        return min(failed, spec.rows - spec.reused)
    if latest.batch_id is None:
        return spec.rows - spec.reused
    ended = shard.ended(latest.number)
    lost = 0 if ended is None else sum(ended.counts.get(name, 0) for name in ("canceled", "expired"))
    return -(-lost * latest.rows // max(latest.requests, 1))


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What the shards of a run that has a deadline are waited for against (epoch seconds, seconds)."""

    run: RunFolder
    plan: PlanRecord
    promised: float
    lead: float

    @classmethod
    def of(cls, run: RunFolder) -> Promise | None:
        """That of *run*, None where nobody waits for its answers."""
        plan = run.need_plan()
        if plan.lanes.promised is None:
            return None
        return cls(run=run, plan=plan, promised=epoch(plan.lanes.promised), lead=plan.lanes.lead_seconds)

    def queue(self, *, now: float) -> list[Drain]:
        return queue_of(self.run, self.plan, now=now)

    @property
    def stuck(self) -> StuckBatches:
        """What is done about a batch that cannot be ended at its cutoff."""
        return self.plan.lanes.stuck

    def step(self, shard: int, *, now: float) -> Switch:
        """Whether *shard* is waited for on."""
        return switch(shard, self.queue(now=now), now=now, promised=self.promised, lead=self.lead)


@dataclass(frozen=True)
class ShardCutoff:
    """The cutoff of a shard, for an attempt that nothing can be sent before."""

    shard: ShardFolder
    clock: Callable[[], str]

    def left(self) -> float:
        """Seconds until it comes: 0 where it has come, infinite where the run has no deadline."""
        promise, now = Promise.of(self.shard.run), epoch(self.clock())
        step = WaitOn(until=math.inf) if promise is None else promise.step(self.shard.shard, now=now)
        return max(step.until - now, 1.0) if isinstance(step, WaitOn) else 0.0

    def answers(self) -> bool:
        """Whether the sync lane answers the rows when it has come, though they may be paid for twice."""
        promise = Promise.of(self.shard.run)
        return promise is not None and promise.stuck == "answer"


def too_late(shard: ShardFolder, clock: Callable[[], str]) -> bool:
    """Whether *shard* would have to be let go at once, were it sent by batch now."""
    promise = Promise.of(shard.run)
    return promise is not None and isinstance(promise.step(shard.shard, now=epoch(clock())), LetGo)


def let_go_of(shard: ShardFolder, batch_id: str) -> LetGoRecord | None:
    """The record of *batch_id* that says that its cutoff has come."""
    records = (shard.let_go(number) for number in shard.attempts())
    return next((record for record in records if record is not None and record.batch_id == batch_id), None)


def waits_past_cutoff(shard: ShardFolder) -> bool:
    """Whether an attempt of *shard* cannot be ended, and is waited for past the cutoff."""
    names = shard.names()
    records = [shard.let_go(number) for number in shard.attempts(names) if f"{number}.letgo.json" in names]
    return any(record is not None and record.waits for record in records)


def is_proven(shard: ShardFolder, batch_id: str) -> bool:
    """Whether *batch_id* is surely this shard's: one that was adopted is, once its results have proven it."""
    records = (shard.submitted(number) for number in shard.attempts())
    return not any(record is not None and record.batch_id == batch_id and record.adopted for record in records)


def let_go(shard: ShardFolder, batch_id: str, *, now: str, waits: bool = False) -> None:
    """Put on record that the cutoff of *batch_id* has come, before it is cancelled. *waits*: it is not."""
    for attempt in history(shard):
        if attempt.batch_id == batch_id:
            record = LetGoRecord(attempt=attempt.number, batch_id=batch_id, at=now, waits=waits)
            write_new_record(shard.file(f"{attempt.number}.letgo.json"), record)


def leave(shard: ShardFolder, batch_id: str, *, now: str) -> None:
    """Put on record that *batch_id* is waited for no longer: its rows are asked again, and it may be paid for."""
    let_go(shard, batch_id, now=now)
    why = "was cancelled, and did not end" if is_proven(shard, batch_id) else "was not proven to be this shard's"
    for attempt in history(shard):
        if attempt.batch_id == batch_id:
            shard.release(attempt.number, batch_id, f"{LEFT}: batch {batch_id} {why}", now)


def leftovers_lane(shard: ShardFolder, plan: PlanRecord, rows: int, *, now: float) -> str:
    """The lane for *rows* leftovers of a shard whose batch has ended by itself."""
    lanes = plan.lanes
    if lanes.promised is None:
        return "batch"
    others = [one.seconds for one in queue_of(shard.run, plan, now=now) if one.shard != shard.shard]
    return for_leftovers(
        rows * lanes.row_seconds,
        now=now,
        promised=epoch(lanes.promised),
        late_seconds=lanes.late_seconds,
        queue_seconds=sum(others),
        lead=lanes.lead_seconds,
    )
