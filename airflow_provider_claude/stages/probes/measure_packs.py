"""Measures what packs did to a sample: the answers of the run, and those of its probe, are compared."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from airflow_provider_claude.core.consistency.comparable import comparable
from airflow_provider_claude.core.packing.auto_packing import AutoPacking
from airflow_provider_claude.core.packing.score_packs import Packed, Place, scores
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.probes.read_answers import answers_in
from airflow_provider_claude.stages.probes.remembered import remembered
from airflow_provider_claude.store import PackingRecord, PlanRecord, RunFolder
from airflow_provider_claude.store.parquet_files import read_table
from airflow_provider_claude.store.planned_shard import PlannedShard, planned_shards
from airflow_provider_claude.store.work_of import work_of

#: What the names of probes of packs begin with.
PACKS = "packs"


def measure_packs(run: RunFolder, plan: PlanRecord, now: str) -> list[str]:
    """Remember what the probe of packs of *plan* has found, if it has one whose answers are here. Returns what is known of packs
    of its job, in sentences; none where the plan does not decide about them.

    A probe that cannot be read is named there: it never fails its run.
    """
    if plan.auto_pack is None:
        return []
    work, more = work_of(run, plan), []
    for name in plan.probes:
        try:
            record = _measured(run, plan, plan.auto_pack, run.probe(name)) if name.startswith(f"{PACKS}-") else None
        except (StateError, pa.ArrowException) as error:
            record, more = None, [f"The probe {name} could not be read, and counts for nothing: {error}"]
        if record is not None:
            work.record_packing(plan.job_hash, record)
    return [*remembered(work, plan.job_hash, plan.auto_pack, now).sentences(), *more]


def _measured(run: RunFolder, plan: PlanRecord, auto: AutoPacking, probe: RunFolder) -> PackingRecord | None:
    fields = {name: one.same for name, one in comparable(plan.job.answer_schema).items()}
    again, *packs = planned_shards(probe, probe.need_plan())
    second = answers_in([probe.part("answers", again.number)], list(fields))
    packed = [one for one in (_packed(shard, list(fields)) for shard in packs) if one.answers]
    if not second or not packed:
        return None
    first = answers_in(run.parts("answers"), list(fields), list(second))
    return PackingRecord(
        shard=work_of(run, plan).name_of(run.shard(plan.shards[0].number)),
        at=plan.created_at,
        model=plan.model_id or plan.job.model,
        tokens=auto.tokens,
        by=list(auto.by),
        scores=scores(fields, (first, second), packed),
    )


def _packed(shard: PlannedShard, fields: Sequence[str]) -> Packed:
    answers = answers_in([shard.run.part("answers", shard.number)], fields)
    return Packed(size=shard.spec.pack, answers=answers, places=_places(shard) if answers else {})


def _places(shard: PlannedShard) -> dict[str, Place]:
    """Where each item stood in the batch of *shard*."""
    columns = ["item_id", "pack_number", "pack_element"]
    rows = read_table(shard.folder.manifest(shard.rounds()[0].number), columns).to_pylist()
    return {row["item_id"]: Place(row["pack_number"], max(row["pack_element"], 1)) for row in rows}
