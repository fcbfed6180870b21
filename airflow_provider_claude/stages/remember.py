"""What a run has measured, kept for the plans of later ones."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_claude.core.times import epoch, parse_time
from airflow_provider_claude.stages.create import work_of
from airflow_provider_claude.store import BatchRun, EndedRecord, HistoryRecord, PlanRecord, RunFolder, ShardFolder


def remember(run: RunFolder, plan: PlanRecord) -> None:
    """Keep how long the batches of *run* took, and how long cancels did."""
    shards = [run.shard(spec.shard) for spec in plan.shards]
    batches = [batch for shard in shards for batch in _batches(shard)]
    cancels = [seconds for shard in shards for seconds in _cancels(shard)]
    if batches or cancels:
        work = work_of(run, plan)
        name = work.name_of(run.shard(plan.shards[0].shard))
        work.remember(HistoryRecord(shard=name, at=plan.created_at, batches=batches, cancels=cancels))


def _ended(shard: ShardFolder) -> Iterator[EndedRecord]:
    records = map(shard.ended, shard.attempts())
    return (record for record in records if record is not None and record.batch_id is not None)


def _batches(shard: ShardFolder) -> Iterator[BatchRun]:
    """The batches that ended by themselves."""
    for ended in _ended(shard):
        if not ended.counts.get("canceled") and not ended.counts.get("expired"):
            minutes = (epoch(ended.ended_at) - epoch(ended.created_at)) / 60
            hour = parse_time(ended.created_at).hour
            yield BatchRun(requests=sum(ended.counts.values()), hour=hour, minutes=round(minutes, 3))


def _cancels(shard: ShardFolder) -> Iterator[float]:
    for ended in _ended(shard):
        given_up = shard.let_go(ended.attempt)
        if given_up is not None:
            yield max(epoch(ended.ended_at) - epoch(given_up.at), 0.0)
