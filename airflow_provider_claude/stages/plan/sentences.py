"""The plan's sentences about its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from airflow_provider_claude.core.cost.estimate import Estimate, Facts
from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.plan.cut_shards import TRIAL_SHARD, Limits
from airflow_provider_claude.core.sync.priority import Priority
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.placement import SHORT_TEXT, long_texts
from airflow_provider_claude.stages.plan.weigh import Placed
from airflow_provider_claude.store import (
    PlanRecord,
    ScanRecord,
    ShardSpec,
)


def shard_sentences(limits: Limits, shards: Sequence[ShardSpec], *, deadline: str | None) -> list[str]:
    """Why the shards have the size they have, where the plan chose it."""
    if limits.rows is not None or len(shards) < 2:
        return []
    why = (
        "at a cutoff only whole shards go over to the sync lane" if deadline else "without a deadline few are cheapest"
    )
    return [f"The plan chose the size of the shards: {why}."]


def placed_sentences(job: ClaudeJob, placed: Placed) -> list[str]:
    """Where the items stand, and why."""
    if not placed.items:
        return []
    if job.placement != "auto":
        where = "the prompt, between tags" if job.placement == "user" else "tool results"
        return [f"All items stand in {where} (placement={job.placement!r})."]
    long = long_texts(job.schema)
    if long:
        room = f"answers have room for long free text ({', '.join(long)})"
        less = f"With a maxLength of at most {SHORT_TEXT} they would cost less"
        return [f"All items stand in tool results, because {room}. {less} (placement='auto')."]
    prompt = f"{placed.items - placed.in_results:,} items stand in the prompt, between tags"
    rest = placed.in_results - placed.found
    why = f"in {placed.found:,} the scan has found something, {rest:,} more seem to speak of the answers"
    return [f"{prompt}; {placed.in_results:,} stand in tool results: {why} (placement='auto')."]


def packed_sentences(packing: Packing | None, sums: Estimate) -> list[str]:
    if packing is None:
        return []
    whose = f" of the same {' and '.join(packing.by)}" if packing.by else ""
    shared = f"Up to {packing.items} items{whose} share a request, about {sums.requests:,} requests in all"
    return [f"{shared}; items in doubt are asked alone."]


def priority_sentences(priority: Priority | None) -> list[str]:
    if priority is None:
        return []
    waits = f"Below {priority.urgent:g} they may go back to a batch where the account is busy and there is time."
    return [f"The sync lane asks items with a higher {priority.column} first. {waits}"]


def elsewhere_sentences(elsewhere: Mapping[str, int]) -> list[str]:
    return [
        f"{count:,} of these items are in progress in the run {name}, and will be paid for twice: only answers that are "
        "downloaded are shared. To pay once, let that run end first, and clear this task."
        for name, count in elsewhere.items()
    ]


def _source(price: Price) -> str:
    since = f" for {price.model} since {price.since}" if price.since else ""
    read = f", read on {price.as_of}" if price.as_of else ""
    return f"{price.source}{since}{read}"


def facts(scan: ScanRecord, shards: list[ShardSpec], draft: PlanRecord, trial: str, lanes: Sequence[str]) -> Facts:
    return Facts(
        rows=scan.rows,
        items=scan.items,
        quarantined=scan.quarantined,
        lost=scan.lost,
        uncounted=scan.uncounted,
        duplicates=scan.duplicates,
        reused=sum(spec.reused for spec in shards),
        shards=[spec.rows - spec.reused for spec in shards if spec.number != TRIAL_SHARD and spec.rows > spec.reused],
        model=draft.job.model,
        price_source=_source(draft.price),
        trial=trial,
        deadline=draft.deadline,
        zone=draft.zone,
        lanes=lanes,
    )
