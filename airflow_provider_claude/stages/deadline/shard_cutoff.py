"""Until when a shard waits for its batch: the cutoff of an attempt."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_claude.core.deadline.at_cutoff import StuckBatches
from airflow_provider_claude.core.deadline.cutoff import Abandon, ShardBacklog, Switch, WaitOn, switch
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.stages.deadline.backlog import queue_of
from airflow_provider_claude.store import PlanRecord, RunFolder, ShardFolder


@dataclass(frozen=True, kw_only=True)
class RunDeadline:
    """The times that decide how long the shards of a run with a deadline may wait (epoch seconds, seconds)."""

    run: RunFolder
    plan: PlanRecord
    safe_deadline: float
    lead: float

    @classmethod
    def of(cls, run: RunFolder) -> RunDeadline | None:
        """That of *run*, None without a deadline."""
        plan = run.need_plan()
        if plan.lanes.due is None:
            return None
        return cls(run=run, plan=plan, safe_deadline=plan.lanes.due, lead=plan.lanes.lead_seconds)

    def queue(self, *, now: float) -> list[ShardBacklog]:
        return queue_of(self.run, self.plan, now=now)

    @property
    def stuck(self) -> StuckBatches:
        """What to do about a batch that cannot be ended at its cutoff."""
        return self.plan.lanes.stuck

    def step(self, number: int, *, now: float) -> Switch:
        """Whether to keep waiting for shard *number*."""
        return switch(number, self.queue(now=now), now=now, safe_deadline=self.safe_deadline, lead=self.lead)


@dataclass(frozen=True)
class ShardCutoff:
    """The cutoff of a shard, for an attempt that blocks it."""

    shard: ShardFolder
    clock: Callable[[], str]

    def left(self) -> float:
        """Seconds until it comes: 0 where it has come, infinite where the run has no deadline."""
        run_deadline, now = RunDeadline.of(self.shard.run), epoch(self.clock())
        step = WaitOn(until=math.inf) if run_deadline is None else run_deadline.step(self.shard.number, now=now)
        return max(step.until - now, 1.0) if isinstance(step, WaitOn) else 0.0

    def answers(self) -> bool:
        """Whether the sync lane answers the rows at the cutoff, although they may be paid for twice."""
        run_deadline = RunDeadline.of(self.shard.run)
        return run_deadline is not None and run_deadline.stuck == "answer"


def too_late(shard: ShardFolder, clock: Callable[[], str]) -> bool:
    """Whether a batch of *shard*, sent now, would have to be abandoned at once."""
    run_deadline = RunDeadline.of(shard.run)
    return run_deadline is not None and isinstance(run_deadline.step(shard.number, now=epoch(clock())), Abandon)
