"""What the consistency that the plan asks for says about a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from airflow_provider_claude.core.consistency.comparable import comparable
from airflow_provider_claude.core.consistency.drift import Drift
from airflow_provider_claude.core.consistency.gate import (
    not_judged,
    too_little_agreement,
    too_much_drift,
    too_often_wrong,
)
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.extras import OF_REPORT, not_installed
from airflow_provider_claude.store import PlanRecord


class Gated(NamedTuple):
    """The *problems* hold the answers back, the *warnings* do not; sentences."""

    problems: list[str]
    warnings: list[str]


def gated(plan: PlanRecord, measured: Measured | None, drift: Sequence[Drift]) -> Gated:
    """How the run of *plan* stands by what was *measured* of it, and its *drift*."""
    wanted, items = plan.consistency, sum(spec.rows for spec in plan.shards)
    if wanted is None:
        return Gated([], [])
    if wanted.max_drift is not None and items and (absent := not_installed("consistency", OF_REPORT)):
        why = f"max_drift is {wanted.max_drift:g}, and {absent}"
        return Gated([f"{why}. Install 'airflow-provider-claude[consistency]' there, and clear the report."], [])
    fields = comparable(plan.job.answer_schema)
    problems = [
        *too_little_agreement(wanted, fields, measured, items=items),
        *too_often_wrong(wanted, fields, measured, items=items),
        *too_much_drift(wanted, drift),
    ]
    return Gated(problems, list(not_judged(wanted, drift, items=items)))
