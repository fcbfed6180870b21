"""Whether a plan has room for a probe, in time, money and shards; and the plan with it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from airflow_provider_claude.core.consistency.comparable import comparable
from airflow_provider_claude.core.cost.estimate import Estimate
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.plan.cut_shards import MAX_BYTES, MAX_REQUESTS, MAX_SHARDS
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.stages.cost.budget import affords, most_expected
from airflow_provider_claude.stages.plan.start import Start
from airflow_provider_claude.stages.probes.write_probe import Weighed
from airflow_provider_claude.store import PlanRecord

#: A probe's batches are cancelled so many times the lead before the run has to be done: one for the cancel, and one for a
#: cancel that takes long.
_LEADS = 2


class Planned(NamedTuple):
    """The *record* of a plan with its *probes* so far: a request uses *tokens*, and all of the run's own *sums*."""

    record: PlanRecord
    tokens: TokenModel
    sums: Estimate
    probes: tuple[Weighed, ...] = ()


def seed_of(start: Start, record: PlanRecord) -> str:
    """What draws the samples of a run: planned again, it draws the same."""
    return f"{record.job_hash} {start.work.run_name(start.run)}"


def why_not(start: Start, record: PlanRecord, *, also_reused: bool = False) -> str:
    """Why no probe can be sent; empty where one can. *also_reused*: it is sent even where the run itself has nothing to send."""
    if not comparable(record.job.answer_schema):
        return "the output has no label, boolean or number to compare"
    if not also_reused and all(spec.rows == spec.reused for spec in record.shards) and not start.run.probes():
        return "all its rows have answers already"
    return why_no_batch(start, record)


def why_no_batch(start: Start, record: PlanRecord) -> str:
    """Why no batch of a probe can be sent; empty where one can. Nothing waits for the probes of a run that is held."""
    due = due_of(start, record)
    if start.settings.lanes.lane == "sync" or (record.lanes.lane == "sync" and not record.held):
        return "its rows do not go by batch"
    if due is not None and epoch(start.clock()) + record.lanes.late_seconds > due:
        return "a late batch would not end before the deadline"
    return ""


def no_room(start: Start, planned: Planned, *probes: Weighed) -> str:
    """Why *probes* cannot be sent beside what is *planned*; empty where they can."""
    record = planned.record
    shards = len(record.shards) + sum(len(one.specs) for one in (*planned.probes, *probes))
    if shards > MAX_SHARDS:
        return "the run has as many shards as Airflow maps"
    if any(spec.bytes > MAX_BYTES or sums.requests > MAX_REQUESTS for one in probes for spec, sums in one.shards):
        return "the sample is too large for one batch"
    most = sum(_most(one) for one in (*planned.probes, *probes))
    return "" if affords(start.work, record, most + _most_beside(planned)) else "the budget may not cover it"


def _most(probe: Weighed) -> int:
    """What *probe* costs at most, in picodollars: it may ask another job, at another price."""
    return sum(most_expected(probe.draft.plan, one, "batch") for one in probe.sums)


def _most_beside(planned: Planned) -> int:
    """What the run's own rows cost at most, in picodollars; they are not asked while the run is held."""
    record = planned.record
    lane = "batch" if record.lanes.lane == "batch" else "sync"
    return 0 if record.held else most_expected(record, planned.sums, lane)


def added(start: Start, planned: Planned, weighed: Weighed, name: str) -> Planned:
    """*planned* with the probe *weighed*, which is written: *name* and a hash of what it asks is its folder."""
    record = planned.record
    probe = weighed.write(name, due_of(start, record))
    return planned._replace(
        record=msgspec.structs.replace(
            record,
            probes=[*record.probes, probe.path.name],
            probes_usd=f"{Decimal(record.probes_usd) + weighed.usd:f}",
        ),
        probes=(*planned.probes, weighed),
    )


def left_out(planned: Planned, name: str, why: str) -> Planned:
    """*planned* with the reason *why* it has no probe called *name*."""
    record = planned.record
    return planned._replace(record=msgspec.structs.replace(record, left_out={**record.left_out, name: why}))


def due_of(start: Start, record: PlanRecord) -> float | None:
    """Until when a probe may take (epoch seconds); None where the run has no deadline to keep, as while it is held."""
    if record.held or record.due is None or record.due <= epoch(start.clock()):
        return None
    return record.due - start.settings.lanes.margin - _LEADS * record.lanes.lead_seconds


def explained(planned: Planned, sentences: Sequence[str]) -> Planned:
    """*planned* with *sentences* before its last one, which says when it is due."""
    said = planned.record.explanation
    record = msgspec.structs.replace(planned.record, explanation=[*said[:-1], *sentences, *said[-1:]])
    return planned._replace(record=record)
