"""The probe that asks a sample of a run's rows a second time, in every way as the run asks them."""

from __future__ import annotations

import random

import msgspec

from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.probes.asking import Asking
from airflow_provider_claude.stages.probes.write_probe import Draft, Weighed, items_at
from airflow_provider_claude.store import PlanRecord, RunFolder


def again_probe(run: RunFolder, plan: PlanRecord, rows: int, tokens: TokenModel, seed: str) -> Weighed:
    """The probe of *rows* items of *run*, drawn by *seed*.

    What is published is measured: where items share requests, these do so too, beside others than in the run.
    """
    sample = random.Random(seed).sample(range(run.need_scan().items), rows)  # noqa: S311 - no secret
    packing = plan.packing
    return Draft(
        run=run,
        plan=plan,
        items=items_at(run, sample),
        askings=[Asking(order=sample, pack=packing.items if packing else 1)],
        packing=packing,
        tokens=tokens,
        cache=msgspec.structs.replace(plan.cache, probe_shard=None),
    ).weighed()
