"""The first batch of a run that is given up at its cutoff puts the promise in danger: told once, and on record."""

from __future__ import annotations

from collections.abc import Iterator

import pendulum

from airflow_provider_claude.core.cost.estimate import estimate
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.deadline.at_risk import Danger, Open, in_danger
from airflow_provider_claude.core.requests.request_bytes import ENTRY_BYTES
from airflow_provider_claude.stages.deadline.abandon import waits_past_cutoff
from airflow_provider_claude.stages.deadline.shard_cutoff import Promise
from airflow_provider_claude.store import DangerRecord, RunFolder, write_new_record


def first_danger(run: RunFolder, *, now: float) -> Danger | None:
    """What to tell of *run* (*now*: epoch seconds), a batch of which was given up.

    None where it was told already, or nobody waits, or all is answered. Of several tasks that ask at once, one is answered.
    """
    promise = Promise.of(run)
    due = None if promise is None else promise.plan.due
    if promise is None or due is None or run.danger() is not None:
        return None
    work = list(_open(promise, now))
    if not work:
        return None
    danger = in_danger(work, now=now, lead=promise.lead, due=due, choice=promise.stuck)
    record = DangerRecord(at=pendulum.from_timestamp(now).isoformat(), danger=danger)
    return danger if write_new_record(run.file("danger.json"), record) else None


def _open(promise: Promise, now: float) -> Iterator[Open]:
    """What has no answer yet, a shard an entry."""
    lanes = promise.plan.lanes
    price = promise.plan.price
    tokens = TokenModel(input_per_byte=lanes.input_per_byte, output=lanes.output_tokens, measured=True)
    for drain in promise.queue(now=now):
        spec = promise.plan.shard(drain.shard)
        rows = round(drain.seconds / lanes.row_seconds) if lanes.row_seconds else 0
        size = max(spec.bytes - spec.rows * ENTRY_BYTES, 0) * rows // max(spec.rows, 1)
        yield Open(
            shard=drain.shard,
            rows=rows,
            seconds=drain.seconds,
            cost=estimate(rows, size, tokens, price).cost["sync"],
            let_go=drain.let_go,
            planned=spec.lane == "sync",
            waits=waits_past_cutoff(promise.run.shard(drain.shard)),
        )
