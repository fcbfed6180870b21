"""From an Airflow connection to a database, and from what a task is given as output to a folder or a table."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_claude.core.sql_uri import SqlUri, is_sql, sql_uri, table_uri
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.extras import need
from airflow_provider_claude.runtime.paths import to_path
from airflow_provider_claude.sources.sql_source import ClaudeSqlSource
from airflow_provider_claude.store.access import OWNER, granted

if TYPE_CHECKING:
    from airflow.sdk import Connection
    from upath import UPath

    from airflow_provider_claude.databases.database import Database
    from airflow_provider_claude.sinks.sql.table import SqlTable
    from airflow_provider_claude.sources.files.allowed import Allowed

#: Seconds that SQLite waits for another process that writes.
_SQLITE_WAIT = 60

#: What the extra of a PostgreSQL connection may hold for others than libpq, and what cannot be done here
#: (https://airflow.apache.org/docs/apache-airflow-providers-postgres/stable/connections/postgres.html).
_OF_HOOKS = frozenset(
    {"cursor", "sqlalchemy_scheme", "sqlalchemy_query", "aws_conn_id", "azure_conn_id", "region_name"}
)
_TOKENS = ("iam", "redshift", "redshift-serverless")


def output_at(uri: str) -> UPath | SqlTable:
    """Where *uri* says that answers go. Raises JobError where it is no place."""
    return sql_table(table_uri(uri)) if is_sql(uri) else to_path(uri)


def source_database(source: SqlUri | ClaudeSqlSource, allowed: Allowed) -> Database:
    """The database of *source*, which is not made where there is none.

    Raises SourceError where it is not *allowed*: its connection was not looked up. JobError where a query names a table, too:
    what is allowed of a table alone would pass for it.
    """
    from airflow_provider_claude.sources.files.allowed import Location

    uri = source if isinstance(source, SqlUri) else sql_uri(f"sql://{source.conn_id}", "conn_id")
    if isinstance(source, ClaudeSqlSource) and uri.table is not None:
        raise JobError(f"conn_id is {source.conn_id!r:.300}: write the id of an Airflow connection alone.")
    location = Location.database(uri)
    allowed.need(location if location.path else location._replace(path="/"), str(uri))
    return database(uri.conn_id, make=False)


def sql_table(uri: SqlUri) -> SqlTable:
    from airflow_provider_claude.sinks.sql.table import SqlTable

    return SqlTable(database(uri.conn_id), uri)


def database(conn_id: str, *, make: bool = True) -> Database:
    """The database of the Airflow connection *conn_id*; nothing is connected yet. *make*: an SQLite file that is not there.

    Raises JobError where there is no such connection, or none to a database that is supported.
    """
    from airflow_provider_claude.databases.database import Database
    from airflow_provider_claude.databases.postgres import Postgres
    from airflow_provider_claude.databases.sqlite import Sqlite

    connection = _connection(conn_id)
    name = f"sql://{conn_id}"
    match connection.conn_type:
        case "postgres" | "postgresql":
            need("postgres", f"The connection {conn_id!r} to PostgreSQL")
            arguments = _postgres_arguments(connection, conn_id)
            return Database(name, lambda: _postgres(arguments), Postgres)
        case "sqlite":
            path = _sqlite_path(connection, conn_id)
            return Database(name, lambda: _sqlite(path, make=make), Sqlite)
        case other:
            raise JobError(
                f"The connection {conn_id!r} of {name} is of the type {other!r}: sql:// reaches PostgreSQL (type 'postgres') and "
                "SQLite (type 'sqlite'). For another database, publish to a folder and load its Parquet files."
            )


def place_of(conn_id: str) -> tuple[str, str, str]:
    """The kind of the database of *conn_id*, its host and port or its file, and its name: for people, without user or password.

    Raises JobError where there is no such connection.
    """
    connection = _connection(conn_id)
    if connection.conn_type == "sqlite":
        path = _sqlite_path(connection, conn_id)
        return "sqlite", path, path.rpartition("/")[2]
    host = (connection.host or "localhost").rpartition("@")[2]
    return "postgres", f"{host}:{connection.port or 5432}", connection.schema or connection.login or "postgres"


def _connection(conn_id: str) -> Connection:
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as e:
        raise JobError(
            f"There is no Airflow connection {conn_id!r} for sql://{conn_id}. Set it under Admin > Connections, or as "
            f"AIRFLOW_CONN_{conn_id.upper()}, for the workers."
        ) from e


def _postgres_arguments(connection: Connection, conn_id: str) -> dict[str, Any]:
    """What psycopg connects with."""
    extra = connection.extra_dejson
    if asked := [name for name in _TOKENS if extra.get(name)]:
        raise JobError(
            f"The connection {conn_id!r} has {asked[0]!r} in its extra: sql:// connects with a user and a password, or with a "
            "certificate (sslcert, sslkey). Give it a connection of its own."
        )
    given = {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password,
        "dbname": connection.schema,
        **{name: value for name, value in extra.items() if name not in {*_OF_HOOKS, *_TOKENS}},
    }
    return {name: value for name, value in given.items() if value is not None and value != ""}


def _postgres(arguments: dict[str, Any]) -> Any:
    import psycopg

    return psycopg.connect(
        **{"application_name": "airflow-provider-claude", **arguments}, client_encoding="utf8", autocommit=True
    )


def _sqlite_path(connection: Connection, conn_id: str) -> str:
    """The file of *connection*: absolute in its host, or after the slash of a URI (`sqlite:////data/a.db`)."""
    path = connection.host or connection.schema or ""
    if connection.schema and not connection.host:
        path = f"/{path.lstrip('/')}"
    if not path.startswith("/"):
        raise JobError(
            f"The connection {conn_id!r} has the host {path!r:.200}: write the absolute path of an SQLite file."
        )
    return path


def _sqlite(path: str, *, make: bool) -> Any:
    import sqlite3

    if make:
        _make_file(path)
    return sqlite3.connect(f"file://{quote(path)}?mode=rw", uri=True, timeout=_SQLITE_WAIT, isolation_level=None)


def _make_file(path: str) -> None:
    """Make the file *path* where there is none: SQLite itself would let all users of the machine read it."""
    with suppress(OSError):  # SQLite says why it cannot open it
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER.file)
        os.fchmod(handle, granted().file)
        os.close(handle)
