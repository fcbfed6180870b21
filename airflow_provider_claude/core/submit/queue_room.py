"""Whether a shard has room in the account's queue of batched requests.

The queue is one for all batches of an organization; a batch that does not fit is refused as a whole
(https://platform.claude.com/docs/en/api/rate-limits).
"""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_claude.errors import JobError

#: Seconds until the room is looked at again. Batches take minutes, and each look is the start of a process.
LOOK_SECONDS = 300.0

#: What the queue of the lowest tier holds: a run with fewer requests needs no plan for it.
LOWEST_QUEUE = 200_000


def has_room(requests: int, *, processing: int, queued: int) -> bool:
    """Whether *requests* more fit, with *processing* in the queue, which holds *queued*. Into an empty queue all may try."""
    return not processing or processing + requests <= queued


def waves(shards: Sequence[int], queued: int | None) -> int:
    """How often shards with so many requests fill the queue, one after the other; once where its size (*queued*) is not known."""
    if queued is None:
        return 1
    count, filled = 1, 0
    for requests in shards:
        if filled and filled + requests > queued:
            count, filled = count + 1, 0
        filled += requests
    return count


def check_fits(shards: Sequence[int], queued: int | None) -> None:
    """Raise JobError where one of the shards, with so many requests each, never fits into the queue."""
    largest = max(shards, default=0)
    if queued is not None and largest > queued:
        raise JobError(
            f"A shard has {largest:,} requests, and the account's batch queue holds {queued:,} (limits): the API would never "
            f"take it. Write shard_rows={queued} or less."
        )


def wave_sentences(shards: Sequence[int], queued: int | None) -> list[str]:
    """What the queue, which holds *queued*, means for a run with shards of so many requests."""
    total, count = sum(shards), waves(shards, queued)
    if queued is None and total > LOWEST_QUEUE:
        maybe = f"{total:,} requests may be more than the account's batch queue holds ({LOWEST_QUEUE:,} in the lowest tier)."
        then = "A batch that does not fit is refused, and sent again later."
        return [f"{maybe} {then} Write limits, such as 'scale', and shards wait for room before they are sent."]
    if count == 1:
        return []
    held = f"The account's batch queue holds {queued:,} requests, and this run has {total:,}"
    return [f"{held}: it goes in {count} waves. A shard is sent when batches before it have ended."]
