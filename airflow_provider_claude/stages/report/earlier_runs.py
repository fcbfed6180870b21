"""Which runs are earlier ones of the same group as a run."""

from __future__ import annotations

from airflow_provider_claude.store import GoldenRecord, LabelsRecord, PlanRecord, RunFolder
from airflow_provider_claude.store.work_of import work_of


def group_of(run: RunFolder, plan: PlanRecord) -> str:
    """The folder of *run* and its siblings, such as those of other days, in the work folder."""
    return work_of(run, plan).run_name(run).rpartition("/")[0]


def is_other(one: LabelsRecord | GoldenRecord, plan: PlanRecord) -> bool:
    """Whether *one* is of another day than *plan*; where there are no partitions, of another plan."""
    return one.at != plan.created_at if plan.partition is None else one.partition != plan.partition
