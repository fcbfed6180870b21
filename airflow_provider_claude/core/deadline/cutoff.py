"""Until when a shard may be waited for, so that the sync lane can still finish it and all that come after it.

The sync lane is one queue. In front of shard k are the rows of abandoned batches that are not answered yet, and the
shards before it whose batches may still be abandoned; behind it are the shards after it. Its slot in that queue begins

    slot(k) = max(now + what is in front of k − lead,  due − margin − backlog of k and of all open shards behind it)

and its batch is abandoned `lead` before, the time a cancel takes. The second moment is the last at which the lane can still
finish k and everything behind it; the first is when the lane is free for k at all: abandoning earlier would only pay the full
price for a batch that may yet end by itself. A shard that ends leaves the queue, and every slot behind it moves back by as
much. Where the lane cannot finish all of them, the second moment has passed for the first ones, and their batches are abandoned
one after the other as the lane gets free: it is never idle while it is short, and never has more than it can do.

Cancels may be slow. One of up to twice the lead makes the lane late by what it took too long, once: the lead is subtracted
from what is in front, so that there is still work for as long as the next cancel may take. (Without that, every slow
cancel left the lane idle, and a night of a hundred was late by the sum.) One that takes longer holds up its own shard
only: it no longer counts as in front of other shards. Nor does what was abandoned while the lane makes no progress (see
`has_moved`): if its tasks have failed, because the account has no credit, every shard would wait until the batches expire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: A shard in the queue is looked at again after this many seconds: one in front of it may have ended by itself.
LOOK_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class ShardBacklog:
    """How many *seconds* the sync lane needs for what is not answered of shard *number*; *abandoned*: its batch was abandoned.

    *cancelling*: for how many seconds that batch has been asked to end and has not, 0 when it has ended.
    """

    number: int
    seconds: float
    abandoned: bool = False
    cancelling: float = 0.0


@dataclass(frozen=True, kw_only=True)
class WaitOn:
    """Wait for the batch, and decide again at *until* (epoch seconds)."""

    until: float


@dataclass(frozen=True, kw_only=True)
class Abandon:
    """Cancel the batch: what it has not answered when it ends goes to the sync lane."""


Switch = WaitOn | Abandon


def slot(number: int, queue: Sequence[ShardBacklog], *, now: float, safe_deadline: float, lead: float) -> float:
    """When the sync lane has to begin with shard *number* (epoch seconds). *safe_deadline*: the deadline less the margin."""
    ahead = sum(one.seconds for one in queue if _is_ahead(one, number, lead))
    return max(now + ahead - lead, last_moment(number, queue, safe_deadline=safe_deadline))


def last_moment(number: int, queue: Sequence[ShardBacklog], *, safe_deadline: float) -> float:
    """The last moment (epoch seconds) at which the lane can begin with shard *number* and still finish all behind it."""
    return safe_deadline - sum(one.seconds for one in queue if not one.abandoned and one.number >= number)


def switch(number: int, queue: Sequence[ShardBacklog], *, now: float, safe_deadline: float, lead: float) -> Switch:
    """Whether to keep waiting for shard *number*. *lead*: seconds from abandoning a batch until its rest can be sent."""
    at = slot(number, queue, now=now, safe_deadline=safe_deadline, lead=lead) - lead
    if now >= at:
        return Abandon()
    last = last_moment(number, queue, safe_deadline=safe_deadline) - lead
    return WaitOn(until=at if at <= last else min(at, max(last, now + LOOK_SECONDS)))


def overdue(number: int, queue: Sequence[ShardBacklog], *, now: float, safe_deadline: float, lead: float) -> int | None:
    """The shard in front of shard *number* whose batch has to be abandoned now, or None.

    If that takes minutes, its task has failed, and no other waits for it. It must not hold up the others.
    """
    first = min((one.number for one in queue if not one.abandoned and one.number < number), default=None)
    if first is None or isinstance(switch(first, queue, now=now, safe_deadline=safe_deadline, lead=lead), WaitOn):
        return None
    return first


def has_moved(before: Sequence[ShardBacklog], queue: Sequence[ShardBacklog]) -> bool:
    """Whether the lane has answered abandoned rows since the queue was *before*, or has more of them to answer."""
    then = {one.number: one.seconds for one in before if one.abandoned}
    left = {one.number: one.seconds for one in queue if one.abandoned}
    return not left.keys() <= then.keys() or any(left.get(shard, 0.0) < seconds for shard, seconds in then.items())


def makes_it(queue: Sequence[ShardBacklog], *, now: float, safe_deadline: float) -> bool:
    """Whether the sync lane could answer everything that is open, if no batch ended any more."""
    return now + sum(one.seconds for one in queue) <= safe_deadline


def _is_ahead(one: ShardBacklog, number: int, lead: float) -> bool:
    """Whether the lane has to do *one* before shard *number*."""
    return one.cancelling <= 2 * lead if one.abandoned else one.number < number
