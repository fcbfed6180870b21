"""From a run to the work folder that it is in."""

from __future__ import annotations

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store import (
    AccountFolder,
    PlanRecord,
    RunFolder,
)


def group_of(run: RunFolder, plan: PlanRecord) -> str:
    """The group of *run*: the folder of *run* and its siblings, such as those of other days, in the work folder."""
    return work_of(run, plan).run_name(run).rpartition("/")[0]


def work_of(run: RunFolder, plan: PlanRecord) -> AccountFolder:
    """The work folder that *run* is in, wherever both have been moved since, as its account sees it."""
    path = run.path
    if plan.work > len(path.parents):
        raise StateError(f"{path} was planned {plan.work} folders below its work folder; clear the plan task.")
    return AccountFolder(path.parents[plan.work - 1] if plan.work else path, plan.account)
