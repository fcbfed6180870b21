"""Tells the probe which task a process runs, and when its operator starts."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

import sitecustomize
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin


@hookimpl
def on_task_instance_running(previous_state: Any, task_instance: Any) -> None:  # noqa: ARG001 - Airflow's own signature
    sitecustomize.task.starts(task_instance.task_id, task_instance.run_id)


class NightMarks(AirflowPlugin):
    name = "night_marks"
    listeners: ClassVar[list[Any]] = [sys.modules[__name__]]
