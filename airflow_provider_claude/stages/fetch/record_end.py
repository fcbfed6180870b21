"""Records the end of a batch for its shard, so that the next task need not look again."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from airflow_provider_claude.core.submit.polling import ENDED
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.store import EndedRecord, ShardFolder


def keep_end(shard: ShardFolder, attempt: int, info: BatchInfo) -> EndedRecord | None:
    """Record that the batch of *attempt* is *info*; None where that has not ended."""
    if info.status != ENDED:
        return None
    return shard.end(attempt, info.counts, created_at=info.created_at, ended_at=info.ended_at, batch_id=info.id)


def keep_event(shard: ShardFolder, event: object) -> None:
    """Record what the trigger's *event* says about its batch, where it is one of *shard*."""
    seen = event.get("batch") if isinstance(event, Mapping) else None
    if not seen:
        return
    info = msgspec.convert(seen, BatchInfo)
    for attempt in reversed(shard.attempts()):
        submitted = shard.submitted(attempt)
        if submitted is not None and submitted.batch_id == info.id:
            if shard.ended(attempt) is None:
                keep_end(shard, attempt, info)
            return
