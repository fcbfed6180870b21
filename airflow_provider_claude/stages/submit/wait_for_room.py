"""A shard of a run that is larger than the account's batch queue is sent when there is room, and not encoded before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from airflow_provider_claude.core.submit.polling import ENDED
from airflow_provider_claude.core.submit.queue_room import LOOK_SECONDS, has_room
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import PendingError
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.store import batched_requests
from airflow_provider_claude.store.planned_shard import PlannedShard

#: A batch ends, or expires, within a day of its creation; two hours more for clocks and for its end
#: (https://platform.claude.com/docs/en/build-with-claude/batch-processing).
_BATCH_SECONDS = 26 * 3600.0


class Api(Protocol):
    """What looking at the queue needs of the gateway."""

    def batches(self, *, since: float) -> Iterator[BatchInfo]: ...


def wait_for_room(shard: PlannedShard, api: Api, clock: Callable[[], str]) -> None:
    """Raise PendingError where the account's queue has no room for *shard*. A run that fits into it as a whole asks nothing.

    The API counts all requests of a batch as processing until it has ended, so there may be more room than this sees.
    """
    queued = shard.plan.lanes.limits.queued
    if queued is None or sum(batched_requests(shard.plan.shards)) <= queued:
        return
    requests = shard.spec.requests
    processing = sum(
        info.counts.get("processing", 0)
        for info in api.batches(since=epoch(clock()) - _BATCH_SECONDS)
        if info.status != ENDED
    )
    if not has_room(requests, processing=processing, queued=queued):
        raise PendingError(
            f"Shard {shard.number} waits for room in the account's batch queue: {processing:,} requests are in it, it holds "
            f"{queued:,} (limits), and this shard has {requests:,}.",
            LOOK_SECONDS,
        )
