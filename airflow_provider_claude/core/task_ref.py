"""Which task loaded an answer: part of its provenance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TaskRef:
    """An Airflow task instance; all None outside Airflow."""

    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int | None = None


NO_TASK = TaskRef()
