"""What Airflow's database knows of a run: its state, its tasks, and the run folders that its tasks have noted.

The API server has the database; its own routes read the same tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.legible import excerpt
from airflow_provider_claude.core.view.verdict import AirflowSide
from airflow_provider_claude.runtime.note_folder import RUN_FOLDER

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

#: Failed task instances that are named.
_FAILED = 20


@dataclass(frozen=True, kw_only=True)
class Noted:
    """A run folder, and the task that has noted it first."""

    task_id: str
    folder: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task instance. *name* is how it is called in the grid: that of its shard where it has one."""

    task_id: str
    map_index: int
    state: str | None
    name: str

    @property
    def label(self) -> str:
        mapped = f"[{self.name}]" if self.map_index >= 0 else ""
        return f"{self.task_id}{mapped}"


@dataclass(frozen=True, kw_only=True)
class AirflowRun:
    """A run of a DAG. *failed* are its failed task instances, the first to fail first."""

    dag_id: str
    run_id: str
    state: str
    started: datetime | None
    ended: datetime | None
    failed: Sequence[Task] = ()
    tasks: Sequence[Task] = ()

    @property
    def side(self) -> AirflowSide:
        return AirflowSide(state=self.state, failed=[excerpt(task.label, 200) for task in self.failed])


@contextmanager
def session() -> Iterator[Session]:
    """A session of its own, as Airflow's routes have."""
    from airflow.utils.session import create_session

    with create_session(scoped=False) as found:
        yield found


def noted(db: Session, dag_id: str, run_id: str) -> list[Noted]:
    """The run folders of a run, in the order in which they were noted, each once."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    rows = db.execute(
        select(XComModel.task_id, XComModel.value)
        .where(XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == RUN_FOLDER)
        .order_by(XComModel.timestamp, XComModel.task_id)
    )
    found: dict[str, str] = {}
    for task_id, value in rows:
        if isinstance(value, str):
            found.setdefault(value, task_id)
    return [Noted(task_id=task_id, folder=folder) for folder, task_id in found.items()]


def run_of(db: Session, dag_id: str, run_id: str) -> AirflowRun | None:
    """The run with its tasks; None where there is none."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    run = db.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if run is None:
        return None
    name: Any = TaskInstance.__table__.c["rendered_map_index"]
    columns = (TaskInstance.task_id, TaskInstance.map_index, TaskInstance.state, name)
    rows = db.execute(
        select(*columns)
        .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
        .order_by(TaskInstance.end_date)
    ).all()
    tasks = [
        Task(task_id=task_id, map_index=index, state=_text(state), name=str(name if name is not None else index))
        for task_id, index, state, name in rows
    ]
    return AirflowRun(
        dag_id=dag_id,
        run_id=run_id,
        state=_text(run.state) or "queued",
        started=run.start_date,
        ended=run.end_date,
        failed=[task for task in tasks if task.state == "failed"][:_FAILED],
        tasks=tasks,
    )


def noting(db: Session, dag_ids: Collection[str]) -> set[str]:
    """Those of *dag_ids* that have runs with a run folder."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    rows = db.execute(
        select(XComModel.dag_id).where(XComModel.key == RUN_FOLDER, XComModel.dag_id.in_(sorted(dag_ids))).distinct()
    )
    return {dag_id for (dag_id,) in rows}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A run in the list of runs."""

    dag_id: str
    run_id: str
    state: str
    at: datetime | None
    ended: datetime | None
    folder: str


def latest(db: Session, dag_ids: Collection[str], count: int) -> list[Listed]:
    """The newest *count* runs of *dag_ids* that have noted a run folder, newest first."""
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    rows = db.execute(
        select(DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.run_after, DagRun.end_date, XComModel.value)
        .join(XComModel, (XComModel.dag_id == DagRun.dag_id) & (XComModel.run_id == DagRun.run_id))
        .where(XComModel.key == RUN_FOLDER, DagRun.dag_id.in_(sorted(dag_ids)))
        .order_by(DagRun.run_after.desc(), DagRun.id.desc(), XComModel.timestamp)
        .limit(8 * count)
    )
    found: dict[tuple[str, str], Listed] = {}
    for dag_id, run_id, state, at, ended, folder in rows:
        if isinstance(folder, str):
            one = Listed(dag_id=dag_id, run_id=run_id, state=_text(state) or "", at=at, ended=ended, folder=folder)
            found.setdefault((dag_id, run_id), one)
    return list(found.values())[:count]


def shard_of(db: Session, dag_id: str, run_id: str, task_id: str, map_index: int) -> str | None:
    """The path of the shard that a task instance works on, as its parameter `shard` was rendered; None where it has none."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields as Rendered
    from sqlalchemy import select

    fields = db.scalar(
        select(Rendered.rendered_fields).where(
            Rendered.dag_id == dag_id,
            Rendered.run_id == run_id,
            Rendered.task_id == task_id,
            Rendered.map_index == map_index,
        )
    )
    shard = (fields or {}).get("shard")
    return shard if isinstance(shard, str) else None


def _text(state: object) -> str | None:
    return None if state is None else str(getattr(state, "value", state))
