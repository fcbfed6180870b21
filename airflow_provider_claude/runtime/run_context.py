"""The run in a task's context: its params, its zone, its kind, its user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pendulum

from airflow_provider_claude.core.task_ref import TaskRef
from airflow_provider_claude.errors import (
    JobError,
)

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context


def need_xcom(operator: BaseOperator) -> None:
    """Raise JobError where *operator* is set not to return the value that later tasks need."""
    if not operator.do_xcom_push:
        raise JobError(
            f"{operator.task_id} has do_xcom_push=False, and the tasks after it need what it returns (a path, or paths). "
            "Leave it out, also of default_args."
        )


def who_triggered(context: Context) -> str:
    """The user who triggered the run of *context*, as records have it; a run without one is named by its type."""
    run: Any = context.get("dag_run")
    name = getattr(run, "triggering_user_name", None)
    kind = getattr(run, "run_type", None) or "unknown"
    return f"Airflow user {name}" if name else f"no user (a {getattr(kind, 'value', kind)} run)"


def zone_of(context: Context) -> str:
    """The name of the DAG's time zone."""
    return str(getattr(context["dag"].timezone, "name", context["dag"].timezone))


def is_run_type(run: Any, kind: str) -> bool:
    return bool(getattr(run.run_type, "value", run.run_type) == kind)


def param(context: Context, name: str) -> Any:
    """The value of the param *name*; None where it is missing or empty."""
    params: Mapping[str, Any] = context.get("params") or {}
    return params.get(name) or None


def local_time(moment: Any, zone: str) -> pendulum.DateTime:
    local: pendulum.DateTime = pendulum.instance(moment).in_timezone(zone)
    return local


def task_ref(context: Context) -> TaskRef:
    """The task instance of *context*, for provenance."""
    ti: Any = context["ti"]
    return TaskRef(dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, map_index=ti.map_index)
