"""When the answers of a run are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pendulum

from airflow_provider_claude.core.deadline.due import next_wall_clock

if TYPE_CHECKING:
    from airflow.sdk import Context

from airflow_provider_claude.runtime.run_context import is_run_type, param, zone_of


def resolve_deadline(context: Context, at: str | None) -> str | None:
    """When this run's answers are due, ISO 8601 with its offset; None without a deadline.

    *at* (`HH:MM`, local) binds scheduled runs only: a backfill does not have to meet yesterday's nine o'clock. The
    param `deadline` binds any run.
    """
    run: Any = context["dag_run"]
    asked = param(context, "deadline")
    scheduled = is_run_type(run, "scheduled")
    due = asked or (at if scheduled else None)
    if not due:
        return None
    after = run.data_interval_end if scheduled and run.data_interval_end is not None else run.run_after
    return next_wall_clock(pendulum.instance(after), str(due), zone_of(context)).isoformat()
