"""A shard of a run that is larger than the account's batch queue is sent when there is room, and not encoded before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from airflow_provider_claude.core.submit.polling import ENDED
from airflow_provider_claude.core.submit.queue_room import LOOK_SECONDS, has_room, waves
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import NoRoomError, RateLimitedError
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.stages.deadline.shard_cutoff import ShardCutoff
from airflow_provider_claude.store import batched_requests
from airflow_provider_claude.store.planned_shard import PlannedShard

#: A batch ends, or expires, within a day of its creation; two hours more for clocks and for its end
#: (https://platform.claude.com/docs/en/build-with-claude/batch-processing).
_BATCH_SECONDS = 26 * 3600.0


class Api(Protocol):
    """What looking at the queue needs of the gateway."""

    def batches(self, *, since: float) -> Iterator[BatchInfo]: ...


def wait_for_room(shard: PlannedShard, api: Api, clock: Callable[[], str]) -> None:
    """Raise NoRoomError where the account's queue has no room for *shard*. A run that fits into it as a whole asks nothing.

    The API counts all requests of a batch as processing until it has ended, so there may be more room than this sees.
    """
    queued = _queue_of(shard)
    if queued is None:
        return
    requests = shard.spec.requests
    processing = sum(
        info.counts.get("processing", 0)
        for info in api.batches(since=epoch(clock()) - _BATCH_SECONDS)
        if info.status != ENDED
    )
    if not has_room(requests, processing=processing, queued=queued):
        raise _no_room(
            shard,
            clock,
            f"Shard {shard.number} waits for room in the account's batch queue: {processing:,} requests are in it, it holds "
            f"{queued:,} (limits), and this shard has {requests:,}.",
        )


@contextmanager
def room_or_wait(shard: PlannedShard, clock: Callable[[], str]) -> Iterator[None]:
    """Raise NoRoomError where another shard of the run has taken the room meanwhile, and the API refuses the batch."""
    try:
        yield
    except RateLimitedError as error:
        if _queue_of(shard) is None:
            raise
        raise _no_room(shard, clock, f"Shard {shard.number} was refused for want of room: {error}") from error


def _queue_of(shard: PlannedShard) -> int | None:
    """How many requests the account's queue holds; None where it is not known, or has room for the whole run."""
    queued = shard.plan.lanes.limits.queued
    return None if queued is None or sum(batched_requests(shard.plan.shards)) <= queued else queued


def _no_room(shard: PlannedShard, clock: Callable[[], str], message: str) -> NoRoomError:
    """What *shard* waits for: at most a batch's time for each wave, and to its cutoff, at which the sync lane asks it."""
    left = ShardCutoff(shard.folder, clock).left()
    count = waves(batched_requests(shard.plan.shards), shard.plan.lanes.limits.queued)
    return NoRoomError(message, min(LOOK_SECONDS, max(left, 1.0)), count)
