"""Which runs are earlier ones of the same group as a run."""

from __future__ import annotations

from airflow_provider_claude.store import GoldenRecord, LabelsRecord, PlanRecord


def is_other(one: LabelsRecord | GoldenRecord, plan: PlanRecord) -> bool:
    """Whether *one* is of another day than *plan*; where there are no partitions, of another plan."""
    return one.at != plan.created_at if plan.partition is None else one.partition != plan.partition
