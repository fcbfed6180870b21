"""What the page asks of Airflow's database, on a real one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_claude.plugin.web import database
from airflow_provider_claude.plugin.web.months import Month
from airflow_provider_claude.runtime.note_failure import FAILURE
from airflow_provider_claude.runtime.note_folder import RUN_FOLDER

START = datetime(2026, 11, 30, tzinfo=UTC)


class Rows:
    """Writes rows of a DAG of its own."""

    def __init__(self, db: Any) -> None:
        self.db, self.dag_id = db, f"dag_{uuid.uuid4().hex}"

    def run(self, run_id: str, *, days: int = 0, state: str = "running", ended: bool = False) -> None:
        from airflow.models.dagrun import DagRun

        at = START + timedelta(days=days)
        run = DagRun(dag_id=self.dag_id, run_id=run_id, run_type="manual", state=state, run_after=at, start_date=at)
        run.end_date = at if ended else None
        self.db.add(run)
        self.db.flush()

    def task(
        self,
        run_id: str,
        task_id: str,
        state: str | None,
        *,
        index: int = -1,
        minutes: int = 0,
        name: str | None = None,
    ) -> None:
        from airflow.models.taskinstance import TaskInstance

        values = {
            "id": uuid.uuid4(),
            "dag_id": self.dag_id,
            "run_id": run_id,
            "task_id": task_id,
            "map_index": index,
            "state": state,
            "end_date": START + timedelta(minutes=minutes) if minutes else None,
            "rendered_map_index": name,
            "pool": "default_pool",
            "pool_slots": 1,
        }
        self.db.execute(TaskInstance.__table__.insert().values(**values))

    def note(self, run_id: str, task_id: str, value: Any, *, key: str = RUN_FOLDER, index: int = -1) -> None:
        from airflow.models.xcom import XComModel

        XComModel.set(
            key=key,
            value=value,
            dag_id=self.dag_id,
            task_id=task_id,
            run_id=run_id,
            map_index=index,
            serialize=False,
            session=self.db,
        )


@pytest.fixture
def rows(airflow_db: Path) -> Iterator[Rows]:
    """Rows that nothing keeps."""
    from airflow.utils.session import create_session

    with create_session(scoped=False) as db:
        yield Rows(db)
        db.rollback()


def test_a_run_has_its_tasks_and_those_that_failed_in_the_order_in_which_they_did(rows: Rows) -> None:
    rows.run("r1", state="failed", ended=True)
    rows.task("r1", "report", "failed", minutes=9)
    rows.task("r1", "shard.load", "failed", index=3, minutes=4, name="00004")
    rows.task("r1", "shard.load", "success", index=2, minutes=2)
    found = database.run_of(rows.db, rows.dag_id, "r1")
    assert found is not None
    assert (found.state, found.side.is_over) == ("failed", True)
    assert list(found.side.failed) == ["shard.load[00004]", "report"]
    assert {(task.task_id, task.map_index, task.name) for task in found.tasks} >= {("shard.load", 2, "2")}
    assert database.run_of(rows.db, rows.dag_id, "r2") is None
    assert database.run_of(rows.db, "another", "r1") is None


def test_the_folders_of_a_run_are_those_its_own_tasks_noted_each_once(rows: Rows) -> None:
    for run_id in ("r1", "r2"):
        rows.run(run_id)
        for task_id in ("g.scan", "g.plan", "g.screen.scan", "other"):
            rows.task(run_id, task_id, "success", minutes=1)
    rows.note("r1", "g.scan", "/data/a")
    rows.note("r1", "g.plan", "/data/a")
    rows.note("r1", "g.screen.scan", "/data/a.screen")
    rows.note("r1", "other", {"not": "a path"})
    rows.note("r2", "g.scan", "/data/b")
    noted = database.noted(rows.db, rows.dag_id, "r1")
    assert [one.folder for one in noted] == ["/data/a", "/data/a.screen"]
    assert database.noted(rows.db, rows.dag_id, "r2")[0].task_id == "g.scan"
    assert database.noted(rows.db, "another", "r1") == []


def test_the_list_has_the_newest_runs_of_readable_dags_only(rows: Rows) -> None:
    for day in range(3):
        rows.run(f"r{day}", days=day, state="success", ended=True)
        rows.task(f"r{day}", "g.scan", "success", minutes=1)
        rows.task(f"r{day}", "g.plan", "success", minutes=1)
        rows.note(f"r{day}", "g.scan", f"/data/{day}")
        rows.note(f"r{day}", "g.plan", f"/data/{day}")
    rows.run("plain", days=9)
    found = database.latest(rows.db, {rows.dag_id}, 2)
    assert [(one.run_id, one.folder, one.state) for one in found] == [
        ("r2", "/data/2", "success"),
        ("r1", "/data/1", "success"),
    ]
    another = f"another_{rows.dag_id}"
    assert database.latest(rows.db, {another}, 2) == []
    assert database.noting(rows.db, {rows.dag_id, another}) == {rows.dag_id}
    assert database.noting(rows.db, {another}) == set()
    assert database.latest(rows.db, set(), 2) == []


def test_a_task_instance_has_the_error_that_its_last_try_has_noted(rows: Rows) -> None:
    rows.run("r1")
    rows.task("r1", "g.load", "failed", index=2, minutes=4)
    rows.task("r1", "g.load", "up_for_retry", index=3, minutes=5)
    rows.note("r1", "g.load", "no answer", key=FAILURE, index=2)
    rows.note("r1", "g.load", {"not": "a text"}, key=FAILURE, index=3)
    found = database.run_of(rows.db, rows.dag_id, "r1")
    assert found is not None
    assert [(task.map_index, task.error, task.ended) for task in found.failed] == [
        (2, "no answer", START + timedelta(minutes=4))
    ]
    assert [(task.map_index, task.error) for task in found.retried] == [(3, "")]


def test_a_run_that_failed_before_it_had_a_folder_is_listed_with_its_error(rows: Rows) -> None:
    rows.run("r1", state="failed", ended=True)
    rows.task("r1", "g.scan", "failed", minutes=1)
    rows.note("r1", "g.scan", "no such file", key=FAILURE)
    [found] = database.latest(rows.db, {rows.dag_id}, 2)
    assert (found.run_id, found.folder, found.error) == ("r1", "", "no such file")
    assert database.noting(rows.db, {rows.dag_id}) == {rows.dag_id}


def test_of_many_errors_of_a_run_the_list_reads_the_first(rows: Rows) -> None:
    rows.run("r1", state="failed", ended=True)
    for index in range(9):
        rows.task("r1", "g.load", "failed", index=index, minutes=1)
        rows.note("r1", "g.load", f"error {index}", key=FAILURE, index=index)
    rows.task("r1", "g.scan", "success", minutes=1)
    rows.note("r1", "g.scan", "/data/1")
    [found] = database.latest(rows.db, {rows.dag_id}, 2)
    assert (found.folder, found.error) == ("/data/1", "error 0")


def test_the_runs_of_a_month_are_those_of_its_days(rows: Rows) -> None:
    for day in range(3):
        rows.run(f"r{day}", days=day)
        rows.task(f"r{day}", "g.scan", "success", minutes=1)
        rows.note(f"r{day}", "g.scan", f"/data/{day}")
    found = database.latest(rows.db, {rows.dag_id}, 9, Month(2026, 12).span)
    assert [one.run_id for one in found] == ["r2", "r1"]


def test_the_shard_of_a_task_instance_is_the_parameter_it_ran_with(rows: Rows) -> None:
    from airflow.models.renderedtifields import RenderedTaskInstanceFields as Rendered

    rows.run("r1")
    for index in (2, 3):
        rows.task("r1", "g.wait", "deferred", index=index)
    for index, fields in ((2, {"shard": "/data/a/shards/00002"}), (3, {"shard": ["no", "text"]})):
        rows.db.execute(
            Rendered.__table__.insert().values(
                dag_id=rows.dag_id, task_id="g.wait", run_id="r1", map_index=index, rendered_fields=fields
            )
        )
    assert [database.shard_of(rows.db, rows.dag_id, "r1", "g.wait", index) for index in (2, 3, 4)] == [
        "/data/a/shards/00002",
        None,
        None,
    ]
