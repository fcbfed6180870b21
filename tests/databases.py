"""Databases for tests: SQLite files, and a PostgreSQL server of the machine's own binaries."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_claude.databases.database import Database
from airflow_provider_claude.databases.postgres import Postgres
from airflow_provider_claude.databases.sqlite import Sqlite

Connect = Callable[[], Any]


@contextmanager
def running_postgres() -> Iterator[str]:
    """The folder of the socket of a server that has the database `postgres` of the user `test`. Skips where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    binaries, as_user = found[-1].parent, ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    if as_user:
        shutil.chown(folder, "postgres")

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*as_user, str(binaries / program), "-D", str(folder / "data"), *arguments],
            check=True, stdout=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip

    try:
        run("initdb", "--no-sync", "-A", "trust", "-U", "test", "--locale=C.UTF-8", "-E", "UTF8")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=20"
        run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)
        try:
            yield str(folder)
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


def postgres_at(socket: str) -> Database:
    """The database of a running server, emptied."""
    import psycopg

    def connect() -> Any:
        return psycopg.connect(host=socket, user="test", dbname="postgres", client_encoding="utf8", autocommit=True)

    with connect() as connection:
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
    return Database("sql://warehouse", connect, Postgres)


def sqlite_at(path: Path) -> Database:
    return Database("sql://warehouse", lambda: sqlite3.connect(path, timeout=60, isolation_level=None), Sqlite)


def rows_of(database: Database, query: str) -> list[tuple[Any, ...]]:
    """What *query* gives, by the driver alone."""
    connection = database.connect()
    try:
        return list(connection.execute(query).fetchall())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    with running_postgres() as folder:
        yield folder


@pytest.fixture(params=["postgres", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return sqlite_at(tmp_path / "warehouse.db")
    return postgres_at(request.getfixturevalue("socket"))
