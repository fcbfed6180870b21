"""What is certain about a run's deadline while it is on: when all is answered if no other batch ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from airflow_provider_claude.core.deadline.at_cutoff import StuckBatches
from airflow_provider_claude.core.deadline.at_risk import Open


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """If no other batch ended, the sync lane would answer all *open_rows* by *done_by*, for about *open_cost* USD, and
    *makeable* of them by *due* (epoch seconds).

    The run waits past the cutoff for the batches of the shards *waiting*: nothing is certain about those. *needs_cancels*: it
    would also wait for a batch that is cancelled at its cutoff and does not end.
    """

    open_rows: int
    open_cost: Decimal
    done_by: float
    due: float
    makeable: int
    waiting: tuple[int, ...] = ()
    needs_cancels: bool = False

    @property
    def is_safe(self) -> bool:
        """Whether the deadline is met even if no other batch ends."""
        return not self.waiting and self.done_by <= self.due

    def sentence(self, clock: Callable[[float], str]) -> str:
        """The outlook in words. *clock* formats an epoch second."""
        due = clock(self.due)
        if self.waiting:
            return (
                f"The run waits past the cutoff for {_batches(self.waiting)}, which cannot be ended: {due} is not safe. "
                f"{self.open_rows:,} rows are open."
            )
        if self.is_safe:
            ends = "ends by itself, and each ends once it is cancelled" if self.needs_cancels else "ends"
            return f"If no other batch {ends}, all rows are answered by {clock(self.done_by)}: {due} is safe."
        return (
            f"If no other batch ends, about {self.makeable:,} of {self.open_rows:,} open rows are answered by {due}, and the "
            f"last by {clock(self.done_by)}: not all will be on time."
        )


def outlook(
    work: Sequence[Open], *, now: float, lead: float, due: float, safe_deadline: float, choice: StuckBatches = "answer"
) -> Outlook:
    """The outlook of a run with the open *work*. *lead*: seconds from abandoning a batch until its rest can be sent. *choice*:
    what the run does about a batch that is cancelled and does not end.

    Batches are waited for as long as the lane can still finish by *safe_deadline*, so it is not done before that moment.
    """
    rows, seconds = sum(one.rows for one in work), sum(one.seconds for one in work)
    in_batches = any(not one.abandoned for one in work)
    ahead = lead if in_batches else 0.0
    earliest = now + ahead + seconds
    left = max(due - now - ahead, 0.0)
    return Outlook(
        open_rows=rows,
        open_cost=sum((one.cost for one in work), Decimal(0)),
        done_by=max(earliest, safe_deadline) if in_batches else earliest,
        due=due,
        makeable=rows if seconds <= left else math.floor(rows * left / seconds),
        waiting=tuple(one.shard for one in work if one.waits),
        needs_cancels=in_batches and choice == "wait",
    )


def _batches(shards: Sequence[int]) -> str:
    names = ", ".join(map(str, shards[:8])) + (f" and {len(shards) - 8:,} more" if len(shards) > 8 else "")
    return f"the batch of shard {names}" if len(shards) == 1 else f"the batches of shards {names}"
