"""What Airflow's database knows of a run: its state, its tasks, and the run folders and errors that its tasks have noted.

The API server has the database; its own routes read the same tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.legible import excerpt
from airflow_provider_claude.core.view.verdict import AirflowSide
from airflow_provider_claude.runtime.note_failure import FAILURE
from airflow_provider_claude.runtime.note_folder import RUN_FOLDER

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

#: Failed task instances that are named.
_FAILED = 20

#: Notes of a kind that are read of a run in the list: the first that is a text counts.
_NOTES = 3

#: From a moment on, until before another.
Span = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class Noted:
    """A run folder, and the task that has noted it first."""

    task_id: str
    folder: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task instance. *name* is how it is called in the grid: that of its shard where it has one. *error*: of its last try, if
    that has failed and its operator is of this package.
    """

    task_id: str
    map_index: int
    state: str | None
    name: str
    ended: datetime | None = None
    error: str = ""

    @property
    def label(self) -> str:
        mapped = f"[{self.name}]" if self.map_index >= 0 else ""
        return f"{self.task_id}{mapped}"


@dataclass(frozen=True, kw_only=True)
class AirflowRun:
    """A run of a DAG. *failed* are its failed task instances, the first to fail first; *retried* those that failed and are tried
    again.
    """

    dag_id: str
    run_id: str
    state: str
    started: datetime | None
    ended: datetime | None
    failed: Sequence[Task] = ()
    retried: Sequence[Task] = ()
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
    columns = (TaskInstance.task_id, TaskInstance.map_index, TaskInstance.state, name, TaskInstance.end_date)
    rows = db.execute(
        select(*columns)
        .where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
        .order_by(TaskInstance.end_date)
    ).all()
    errors = _errors(db, dag_id, run_id)
    tasks = [
        Task(
            task_id=task_id,
            map_index=index,
            state=_text(state),
            name=str(name if name is not None else index),
            ended=ended,
            error=errors.get((task_id, index), ""),
        )
        for task_id, index, state, name, ended in rows
    ]
    return AirflowRun(
        dag_id=dag_id,
        run_id=run_id,
        state=_text(run.state) or "queued",
        started=run.start_date,
        ended=run.end_date,
        failed=[task for task in tasks if task.state == "failed"][:_FAILED],
        retried=[task for task in tasks if task.state == "up_for_retry"][:_FAILED],
        tasks=tasks,
    )


def _errors(db: Session, dag_id: str, run_id: str) -> dict[tuple[str, int], str]:
    """The errors that task instances have noted, by task and map index."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    rows = db.execute(
        select(XComModel.task_id, XComModel.map_index, XComModel.value).where(
            XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == FAILURE
        )
    )
    return {(task_id, index): value for task_id, index, value in rows if isinstance(value, str)}


def noting(db: Session, dag_ids: Collection[str]) -> set[str]:
    """Those of *dag_ids* that have runs with a run folder, or that failed before."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    rows = db.execute(
        select(XComModel.dag_id)
        .where(XComModel.key.in_((RUN_FOLDER, FAILURE)), XComModel.dag_id.in_(sorted(dag_ids)))
        .distinct()
    )
    return {dag_id for (dag_id,) in rows}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A run in the list of runs. *folder* is empty where it failed before it had one, *error* where none was noted."""

    dag_id: str
    run_id: str
    state: str
    at: datetime | None
    ended: datetime | None
    folder: str = ""
    error: str = ""


def latest(db: Session, dag_ids: Collection[str], count: int, span: Span | None = None) -> list[Listed]:
    """The newest *count* runs of *dag_ids* that have noted a run folder or an error, newest first; those of *span*."""
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from sqlalchemy import func, select

    noted = (
        select(XComModel.run_id)
        .where(XComModel.dag_id == DagRun.dag_id, XComModel.run_id == DagRun.run_id)
        .where(XComModel.key.in_((RUN_FOLDER, FAILURE)))
        .exists()
    )
    runs = (
        select(DagRun.id, DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.run_after, DagRun.end_date)
        .where(noted, DagRun.dag_id.in_(sorted(dag_ids)))
        .where(*((DagRun.run_after >= span[0], DagRun.run_after < span[1]) if span else ()))
        .order_by(DagRun.run_after.desc(), DagRun.id.desc())
        .limit(count)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=(XComModel.dag_run_id, XComModel.key), order_by=(XComModel.timestamp, XComModel.task_id)
    )
    notes = (
        select(runs, XComModel.key.label("what"), XComModel.value, place.label("place"))
        .join(XComModel, XComModel.dag_run_id == runs.c.id)
        .where(XComModel.key.in_((RUN_FOLDER, FAILURE)))
        .subquery()
    )
    rows = db.execute(
        select(*(column for column in notes.c if column.name != "place"))
        .where(notes.c.place <= _NOTES)  # a bad night has an error for each of its shards
        .order_by(notes.c.run_after.desc(), notes.c.id.desc(), notes.c.place)
    )
    found: dict[int, Listed] = {}
    for key, dag_id, run_id, state, at, ended, what, value in rows:
        one = found.setdefault(key, Listed(dag_id=dag_id, run_id=run_id, state=_text(state) or "", at=at, ended=ended))
        if not isinstance(value, str):
            continue
        if what == RUN_FOLDER:
            found[key] = replace(one, folder=one.folder or value)
        else:
            found[key] = replace(one, error=one.error or value)
    return list(found.values())


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
