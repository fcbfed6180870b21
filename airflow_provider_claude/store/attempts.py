"""The attempts of a shard, read from its records."""

from __future__ import annotations

from airflow_provider_claude.core.submit.attempt import (
    Attempt,
)
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.store import (
    ShardFolder,
)

#: How the reason of an attempt that was voided at its cutoff begins.
LEFT = "left at its cutoff"


def history(shard: ShardFolder) -> list[Attempt]:
    """Every attempt on record, oldest first."""
    names = shard.names()
    return [found for number in shard.attempts(names) if (found := _attempt(shard, number, names)) is not None]


def _attempt(shard: ShardFolder, number: int, names: frozenset[str]) -> Attempt | None:
    intent = shard.intent(number)
    if intent is None:
        return None
    record = shard.submitted(number) if f"{number}.submitted.json" in names else None
    return Attempt(
        number=number,
        shard_fingerprint=intent.shard_fingerprint,
        round=intent.round,
        requests=intent.requests,
        items=intent.rows,
        at=epoch(intent.at),
        until=epoch(intent.until),
        submitted=record is not None,
        batch_id=record.batch_id if record else None,
        created=epoch(record.created_at) if record else 0.0,
        collected=shard.results(number).name in names,
        voided=f"{number}.voided.json" in names,
        lane=record.lane if record else intent.lane,
    )
