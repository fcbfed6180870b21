"""What the alert says about a run's deadline once a batch was abandoned at its cutoff."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from airflow_provider_claude.core.cost.estimate import usd
from airflow_provider_claude.core.deadline.at_cutoff import StuckBatches


@dataclass(frozen=True, kw_only=True)
class Open:
    """What has no answer yet of *shard*: *rows* at most, which the sync lane needs *seconds* and *cost* USD for.

    *abandoned*: the sync lane has it now. *planned*: the sync lane had it from the start, and no batch was abandoned.
    *waits*: its batch cannot be ended, and the run waits for it past the cutoff.
    """

    shard: int
    rows: int
    seconds: float
    cost: Decimal
    abandoned: bool
    planned: bool = False
    waits: bool = False


@dataclass(frozen=True, kw_only=True)
class AtRisk:
    """The batches of *shards* were abandoned; at most *rows* of their rows go to the sync lane, for about *cost* USD.

    If no other batch ended, the lane would answer all *open_rows* for about *open_cost* USD by *done_by*, and *makeable*
    of them by *due* (epoch seconds). The batches of the shards *waiting* cannot be ended, so the run waits for them.
    *choice* is what is done about a batch that is cancelled and does not end.
    """

    shards: tuple[int, ...]
    rows: int
    cost: Decimal
    open_rows: int
    open_cost: Decimal
    done_by: float
    due: float
    makeable: int
    waiting: tuple[int, ...] = ()
    choice: StuckBatches = "answer"

    @property
    def makes_it(self) -> bool:
        """Whether the deadline is met even if no other batch ends."""
        return self.done_by <= self.due

    def sentences(self, clock: Callable[[float], str]) -> str:
        """The alert as sentences. *clock* formats an epoch second."""
        said = (self._abandoned() if self.shards or not self.waiting else "", self._waiting(), self._outlook(clock))
        return " ".join(filter(None, said))

    def _waiting(self) -> str:
        """What is said of the batches that are waited for."""
        if not self.waiting:
            return ""
        names = ", ".join(map(str, self.waiting))
        who = f"The batch of shard {names}" if len(self.waiting) == 1 else f"The batches of shards {names}"
        return f"{who} cannot be ended, and the run waits past the cutoff: stuck_batches is 'wait'."

    def _abandoned(self) -> str:
        names = ", ".join(map(str, self.shards))
        if not names:
            return "A batch was left at the cutoff."
        who = f"Shard {names} was" if len(self.shards) == 1 else f"Shards {names} were"
        rows = f"up to {self.rows:,} rows go to the sync lane, for about {usd(self.cost)}"
        if self.choice == "answer":
            return f"{who} abandoned at the cutoff: {rows}."
        return (
            f"{who} abandoned at the cutoff, and the cancel is on its way: when it has ended, {rows}. If "
            "the cancel has no effect, the run waits for the batch, past the deadline: stuck_batches is 'wait'."
        )

    def _outlook(self, clock: Callable[[float], str]) -> str:
        if self.makes_it:
            return (
                f"If no other batch ends, all {self.open_rows:,} open rows are answered by {clock(self.done_by)}, for about "
                f"{usd(self.open_cost)}: the deadline {clock(self.due)} can still be met."
            )
        return (
            f"If no other batch ends, the sync lane answers about {self.makeable:,} of {self.open_rows:,} open rows by "
            f"{clock(self.due)}, and the last by {clock(self.done_by)}: not all will be on time."
        )


def assess_risk(
    work: Sequence[Open], *, now: float, lead: float, due: float, choice: StuckBatches = "answer"
) -> AtRisk:
    """The alert for a run with the open *work*. *lead*: seconds from abandoning a batch until its rest can be sent.
    *choice*: what the run does about a batch that is cancelled and does not end.
    """
    abandoned = [one for one in work if one.abandoned and not one.planned and not one.waits]
    rows, seconds = sum(one.rows for one in work), sum(one.seconds for one in work)
    left = max(due - now - lead, 0.0)
    return AtRisk(
        shards=tuple(one.shard for one in abandoned),
        rows=sum(one.rows for one in abandoned),
        cost=sum((one.cost for one in abandoned), Decimal(0)),
        open_rows=rows,
        open_cost=sum((one.cost for one in work), Decimal(0)),
        done_by=now + lead + seconds,
        due=due,
        makeable=rows if seconds <= left else math.floor(rows * left / seconds),
        waiting=tuple(one.shard for one in work if one.waits),
        choice=choice,
    )
