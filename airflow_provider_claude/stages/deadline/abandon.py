"""A batch whose cutoff has come is put on record as abandoned, before it is cancelled."""

from __future__ import annotations

from airflow_provider_claude.store import AbandonedRecord, ShardFolder
from airflow_provider_claude.store.attempts import LEFT, history


def abandoned_record_of(shard: ShardFolder, batch_id: str) -> AbandonedRecord | None:
    """The record of *batch_id* that says that its cutoff has come."""
    records = (shard.abandoned(number) for number in shard.attempts())
    return next((record for record in records if record is not None and record.batch_id == batch_id), None)


def waits_past_cutoff(shard: ShardFolder) -> bool:
    """Whether *shard* waits past its cutoff, for an attempt that cannot be ended."""
    names = shard.names()
    records = [shard.abandoned(number) for number in shard.attempts(names) if f"{number}.abandoned.json" in names]
    return any(record is not None and record.waits for record in records)


def is_proven(shard: ShardFolder, batch_id: str) -> bool:
    """Whether *batch_id* is certainly this shard's: an adopted batch is, once its results have proven it."""
    records = (shard.submitted(number) for number in shard.attempts())
    return not any(record is not None and record.batch_id == batch_id and record.adopted for record in records)


def abandon(shard: ShardFolder, batch_id: str, *, now: str, waits: bool = False) -> None:
    """Put on record that the cutoff of *batch_id* has come, before it is cancelled. *waits*: it is not."""
    for attempt in history(shard):
        if attempt.batch_id == batch_id:
            shard.abandon(attempt.number, batch_id, now, waits=waits)


def leave(shard: ShardFolder, batch_id: str, *, now: str) -> None:
    """Put on record that the wait for *batch_id* is over: its rows are asked again, and it may still be paid for."""
    abandon(shard, batch_id, now=now)
    why = "was cancelled and did not end" if is_proven(shard, batch_id) else "was not proven to be this shard's"
    for attempt in history(shard):
        if attempt.batch_id == batch_id:
            shard.void(attempt.number, batch_id, f"{LEFT}: batch {batch_id} {why}", now)
