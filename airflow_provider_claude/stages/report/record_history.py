"""Measurements of a run, kept for the plans of later runs: how long batches took, what requests used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airflow_provider_claude.core.cost.cache_use import merged
from airflow_provider_claude.core.cost.tokens import Counted
from airflow_provider_claude.core.requests.request_bytes import ENTRY_BYTES, marker_bytes
from airflow_provider_claude.core.times import epoch, parse_time
from airflow_provider_claude.store import (
    BatchRun,
    CacheRecord,
    EndedRecord,
    HistoryRecord,
    PaidRecord,
    PlanRecord,
    RunFolder,
    ShardFolder,
    TokensRecord,
)
from airflow_provider_claude.store.planned_shard import planned_shards
from airflow_provider_claude.store.work_of import work_of

#: Fewer requests are too small a sample.
_ENOUGH_ROWS = 20


def record_history(run: RunFolder, plan: PlanRecord) -> None:
    """Keep how long the batches of *run* took, and how long cancels did."""
    shards = [run.shard(spec.number) for spec in plan.shards]
    batches = [batch for shard in shards for batch in _batches(shard)]
    cancels = [seconds for shard in shards for seconds in _cancels(shard)]
    if batches or cancels:
        work = work_of(run, plan)
        name = work.name_of(run.shard(plan.shards[0].number))
        work.record_history(HistoryRecord(shard=name, at=plan.created_at, batches=batches, cancels=cancels))


def record_tokens(run: RunFolder, plan: PlanRecord) -> None:
    """Keep what the requests of *run* used, if there were enough of them. Packs say little about single requests, and
    batches with incomplete results say nothing.
    """
    if plan.packing is not None:
        return
    requests = size = prompt = output = 0
    for shard in planned_shards(run, plan):
        loaded = shard.loaded()
        if loaded is None or loaded.count_mismatches:
            continue
        prompt, output = prompt + loaded.tokens.prompt, output + loaded.tokens.output
        for attempt in shard.rounds():
            intent = shard.folder.intent(attempt.number)
            ended = shard.folder.ended(attempt.number)
            if intent is not None and ended is not None and intent.requests:
                answered = ended.counts.get("succeeded", 0)
                requests += answered
                around = ENTRY_BYTES + marker_bytes(plan.job, intent.cache)
                size += (intent.bytes - intent.requests * around) * answered // intent.requests
    if requests >= _ENOUGH_ROWS and prompt and size > 0:
        tokens = plan.lanes.tokens.fitted(Counted(), Counted(plan.in_results_of(requests), size, prompt))
        record = TokensRecord(
            input_per_byte=tokens.input_per_byte,
            tool_tokens=tokens.tool_tokens,
            output_tokens=output / requests,
            rows=requests,
            at=plan.created_at,
        )
        work_of(run, plan).record_tokens(plan.job_hash, record)


def record_cache(run: RunFolder, plan: PlanRecord, paid: Iterable[PaidRecord]) -> None:
    """Keep what the prompt cache did to the requests that were sent for *plan*: nothing, where they had no cache markers."""
    mine = [one for one in paid if one.answered and epoch(one.at) >= epoch(plan.created_at)]
    if mine:
        work = work_of(run, plan)
        uses = merged(one.cache for one in mine if one.cache is not None)
        name = work.name_of(run.shard(plan.shards[0].number))
        work.record_cache(plan.job_hash, CacheRecord(shard=name, at=plan.created_at, uses=uses))


def _ended(shard: ShardFolder) -> Iterator[EndedRecord]:
    records = map(shard.ended, shard.attempts())
    return (record for record in records if record is not None and record.batch_id is not None)


def _batches(shard: ShardFolder) -> Iterator[BatchRun]:
    """The batches that ended by themselves."""
    for ended in _ended(shard):
        if ended.ended_at is not None and not ended.counts.get("canceled") and not ended.counts.get("expired"):
            minutes = (epoch(ended.ended_at) - epoch(ended.created_at)) / 60
            hour = parse_time(ended.created_at).hour
            yield BatchRun(requests=sum(ended.counts.values()), hour=hour, minutes=round(minutes, 3))


def _cancels(shard: ShardFolder) -> Iterator[float]:
    for ended in _ended(shard):
        abandoned = shard.abandoned(ended.attempt)
        if ended.ended_at is not None and abandoned is not None and shard.voided(ended.attempt) is None:
            yield max(epoch(ended.ended_at) - epoch(abandoned.at), 0.0)
