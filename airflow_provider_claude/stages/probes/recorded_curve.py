"""The curve by which the confidence of a run is calibrated: that of the last accepted run of the same job."""

from __future__ import annotations

from airflow_provider_claude.core.consistency.calibration import Stated, calibration
from airflow_provider_claude.core.consistency.curve import Curve
from airflow_provider_claude.extras import missing
from airflow_provider_claude.stages.probes.earlier_runs import is_other
from airflow_provider_claude.store import GoldenRecord, PlanRecord, RunFolder
from airflow_provider_claude.store.work_of import group_of, work_of

#: Runs that are looked at.
_RUNS = 30


def recorded_curve(run: RunFolder, plan: PlanRecord) -> Curve | None:
    """The curve of the last accepted run of the group of *run* that asked what *plan* asks and had enough golden rows; None where
    there is none, no field is to be calibrated, or the extra `consistency` is not installed. Its own day does not count.
    """
    field = plan.consistency.confidence_field if plan.consistency else None
    if field is None or missing("consistency"):
        return None
    for one in work_of(run, plan).goldens(group_of(run, plan), _RUNS):
        if one.accepted and one.confidence_field == field and is_other(one, plan) and _asks_the_same(one, plan):
            found = calibration(field, Stated(one.stated, one.stated_right))
            if found is not None:
                return Curve(field=field, points=found.curve, rows=found.rows, of=name_of(one))
    return None


def name_of(one: GoldenRecord) -> str:
    """What people call the run of *one*."""
    return f"the run of {one.partition or one.at[:16]}"


def _asks_the_same(one: GoldenRecord, plan: PlanRecord) -> bool:
    return (one.model, one.prompt_hash, one.schema_hash) == (plan.job.model, plan.prompt_hash, plan.schema_hash)
