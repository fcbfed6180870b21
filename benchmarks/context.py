"""The context an operator is executed in, without a scheduler around it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class TaskInstance:
    """What the operators want of one."""

    dag_id, task_id, run_id, map_index, try_number = "bench", "bench", "manual", -1, 1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def task_context() -> Any:
    instance = TaskInstance()
    run = SimpleNamespace(run_type="manual", run_after=None, data_interval_start=None, partition_key=None)
    return {
        "ti": instance,
        "task_instance": instance,
        "dag_run": run,
        "dag": SimpleNamespace(dag_id="bench", timezone=SimpleNamespace(name="UTC")),
        "params": {"day": "2026-01-01"},
    }
