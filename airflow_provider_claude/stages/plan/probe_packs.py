"""The probe of packs of a plan, where it decides how many items share a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from airflow_provider_claude.core.cost.estimate import usd, with_cache
from airflow_provider_claude.core.packing.auto_packing import AutoPacking
from airflow_provider_claude.stages.plan.choose_cache import warm
from airflow_provider_claude.stages.plan.probe_room import Planned, added, explained, no_room, seed_of, why_not
from airflow_provider_claude.stages.plan.start import Start
from airflow_provider_claude.stages.probes.measure_packs import PACKS
from airflow_provider_claude.stages.probes.plan_packs import packs_probe
from airflow_provider_claude.stages.probes.remembered import remembered
from airflow_provider_claude.stages.probes.write_probe import Weighed
from airflow_provider_claude.store import PlanRecord


def with_packs(start: Start, planned: Planned) -> Planned:
    """*planned* with the probe of packs, if it is to be sent; and what is known of packs, in sentences."""
    auto = start.settings.auto_pack
    return planned if auto is None else _with_packs(start, planned, auto)


def _with_packs(start: Start, planned: Planned, auto: AutoPacking) -> Planned:
    record = planned.record
    found = remembered(start.work, record.job_hash, auto, start.clock())
    if found.verdict.final or not record.shards:
        return explained(planned, found.sentences())
    why = why_not(start, record)
    seed = seed_of(start, record)
    weighed = None if why else packs_probe(start.run, record, auto, planned.tokens, seed)
    saving = () if weighed is None else _saving(weighed, record)
    if saving and saving != auto.sizes:
        auto = replace(auto, sizes=saving)
        weighed = packs_probe(start.run, record, auto, planned.tokens, seed)
    why = why or _why_not_this(start, planned, weighed, saving)
    if weighed is None or why:
        return explained(planned, [*found.sentences(), f"Packs are not tried in this run: {why}."])
    return explained(added(start, planned, weighed, PACKS), [*found.sentences(), _asked(weighed, auto)])


def _why_not_this(start: Start, planned: Planned, weighed: Weighed | None, saving: Sequence[int]) -> str:
    """Why the probe that is *weighed*, None where there are too few rows, is not sent. *saving*: the sizes of packs that cost
    less than requests of their own.
    """
    if weighed is None:
        return "too few rows without doubt are short enough to share a request"
    if not saving:
        return "in packs its rows would cost no less than alone"
    return no_room(start, planned, weighed)


def _saving(weighed: Weighed, record: PlanRecord) -> tuple[int, ...]:
    """The sizes of packs in which the sample costs less by batch than alone, with the cache that the run has."""
    caches = warm(record.cache)
    costs = [with_cache(one, record.price, caches).cost["batch"] for one in weighed.sums]
    packs = list(zip((spec.pack for spec in weighed.specs), costs, strict=True))[1:]
    return tuple(sorted({size for size, _ in packs} - {size for size, cost in packs if cost >= costs[0]}))


def _asked(weighed: Weighed, auto: AutoPacking) -> str:
    sizes = ", ".join(map(str, auto.sizes))
    return (
        f"To find out, {weighed.rows:,} rows are asked again: alone, and in packs of {sizes} in two orders. "
        f"That is {weighed.requests:,} requests in {len(weighed.specs)} batches, about {usd(weighed.usd)} more; none of their "
        "answers is published."
    )
