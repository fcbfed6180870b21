"""Which golden rows the runs of a group got right: the baseline of a run, and its record for later runs."""

from __future__ import annotations

from airflow_provider_claude.core.consistency.calibration import Stated
from airflow_provider_claude.stages.probes.earlier_runs import is_other
from airflow_provider_claude.stages.probes.measure_again import Baseline, Found
from airflow_provider_claude.stages.probes.recorded_curve import name_of
from airflow_provider_claude.store import GoldenRecord, PlanRecord, RunFolder
from airflow_provider_claude.store.work_of import group_of, work_of

#: Runs that are looked at, to find the last accepted one.
_RUNS = 30


def baseline(run: RunFolder, plan: PlanRecord) -> Baseline | None:
    """What the last accepted run of the group of *run* got right; None where there is none. Its own day does not count."""
    for one in work_of(run, plan).goldens(group_of(run, plan), _RUNS):
        if one.accepted and is_other(one, plan):
            return Baseline(name_of(one), {field: _read(one.keys, text) for field, text in one.right.items()})
    return None


def record_golden(run: RunFolder, plan: PlanRecord, found: Found | None, *, accepted: bool) -> None:
    """Keep what *run* was *found* to get right of its golden rows, and how sure it was. *accepted*: it is not red, and what was
    to be published is.
    """
    if found is None:
        return
    right, sure = found.right, found.sure or Stated()
    keys = sorted({key for rows in right.values() for key in rows})
    if not keys:
        return
    work = work_of(run, plan)
    record = GoldenRecord(
        shard=work.name_of(run.shard(plan.shards[0].number)),
        at=plan.created_at,
        partition=plan.partition,
        model=plan.job.model,
        prompt_hash=plan.prompt_hash,
        schema_hash=plan.schema_hash,
        accepted=accepted,
        keys=keys,
        right={field: "".join(_CHARACTERS[rows.get(key)] for key in keys) for field, rows in right.items()},
        confidence_field=plan.consistency.confidence_field if plan.consistency else None,
        stated=dict(sure.rows),
        stated_right=dict(sure.right),
    )
    work.record_golden(group_of(run, plan), record)


_CHARACTERS = {True: "1", False: "0", None: "-"}


def _read(keys: list[str], text: str) -> dict[str, bool]:
    return {key: one == "1" for key, one in zip(keys, text, strict=True) if one != "-"}
