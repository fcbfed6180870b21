"""A request is made again, byte for byte, from the items, the plan and the manifest of its run; its hash proves it.

What differs between requests of a job is in three places: texts in items/, the job in plan.json, and in the manifest and
the intent of the attempt its `max_tokens`, its cache marker, and which rows share it. No other row of the shard is read.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from airflow_provider_claude.core.packing.pack_encoder import PackEncoder
from airflow_provider_claude.core.requests.request_bytes import Content, Frame, RequestEncoder
from airflow_provider_claude.core.row_trace import Rebuilt
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.job.cache import Ttl
from airflow_provider_claude.stages.trace.asked_requests import Asked, Reused
from airflow_provider_claude.stages.trace.row_places import item_at
from airflow_provider_claude.store import PlanRecord, RunFolder
from airflow_provider_claude.store.items import read_items
from airflow_provider_claude.store.planned_shard import PlannedShard

_DIFFERS = (
    "The request that can be made from {run} is not the one on record. Its items or its plan were changed after it was sent, or "
    "another version of this package makes requests in another way."
)


class Made(NamedTuple):
    """A request: its *params* as they go on the wire, and their *digest*, which no cache marker changes."""

    params: bytes
    digest: bytes


def rebuilt(asked: Asked) -> Rebuilt:
    """The request *asked*, made again, or why it cannot be."""
    run, recorded = asked.shard.run, asked.row["request_hash"]
    try:
        made = _make(asked, run.need_plan())
    except (StateError, FileNotFoundError) as error:
        return Rebuilt(recorded_hash=recorded.hex(), why=str(error))
    return _compared(made, recorded, run)


def rebuilt_here(reused: Reused, shard: PlannedShard, ordinal: int) -> Rebuilt:
    """The request of the answer *reused* for the item *ordinal*, made from the run that took it, without a cache marker."""
    made = _alone(shard.plan, _content(shard.run, shard.plan, ordinal), reused.max_tokens, None)
    return _compared(made, reused.request_hash, shard.run)


def _compared(made: Made, recorded: bytes, run: RunFolder) -> Rebuilt:
    same = made.digest == recorded
    return Rebuilt(
        recorded_hash=recorded.hex(),
        hash=made.digest.hex(),
        same=same,
        why="" if same else _DIFFERS.format(run=run),
        bytes=len(made.params),
        params=made.params.decode(),
    )


def _make(asked: Asked, plan: PlanRecord) -> Made:
    if asked.intent.job != plan.job_hash:
        raise StateError(
            f"Attempt {asked.intent.attempt} asked another prompt, model or schema than {asked.shard.run.file('plan.json')} has."
        )
    contents = [_content(asked.shard.run, plan, ordinal) for ordinal in _ordinals(asked, plan)]
    limits, cache = [row["max_tokens"] for row in asked.rows], asked.intent.cache
    if len(contents) == 1:
        return _alone(plan, contents[0], limits[0], cache)
    encoder = PackEncoder(plan.job, cache)
    texts = [content.text for content in contents]
    content = encoder.content(texts, fingerprint=asked.intent.fingerprint, number=asked.number)
    frame = encoder.frame(limits)
    return Made(frame.params(content), frame.digest(content))


def _alone(plan: PlanRecord, content: Content, limit: int, cache: Ttl | None) -> Made:
    job = msgspec.structs.replace(plan.job, max_tokens=limit)
    frame = Frame.of(job, content.placement, cache=cache)
    return Made(frame.params(content.text), frame.digest(content.text))


def _content(run: RunFolder, plan: PlanRecord, ordinal: int) -> Content:
    encoder = RequestEncoder(plan.job)
    batch = next(read_items(run, run.need_scan(), ordinal, ordinal + 1, encoder.columns))
    return next(encoder.of_batch(batch))


def _ordinals(asked: Asked, plan: PlanRecord) -> list[int]:
    """The ordinals of the rows of *asked*: by their indexes, or by their ids where the shard asks other rows now."""
    planned = {spec.number: spec for spec in plan.shards}.get(asked.shard.number)
    if planned is not None and planned.fingerprint == asked.intent.shard_fingerprint:
        return [planned.start + row["index"] for row in asked.rows]
    return [_ordinal(asked, row["item_id"]) for row in asked.rows]


def _ordinal(asked: Asked, item_id: str) -> int:
    item = item_at(asked.shard.run, item_id)
    if item is None:
        raise StateError(
            f"Attempt {asked.intent.attempt} was sent for an earlier plan, and {asked.shard.run} no longer has item {item_id}, "
            "which its request holds."
        )
    return int(item["ordinal"])
