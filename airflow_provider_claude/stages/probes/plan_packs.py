"""The probe of packs: a sample of the run's rows without doubt, alone once more, and in packs of each size in two orders."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import number_array
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.packing.auto_packing import LEAST_ROWS, AutoPacking
from airflow_provider_claude.core.packing.pack_sorter import PackSorter
from airflow_provider_claude.core.probes.asking import Asking, shuffled
from airflow_provider_claude.core.requests.request_bytes import RequestEncoder
from airflow_provider_claude.stages.probes.write_probe import Draft, Weighed, items_at
from airflow_provider_claude.store import PlanRecord, RunFolder
from airflow_provider_claude.store.items import read_items

#: So many rows are looked at for each that is wanted: some are in doubt, or too long for a pack.
_LOOK_AT = 3

#: In so many orders is each size asked.
_ORDERS = 2


def packs_probe(run: RunFolder, plan: PlanRecord, auto: AutoPacking, tokens: TokenModel, seed: str) -> Weighed | None:
    """The probe, as *auto* wants it, its sample drawn by *seed*; None where too few rows can share requests."""
    rows = _sample(run, plan, auto, seed)
    if len(rows) < LEAST_ROWS:
        return None
    packs = [
        Asking(order=shuffled(rows, f"{seed} {size} {number}"), pack=size)
        for size in auto.sizes
        for number in range(_ORDERS)
    ]
    askings = [Asking(order=shuffled(rows, seed)), *packs]
    items = items_at(run, rows)
    return Draft(run=run, plan=plan, items=items, askings=askings, packing=auto.largest, tokens=tokens).weighed()


def _sample(run: RunFolder, plan: PlanRecord, auto: AutoPacking, seed: str) -> list[int]:
    candidates = _candidates(run, auto, seed)
    may_share = set(_that_may_share(run, plan, auto, candidates))
    return sorted([one for one in candidates if one in may_share][: auto.rows])


def _candidates(run: RunFolder, auto: AutoPacking, seed: str) -> list[int]:
    """Ordinals in the order in which they are taken. Where only rows with values in common share requests, these stay
    together.
    """
    scan, count = run.need_scan(), _LOOK_AT * auto.rows
    if not auto.by:
        return random.Random(seed).sample(range(scan.items), min(count, scan.items))  # noqa: S311 - no secret
    ranked: list[tuple[bytes, int]] = []
    for batch in read_items(run, scan, 0, scan.items, ["ordinal", *auto.by]):
        keys = zip(*(batch.column(name).to_pylist() for name in auto.by), strict=True)
        ranks = (hashlib.blake2b(f"{seed}{key}".encode(), digest_size=8).digest() for key in keys)
        ranked += zip(ranks, batch.column("ordinal").to_pylist(), strict=True)
    return [ordinal for _, ordinal in sorted(ranked)[:count]]


def _that_may_share(run: RunFolder, plan: PlanRecord, auto: AutoPacking, candidates: Sequence[int]) -> Iterator[int]:
    """Those of *candidates* that may share a request, and are not too long for it."""
    scan, wanted, encoder = run.need_scan(), number_array(candidates, pa.int64()), RequestEncoder(plan.job)
    sorter: PackSorter[tuple[int, int]] = PackSorter(plan.job, auto.largest, encoder.texts)
    columns = list(dict.fromkeys([*sorter.columns, *encoder.columns]))
    for batch in read_items(run, scan, 0, scan.items, columns):
        found = batch.filter(pc.is_in(batch["ordinal"], wanted))
        sizes = [len(content.text) for content in encoder.of_batch(found)]
        ordinals = found["ordinal"].to_pylist()
        for pack in sorter.add(found, zip(ordinals, sizes, strict=True), sizes):
            yield from _fitting(pack.items, auto) if not pack.alone else ()
    for pack in sorter.rest():
        yield from _fitting(pack.items, auto)


def _fitting(items: Sequence[tuple[int, int]], auto: AutoPacking) -> list[int]:
    return [ordinal for ordinal, size in items if size < auto.largest.bytes]
