"""The probe that asks a sample of a run's rows a second time, in every way as the run asks them, and golden rows among them."""

from __future__ import annotations

import random

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.probes.asking import Asking, shuffled
from airflow_provider_claude.stages.probes.golden_rows import PREFIX, golden_items
from airflow_provider_claude.stages.probes.write_probe import Draft, Weighed, items_at
from airflow_provider_claude.store import PlanRecord, RunFolder
from airflow_provider_claude.store.parquet_files import read_schema


def again_probe(run: RunFolder, plan: PlanRecord, tokens: TokenModel, seed: str, *, rows: int, golden: bool) -> Weighed:
    """The probe of *rows* items of *run*, drawn by *seed*, and of its *golden* rows, if they are wanted.

    What is published is measured: where items share requests, these do so too, beside others than in the run. All stand in one
    shard in an order drawn by *seed*, so that nothing tells them apart.
    """
    items, packing = _items(run, seed, rows, golden=golden), plan.packing
    order = shuffled(items["ordinal"].to_pylist(), seed)
    return Draft(
        run=run,
        plan=plan,
        items=items,
        askings=[Asking(order=order, pack=packing.items if packing else 1)],
        packing=packing,
        tokens=tokens,
        cache=msgspec.structs.replace(plan.cache, probe_shard=None),
    ).weighed()


def _items(run: RunFolder, seed: str, rows: int, *, golden: bool) -> pa.Table:
    count = run.need_scan().items
    sample = random.Random(seed).sample(range(count), rows)  # noqa: S311 - no secret
    items = items_at(run, sample)
    items = items.filter(pc.invert(pc.starts_with(items["item_id"], PREFIX)))
    if not golden:
        return items
    like = read_schema(run.part("items", 0))
    return pa.concat_tables([items, golden_items(run, like, count)]).combine_chunks()
