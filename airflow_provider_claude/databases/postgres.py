"""PostgreSQL by psycopg 3: snapshots, rows as they come, and COPY (https://www.psycopg.org/psycopg3/docs/)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, ClassVar

from airflow_provider_claude.core.sql_uri import STAGING
from airflow_provider_claude.databases.database import Column, Values

#: Classes of SQLSTATE that may pass: connection, conflict, resources, locks, an operator's act, the system
#: (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_PASSING = frozenset({"08", "40", "53", "55", "57", "58"})

_COLUMNS = """
select attname, format_type(atttypid, atttypmod),
       attnotnull and not atthasdef and attidentity = '' and attgenerated = ''
from pg_attribute
join pg_class on pg_class.oid = attrelid and relkind in ('r', 'p', 'v', 'm', 'f')
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = %s and relname = %s and attnum > 0 and not attisdropped
order by attnum
"""


class Postgres:
    """A session of a psycopg connection that commits each statement, unless it is in a transaction."""

    kind: ClassVar[str] = "postgresql"
    mark: ClassVar[str] = "%s"
    locked: ClassVar[str] = " for update"
    staging: ClassVar[str] = f"pg_temp.{STAGING}"
    longest_name: ClassVar[int] = 63

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @staticmethod
    def errors() -> type[Exception]:
        import psycopg

        return psycopg.Error

    @staticmethod
    def may_pass(error: Exception) -> bool:
        import psycopg

        state = getattr(error, "sqlstate", None)
        return isinstance(error, psycopg.OperationalError) if state is None else state[:2] in _PASSING

    @staticmethod
    def said(error: Exception) -> str:
        import psycopg

        if isinstance(error, psycopg.DataError):  # its first sentence quotes the value
            state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
            return f"a value of it cannot be read or converted{state}"
        return getattr(getattr(error, "diag", None), "message_primary", None) or str(error)

    @staticmethod
    def is_temporary(schema: str) -> bool:
        return schema.startswith(("pg_temp", "pg_toast_temp"))

    @staticmethod
    def key(table: str) -> str:
        return table

    def quoted(self, name: str) -> str:
        # The percent sign is psycopg's own: every statement goes through its reading of marks.
        return self.literal('"' + name.replace('"', '""') + '"')

    def literal(self, text: str) -> str:
        return text.replace("%", "%%")

    def rows(self, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement.encode(), values)
            return list(cursor.fetchall()) if cursor.description else []

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._connection.transaction():
            self.rows("set transaction isolation level read committed")
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self._connection.transaction():
            self.rows("set transaction isolation level repeatable read, read only")
            self.rows("set local datestyle = 'ISO'")
            yield

    def described(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(query.encode(), parameters)
            return list(cursor.description)

    @contextmanager
    def stream(self, query: str, parameters: Mapping[str, Any]) -> Iterator[Iterator[tuple[Any, ...]]]:
        with self._connection.cursor() as cursor, closing(cursor.stream(query.encode(), parameters)) as rows:
            yield rows

    def lock(self, name: str) -> None:
        self.rows("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])

    def default_schema(self) -> str:
        return str(self.rows("select coalesce(current_schema(), 'public')")[0][0])

    def columns(self, schema: str, table: str) -> list[Column]:
        return [Column(*row) for row in self.rows(_COLUMNS, [schema, table])]

    def index(self, schema: str, table: str, column: str) -> None:
        self.rows(f"create index on {self.quoted(schema)}.{self.quoted(table)} ({self.quoted(column)})")

    def stage(self, target: str, columns: Sequence[str]) -> None:
        names = ", ".join(map(self.quoted, columns))
        self.rows(f"create temporary table {STAGING} on commit drop as select {names} from {target} with no data")

    def fill(self, width: int, parts: Iterable[bytes]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(f"copy {self.staging} from stdin".encode()) as copy:
            for part in parts:
                copy.write(part)

    def cast(self, kind: str) -> str:
        return f"cast(%s as {kind})"
