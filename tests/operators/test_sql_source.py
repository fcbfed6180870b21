"""A table or a query as the source of a task: allowed by the deployment, templated, and read through its Airflow connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from airflow.exceptions import AirflowFailException
from airflow.sdk import DAG
from upath import UPath

from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.sources.sql_source import ClaudeSqlSource
from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.task_groups.batch import claude_batch_job
from tests.context import manual_run

BY_DAY = "select * from mails where day = :day"


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database with mails of two days, which the deployment lets tasks read."""
    path = tmp_path / "warehouse.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table mails (id, day, body)")
        rows = [(f"m-{n}", f"2026-11-{21 + n % 2}", f"mail {n}") for n in range(10)]
        connection.executemany("insert into mails values (?, ?, ?)", rows)
        connection.commit()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    monkeypatch.setenv("AIRFLOW__CLAUDE__SOURCES", "/data/mail, sql://warehouse")
    return path


def scan_of(tmp_path: Path, source: str | ClaudeSqlSource, **more: Any) -> ClaudeInputScanOperator:
    return ClaudeInputScanOperator(
        task_id="scan", source=source, run_folder=str(tmp_path / "run"), columns=["body"], **more
    )


def ids(tmp_path: Path) -> Sequence[str]:
    from airflow_provider_claude.store.parquet_files import read_table

    run = RunFolder(UPath(tmp_path / "run"))
    return [one for part in run.parts("items") for one in read_table(part, ["item_id"]).column("item_id").to_pylist()]


def test_a_table_is_read_through_its_connection(warehouse: Path, tmp_path: Path) -> None:
    scan_of(tmp_path, "sql://warehouse/mails").execute({})
    assert ids(tmp_path) == [f"m-{n}" for n in range(10)]


def test_the_day_is_bound_to_a_query_for_each_run_and_the_query_that_runs_share_stays_as_it_was_written(
    warehouse: Path, tmp_path: Path
) -> None:
    source = ClaudeSqlSource(conn_id="warehouse", query=BY_DAY, parameters={"day": "{{ day }}"})
    for day, first in (("2026-11-21", "m-0"), ("2026-11-22", "m-1")):
        scan = scan_of(tmp_path, source)
        context = manual_run(day=day)
        scan.render_template_fields(context)
        scan.execute(context)
        assert len(ids(tmp_path)) == 5
        assert ids(tmp_path)[0] == first
    assert source.parameters == {"day": "{{ day }}"}


@pytest.mark.parametrize(
    ("allowed", "source", "may"),
    [
        ("", "sql://warehouse/mails", False),
        ("sql://other", "sql://warehouse/mails", False),
        ("sql://warehouse_2", "sql://warehouse/mails", False),
        ("sql://warehouse/mail", "sql://warehouse/mails", False),
        ("sql://warehouse/mails", "sql://warehouse/mails", True),
        ("sql://warehouse/mails", ClaudeSqlSource(conn_id="warehouse", query="select * from mails"), False),
        ("sql://warehouse", ClaudeSqlSource(conn_id="warehouse", query="select * from mails"), True),
    ],
)
def test_only_what_the_deployment_allows_is_read_and_no_other_connection_is_looked_up(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: str, source: Any, may: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__CLAUDE__SOURCES", allowed)
    if may:
        scan_of(tmp_path, source).execute({})
        assert len(ids(tmp_path)) == 10
        return
    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE")
    with pytest.raises(AirflowFailException, match="is not a source that this deployment allows"):
        scan_of(tmp_path, source).execute({})


@pytest.mark.parametrize("allowed", ["sql://warehouse/mails", "sql://warehouse"])
def test_a_query_names_a_connection_alone_as_a_table_would_pass_for_what_is_allowed(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: str
) -> None:
    monkeypatch.setenv("AIRFLOW__CLAUDE__SOURCES", allowed)
    source = ClaudeSqlSource(conn_id="warehouse/mails", query="select id, body from mails")
    with pytest.raises(AirflowFailException, match="write the id of an Airflow connection alone"):
        scan_of(tmp_path, source).execute({})


@pytest.mark.parametrize(
    "given",
    [{"encoding": "latin1"}, {"source_format": "csv"}, {"missing_source": "empty"}, {"unreadable_files": "quarantine"}],
)
def test_what_is_only_for_files_is_refused(warehouse: Path, tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(AirflowFailException, match=f"{next(iter(given))} is .*it says how files are read"):
        scan_of(tmp_path, "sql://warehouse/mails", **given).execute({})


def test_a_group_with_a_query_is_serialized_alike_each_time() -> None:
    try:
        from airflow.serialization.serialized_objects import DagSerialization
    except ImportError:  # before Airflow 3.2
        from airflow.serialization.serialized_objects import SerializedDAG as DagSerialization

    def made() -> Any:
        with DAG("d", schedule=None) as dag:
            claude_batch_job(
                "g",
                job=ClaudeJob(prompt="{body}", output={"type": "object", "properties": {"a": {"type": "string"}}}),
                source=ClaudeSqlSource(conn_id="warehouse", query=BY_DAY, parameters={"day": "{{ day }}"}),
                work="/work",
                output="sql://warehouse/answers",
            )
        return DagSerialization.to_dict(dag)

    assert made() == made()
    assert "{{ day }}" in json.dumps(made())
