"""A probe that asks another job than its run's about some of its items: its plan has that job, and its price."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.packing.packing import can_pack
from airflow_provider_claude.core.probes.asking import Asking
from airflow_provider_claude.job import JobSpec
from airflow_provider_claude.stages.probes.write_probe import Draft, Weighed, items_at
from airflow_provider_claude.store import PlanRecord, RunFolder


def sample(items: int, rows: int, seed: str) -> list[int]:
    """At most *rows* of the ordinals of *items* items, drawn by *seed*, in their order."""
    return sorted(random.Random(seed).sample(range(items), min(rows, items)))  # noqa: S311 - no secret


def with_job(plan: PlanRecord, job: JobSpec, price: Price) -> PlanRecord:
    """*plan* as it would be if *job* asked its items, at *price*."""
    return msgspec.structs.replace(
        plan, job=job, prompt_hash=job.prompt_hash, schema_hash=job.schema_hash, price=price, model_id=None
    )


def asked_of(run: RunFolder, plan: PlanRecord, ordinals: Sequence[int], tokens: TokenModel) -> Weighed:
    """The probe that asks the job of *plan* about the items of *run* with *ordinals*, in packs as the run's own, where its job
    can be packed.
    """
    packing = plan.packing if plan.packing is not None and can_pack(plan.job) else None
    asking = Asking(order=ordinals, pack=packing.items if packing else 1)
    return Draft(
        run=run,
        plan=plan,
        items=items_at(run, ordinals),
        askings=[asking],
        packing=packing,
        tokens=tokens,
        cache=msgspec.structs.replace(plan.cache, probe_shard=None),
    ).weighed()
