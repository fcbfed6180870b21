"""The first record of an attempt: what it asks, until when its sender may send it, and the most it can cost."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider_claude.core.times import parse_time
from airflow_provider_claude.stages.cost.budget import reckoned
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.request_body import RequestBody
from airflow_provider_claude.store import IntentRecord
from airflow_provider_claude.store.planned_shard import PlannedShard


def begin(
    shard: PlannedShard,
    ask: AttemptSelection,
    body: RequestBody,
    *,
    number: int,
    lane: str,
    at: str,
    seconds: float = 0.0,
) -> IntentRecord | None:
    """Put attempt *number* of *shard* on record: its intent first, then the manifest of *body*, which asks *ask* of it.

    From then on it may be paid for, for so many *seconds* after *at*. None where another worker has begun it.
    """
    plan = shard.plan
    intent = IntentRecord(
        attempt=number,
        job=plan.job_hash,
        shard_fingerprint=shard.fingerprint,
        round=ask.round,
        fingerprint=ask.fingerprint(shard),
        requests=body.count,
        bytes=len(body),
        at=at,
        until=(parse_time(at) + timedelta(seconds=seconds)).isoformat(),
        model=plan.job.model,
        price=plan.price,
        **reckoned(body, plan, "batch" if lane == "batch" else "sync")._asdict(),
        lane=lane,
        withheld=ask.withheld,
        pack=ask.pack,
        items=body.rows,
        cache=body.cache,
    )
    if not shard.folder.intents.write_new(number, intent):
        return None
    body.write_manifest(shard.folder.manifest(number))
    return intent
