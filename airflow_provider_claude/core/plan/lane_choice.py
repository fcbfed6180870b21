"""Which lane a run takes: the batch (half the price, no promised end) or the sync lane (full price, sure).

If no batch ended, the sync lane would have to begin abandoning them at `first`: deadline − lead − its seconds for all rows.
The longer the wait until then, the more batches end by themselves.

    no deadline                                     batch
    a late batch ends before `first`                batch, with cutoffs
    a usual batch does not end before the deadline  sync, for as many rows as it makes; batches are hoped for
    the lane is done before a usual batch, and
    `first` comes before two usual ones             sync: few rows, due soon
    else                                            batch, with cutoffs. What the lane has to take within half the time
                                                    a usual batch takes, when hardly one ends, goes sync at once: mixed

Wherever the sync lane alone can finish all rows, each of these does, whatever the batches do. The half is measured: with the
whole time, nights of more rows than the lane makes cost 1 % more, and not one more was in time (benchmarks/nights).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from airflow_provider_claude.core.times import duration

Lane = Literal["batch", "sync", "mixed"]

#: How long before the deadline everything should be done, in seconds.
MARGIN_SECONDS = 600.0

#: The share of the account's limits that the sync lane leaves to others.
RESERVE = 0.1


@dataclass(frozen=True, kw_only=True)
class Night:
    """What the choice is made from. Moments are epoch seconds, costs USD by lane (`batch`, `sync`) for all rows.

    *safe_deadline*: the deadline less the margin, None for no deadline. *sync_seconds*: what the sync lane needs for all rows
    at the account's share. *median_seconds*, *late_seconds*: how long a batch usually takes, and a late one. *lead*:
    seconds from abandoning a batch until its rest can be sent.
    """

    rows: int
    sync_seconds: float
    now: float
    safe_deadline: float | None
    median_seconds: float
    late_seconds: float
    lead: float
    cost: Mapping[str, Decimal]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The *lane*, and why in one sentence.

    *sync_rows*: how many rows go to the sync lane from the start. *batch_ends*: when a usual and a late batch end,
    *sync_ends*: when the sync lane would be done with all rows (epoch seconds). *cost*: USD of all rows by lane.
    *makeable*: the rows the sync lane makes by itself, if no batch ended. *hopeless*: no lane can make all, even by luck.
    """

    lane: Lane
    sync_rows: int
    batch_ends: tuple[float, float]
    sync_ends: float
    cost: Mapping[str, Decimal]
    makeable: int
    hopeless: bool
    reason: str


def choose(night: Night, *, clock: Callable[[float], str]) -> Choice:
    """The lane of *night*. *clock* writes an epoch second as people read it."""
    makeable = _makeable(night)
    sync_rows = min(math.ceil(_share(night) * night.rows), makeable)
    hopeless = (
        makeable < night.rows
        and night.safe_deadline is not None
        and night.safe_deadline - night.now < night.median_seconds
    )
    return Choice(
        lane="batch" if not sync_rows else "sync" if sync_rows == night.rows else "mixed",
        sync_rows=sync_rows,
        batch_ends=(night.now + night.median_seconds, night.now + night.late_seconds),
        sync_ends=night.now + night.sync_seconds,
        cost=night.cost,
        makeable=makeable,
        hopeless=hopeless,
        reason=_reason(night, sync_rows, makeable, hopeless=hopeless, clock=clock),
    )


def for_unresolved(
    seconds: float,
    *,
    now: float,
    safe_deadline: float | None,
    late_seconds: float,
    queue_seconds: float,
    lead: float,
) -> Literal["batch", "sync"]:
    """The lane of unresolved rows, which the sync lane needs *seconds* for: a batch if the sync lane can still catch a late one.

    *queue_seconds*: the lane's other work. *safe_deadline*: the deadline less the margin, None for no deadline.
    """
    if safe_deadline is None:
        return "batch"
    return "batch" if now + late_seconds + lead + queue_seconds + seconds <= safe_deadline else "sync"


def _makeable(night: Night) -> int:
    """How many rows the sync lane makes in time by itself."""
    if not night.rows or night.safe_deadline is None or night.now + night.sync_seconds <= night.safe_deadline:
        return night.rows
    return math.floor(night.rows * max(night.safe_deadline - night.now, 0.0) / night.sync_seconds)


def _share(night: Night) -> float:
    """The part of the rows (0 to 1) that the sync lane takes from the start, as far as it makes them."""
    if night.safe_deadline is None or not night.rows:
        return 0.0
    left = night.safe_deadline - night.now
    first = left - night.lead - night.sync_seconds
    if first >= night.late_seconds:
        return 0.0
    few, soon = night.sync_seconds <= night.median_seconds, first < 2 * night.median_seconds
    if left < night.median_seconds or (few and soon):
        return 1.0
    busy = night.median_seconds / 2 - max(first, -night.lead)
    return min(max(busy, 0.0) / night.sync_seconds, 1.0)


def _reason(night: Night, sync_rows: int, makeable: int, *, hopeless: bool, clock: Callable[[float], str]) -> str:
    rows, needs = f"{night.rows:,} rows", f"the sync lane needs {duration(night.sync_seconds)} for all of them"
    usually = f"batches usually take {duration(night.median_seconds)}"
    if night.safe_deadline is None:
        return f"{rows} go by batch: no deadline is set, and a batch costs half."
    due = clock(night.safe_deadline)
    sure = f"is sure of {makeable:,} by {due}"
    if hopeless:
        return f"Not all of {rows} can be made by {due}: {needs} and {sure}, and {usually}."
    if not sync_rows:
        until = clock(night.safe_deadline - night.lead - night.sync_seconds)
        return f"{rows} go by batch: {needs}, so they may be waited for until {until}."
    if sync_rows == night.rows:
        done = clock(night.now + night.sync_seconds)
        return f"{rows} go to the sync lane: it is done by {done}, and a batch may not be by {due}."
    return (
        f"{sync_rows:,} of {rows} go to the sync lane at once and the others by batch: {needs} and cannot begin when batches "
        f"have ended; it {sure}."
    )
