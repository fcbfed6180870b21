"""Keeps the error of a failed try where the page finds it: whatever failed it, its own code, a timeout or its wait."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import hookimpl


@hookimpl
def on_task_instance_failed(task_instance: Any, error: Any) -> None:
    """Airflow calls this in the task's process, for each try that failed. What it raises, Airflow logs."""
    from airflow_provider_claude.runtime.note_failure import note_failure

    note_failure(task_instance, error)
