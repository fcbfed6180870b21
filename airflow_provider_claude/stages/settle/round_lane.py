"""The lane that asks unresolved rows again, and which of them it asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_claude.core.plan.cut_shards import TRIAL_SHARD
from airflow_provider_claude.core.submit.attempt import Attempt
from airflow_provider_claude.stages.deadline.backlog import unresolved_lane
from airflow_provider_claude.stages.submit.refused import are_refused
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.stages.sync.order import urgent_items
from airflow_provider_claude.store import LoadedRecord
from airflow_provider_claude.store.planned_shard import PlannedShard


@dataclass(frozen=True, kw_only=True)
class RoundLane:
    """What decides the lane of the next round: the *rounds* of *shard* so far, how they were *loaded*, and the time *now* in
    epoch seconds. *lane_factory*: the way to the sync lane; None leaves it out.
    """

    shard: PlannedShard
    loaded: LoadedRecord
    rounds: Sequence[Attempt]
    lane_factory: LaneFactory | None
    now: float

    def share(self, again: dict[int, int]) -> tuple[str, dict[int, int]]:
        """The lane of the next round, and which of the rows *again* it asks: urgent rows do not go back to a batch."""
        lane = self._lane(len(again))
        if lane == "sync" or not self._shed():
            return lane, again
        urgent = urgent_items(self.shard)
        first = {ordinal: limit for ordinal, limit in again.items() if ordinal in urgent}
        return ("sync", first) if first and not self._withheld() else (lane, again)

    def _lane(self, rows: int) -> str:
        """The lane that asks *rows* unresolved rows."""
        if self.lane_factory is None:
            return "batch"
        if are_refused(self.shard.run):
            return "sync"
        if self._shed():
            return unresolved_lane(self.shard, rows, now=self.now)
        spec = self.shard.spec
        if self.shard.plan.lanes.lane == "sync" or (spec.lane == "sync" and spec.number != TRIAL_SHARD):
            return "sync"
        if any(self.shard.folder.abandoned(attempt.number) for attempt in self.shard.attempts()):
            return "sync"
        return unresolved_lane(self.shard, rows, now=self.now)

    def _shed(self) -> bool:
        """Whether the sync lane has left rows to a batch."""
        left = self.lane_factory is not None and self.lane_factory.shed and self.loaded.outcomes.get("missing")
        return bool(left) and any(attempt.lane == "sync" for attempt in self.rounds)

    def _withheld(self) -> bool:
        """Whether the budget did not cover all rows of the last round."""
        intent = self.shard.folder.intent(self.rounds[-1].number) if self.rounds else None
        return intent is not None and intent.withheld > 0
