"""From an Airflow connection to a database."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.core.sql_uri import sql_uri
from airflow_provider_claude.errors import DestinationError, JobError, SourceError, StoreError
from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.runtime.databases import database, output_at, source_database
from airflow_provider_claude.runtime.paths import to_path
from airflow_provider_claude.sinks.sql.table import SqlTable
from airflow_provider_claude.sources.files.allowed import Allowed, Location


def connection(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(fields))


def test_an_output_of_a_table_is_a_table_and_nothing_is_connected_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    connection(monkeypatch, conn_type="postgres", host="no.such.host.invalid", login="u", password="p", schema="db")
    table = output_at("sql://warehouse/public.answers")
    assert isinstance(table, SqlTable)
    assert str(table) == "sql://warehouse/public.answers"
    with pytest.raises(StoreError) as caught, table.database.opened(DestinationError):
        pass
    assert "sql://warehouse: OperationalError" in str(caught.value)


def test_what_an_extra_holds_for_others_is_no_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    connection(monkeypatch, conn_type="postgres", host="h", extra={"sslmode": "", "own": {"a": 1}})
    assert database("warehouse").name == "sql://warehouse"


def test_an_output_of_a_folder_is_one(tmp_path: Path) -> None:
    assert isinstance(output_at(str(tmp_path)), UPath)


@pytest.mark.parametrize("fields", [{"host": "/{}"}, {"schema": "{}"}, {"host": "", "schema": "/{}"}])
def test_a_sqlite_file_is_named_by_the_host_or_the_schema(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fields: dict[str, str]
) -> None:
    path = str(tmp_path / "a.db").lstrip("/")
    connection(monkeypatch, conn_type="sqlite", **{name: value.format(path) for name, value in fields.items()})
    with closing(database("warehouse").connect()) as made:
        made.execute("create table t (a)")
    assert (tmp_path / "a.db").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"conn_type": "mysql"}, "is of the type 'mysql': sql:// reaches PostgreSQL .* and SQLite"),
        ({"conn_type": "sqlite", "host": "a.db"}, "write the absolute path of an SQLite file"),
        ({"conn_type": "sqlite"}, "write the absolute path of an SQLite file"),
        ({"conn_type": "postgres", "extra": {"iam": True}}, "has 'iam' in its extra"),
    ],
)
def test_a_connection_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], said: str
) -> None:
    connection(monkeypatch, **fields)
    with pytest.raises(JobError, match=said):
        database("warehouse")


def test_a_connection_that_is_not_there_is_named(airflow_db: Path) -> None:
    with pytest.raises(JobError, match="There is no Airflow connection 'nowhere' for sql://nowhere"):
        database("nowhere")


@pytest.mark.parametrize("uri", ["sql://warehouse", "sql://warehouse/public.claude_partitions"])
def test_an_output_without_a_table_or_of_our_own_is_refused_also_when_the_dag_is_parsed(uri: str) -> None:
    with pytest.raises(JobError, match=r"write sql://<conn_id>/<schema>.<table>"):
        output_at(uri)
    with pytest.raises(JobError, match=r"write sql://<conn_id>/<schema>.<table>"):
        ClaudeReportOperator(task_id="report", run_folder="/work", publish_to=uri)
    ClaudeReportOperator(task_id="report", run_folder="/work", publish_to="{{ params.output }}")


def test_a_database_is_no_folder() -> None:
    with pytest.raises(JobError, match="is a database, and a folder or a file has to be named here"):
        to_path("sql://warehouse/answers")


def test_a_sqlite_file_that_answers_make_is_only_for_the_user_of_the_workers_to_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connection(monkeypatch, conn_type="sqlite", host=str(tmp_path / "a.db"))
    with closing(database("warehouse").connect()) as made:
        made.execute("create table t (a)")
    assert stat.S_IMODE((tmp_path / "a.db").stat().st_mode) == 0o600


def test_a_source_that_is_not_there_is_not_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    connection(monkeypatch, conn_type="sqlite", host=str(tmp_path / "a%20?#b.db"))
    uri = sql_uri("sql://warehouse", "source")
    source = source_database(uri, Allowed((Location.database(uri),)))
    with pytest.raises(SourceError, match="unable to open"), source.opened(SourceError) as session:
        session.rows("select 1 from sqlite_master")
    assert list(tmp_path.iterdir()) == []
    with closing(sqlite3.connect(tmp_path / "a%20?#b.db")) as made:
        made.execute("create table t (a)")
    with source.opened(SourceError) as session:
        assert session.rows("select name from sqlite_master") == [("t",)]
