"""The probes of a plan: written after its own shards are known, so that they never change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

import msgspec

from airflow_provider_claude.core.cost.estimate import Estimate, usd, with_cache
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.packing.auto_packing import AutoPacking
from airflow_provider_claude.core.packing.score_packs import comparable
from airflow_provider_claude.core.plan.cut_shards import MAX_SHARDS
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.stages.cost.budget import affords
from airflow_provider_claude.stages.cost.spent import keep_on_record
from airflow_provider_claude.stages.plan.choose_cache import warm
from airflow_provider_claude.stages.plan.end_earlier_plan import retire
from airflow_provider_claude.stages.plan.plan_settings import PlanApi
from airflow_provider_claude.stages.plan.start import Start
from airflow_provider_claude.stages.probes.measure_packs import PACKS
from airflow_provider_claude.stages.probes.plan_packs import packs_probe
from airflow_provider_claude.stages.probes.remembered import remembered
from airflow_provider_claude.stages.probes.write_probe import Weighed
from airflow_provider_claude.stages.submit.recover import AttemptRecovery
from airflow_provider_claude.store import PlanRecord, RunFolder

#: A probe's batches are cancelled so many times the lead before the run has to be done: one for the cancel, and one for a
#: cancel that takes long.
_LEADS = 2


class Planned(NamedTuple):
    """The *record* of a plan without its probes: a request uses *tokens*, and all of the run's own *sums*."""

    record: PlanRecord
    tokens: TokenModel
    sums: Estimate


def with_probes(start: Start, own: Planned, api: PlanApi) -> PlanRecord:
    """The record of *own* with its probes, which are written. Batches of probes that it does not have are cancelled."""
    auto = start.settings.auto_pack
    planned = own.record if auto is None else _with_packs(start, own, auto)
    for probe in start.run.probes():
        if probe.path.name in planned.probes:
            keep_on_record(probe, start.work, open_=True, now=start.clock())
        else:
            _end(probe, start, api)
    return planned


def _with_packs(start: Start, own: Planned, auto: AutoPacking) -> PlanRecord:
    record = own.record
    found = remembered(start.work, record.job_hash, auto, start.clock())
    if found.verdict.final or not record.shards:
        return _explained(record, found.sentences())
    why_not = _why_not(start, record)
    seed = f"{record.job_hash} {start.work.run_name(start.run)}"
    weighed = None if why_not else packs_probe(start.run, record, auto, own.tokens, seed)
    saving = () if weighed is None else _saving(weighed, record)
    if saving and saving != auto.sizes:
        auto = replace(auto, sizes=saving)
        weighed = packs_probe(start.run, record, auto, own.tokens, seed)
    why_not = why_not or _why_not_this(start, record, own.sums, weighed, saving)
    if weighed is None or why_not:
        return _explained(record, [*found.sentences(), f"Packs are not tried in this run: {why_not}."])
    probe = weighed.write(PACKS, _due(start, record))
    planned = msgspec.structs.replace(
        record, probes=[probe.path.name], probes_usd=f"{Decimal(record.probes_usd) + weighed.usd:f}"
    )
    return _explained(planned, [*found.sentences(), _asked(weighed, auto)])


def _why_not(start: Start, record: PlanRecord) -> str:
    """Why no probe can be sent; empty where one can."""
    due = _due(start, record)
    if not comparable(record.job.answer_schema):
        return "the output has no label, boolean or number to compare"
    if record.lanes.lane == "sync":
        return "its rows do not go by batch"
    if all(spec.rows == spec.reused for spec in record.shards) and not start.run.probes():
        return "all its rows have answers already"
    if due is not None and epoch(start.clock()) + record.lanes.late_seconds > due:
        return "a late batch would not end before the deadline"
    return ""


def _why_not_this(
    start: Start, record: PlanRecord, own: Estimate, weighed: Weighed | None, saving: Sequence[int]
) -> str:
    """The same for one that is *weighed*, None where there are too few rows. *own*: what the run itself is expected to use;
    *saving*: the sizes of packs that cost less than requests of their own.
    """
    if weighed is None:
        return "too few rows without doubt are short enough to share a request"
    if not saving:
        return "in packs its rows would cost no less than alone"
    if len(record.shards) + len(weighed.specs) > MAX_SHARDS:
        return "the run has as many shards as Airflow maps"
    lane = "batch" if record.lanes.lane == "batch" else "sync"
    lanes = [lane, *("batch" for _ in weighed.sums)]
    covered = affords(start.work, record, [own, *weighed.sums], lanes)
    return "" if covered else "the budget may not cover it beside the run"


def _saving(weighed: Weighed, record: PlanRecord) -> tuple[int, ...]:
    """The sizes of packs in which the sample costs less by batch than alone, with the cache that the run has."""
    caches = warm(record.cache)
    costs = [with_cache(one, record.price, caches).cost["batch"] for one in weighed.sums]
    packs = list(zip((spec.pack for spec in weighed.specs), costs, strict=True))[1:]
    return tuple(sorted({size for size, _ in packs} - {size for size, cost in packs if cost >= costs[0]}))


def _due(start: Start, record: PlanRecord) -> float | None:
    """Until when a probe may take (epoch seconds); None where the run has no deadline to keep."""
    if record.due is None or record.due <= epoch(start.clock()):
        return None
    return record.due - start.settings.lanes.margin - _LEADS * record.lanes.lead_seconds


def _asked(weighed: Weighed, auto: AutoPacking) -> str:
    sizes = ", ".join(map(str, auto.sizes))
    requests = sum(one.requests for one in weighed.sums)
    return (
        f"To find out, {len(weighed.items):,} rows are asked again: alone, and in packs of {sizes} in two orders. "
        f"That is {requests:,} requests in {len(weighed.specs)} batches, about {usd(weighed.usd)} more; none of their answers "
        "is published."
    )


def _explained(record: PlanRecord, sentences: Sequence[str]) -> PlanRecord:
    """*record* with *sentences* before its last one, which says when it is due."""
    said = record.explanation
    return msgspec.structs.replace(record, explanation=[*said[:-1], *sentences, *said[-1:]])


class _Now:
    """The cutoff of a probe that is not wanted any more: it has come."""

    def left(self) -> float:
        return 0.0

    def answers(self) -> bool:
        return True


def _end(probe: RunFolder, start: Start, api: PlanApi) -> None:
    """Cancel what is in flight of *probe*, without waiting for its end: the report counts its cost."""
    retire(probe, {}, lambda shard: AttemptRecovery(shard, start.work, api, start.clock, start.settings.grace, _Now()))
