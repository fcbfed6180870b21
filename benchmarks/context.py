"""The context an operator is executed in, without a scheduler around it."""

from __future__ import annotations

from typing import Any


class TaskInstance:
    """What the operators want of one."""

    dag_id, task_id, run_id, map_index, try_number = "bench", "bench", "manual", -1, 1

    def xcom_push(self, key: str, value: Any) -> None:
        """Nobody reads it."""


def task_context() -> Any:
    instance = TaskInstance()
    return {"ti": instance, "task_instance": instance}
