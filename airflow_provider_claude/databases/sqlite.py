"""SQLite by Python's own driver. One process writes at a time; others wait, readers see what is committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, ClassVar

from airflow_provider_claude.core.sql_uri import STAGING
from airflow_provider_claude.databases.database import Column, Values

#: Results of SQLite that may pass (https://www.sqlite.org/rescode.html).
_PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL")


class Sqlite:
    """A session of a connection that commits each statement, unless it is in a transaction."""

    kind: ClassVar[str] = "sqlite"
    mark: ClassVar[str] = "?"
    locked: ClassVar[str] = ""
    staging: ClassVar[str] = f"temp.{STAGING}"
    longest_name: ClassVar[int] = 1_000

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @staticmethod
    def errors() -> type[Exception]:
        return sqlite3.Error

    @staticmethod
    def may_pass(error: Exception) -> bool:
        return str(getattr(error, "sqlite_errorname", "")).startswith(_PASSING)

    @staticmethod
    def said(error: Exception) -> str:
        return str(error)

    @staticmethod
    def is_temporary(schema: str) -> bool:
        return schema.lower() == "temp"

    @staticmethod
    def key(table: str) -> str:
        return table.encode().lower().decode()  # of ASCII alone, as SQLite compares names

    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def literal(self, text: str) -> str:
        return text

    def rows(self, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
        return list(self._connection.execute(statement, values).fetchall())

    def transaction(self) -> Any:
        return self._between("begin immediate")

    def snapshot(self) -> Any:
        self.rows("pragma query_only = on")
        return self._between("begin")

    @contextmanager
    def _between(self, begin: str) -> Iterator[None]:
        self.rows(begin)
        try:
            yield
            self.rows("commit")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.rollback()
            raise

    def described(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
        with closing(self._connection.execute(query, parameters)) as cursor:
            return list(cursor.description)

    @contextmanager
    def stream(self, query: str, parameters: Mapping[str, Any]) -> Iterator[Iterator[tuple[Any, ...]]]:
        # Texts come as bytes: the driver would fail on one that is no UTF-8.
        self._connection.text_factory, before = bytes, self._connection.text_factory
        try:
            with closing(self._connection.execute(query, parameters)) as cursor:
                yield iter(cursor)
        finally:
            self._connection.text_factory = before

    def lock(self, name: str) -> None:
        """Nothing to do: a transaction has the whole database."""

    def default_schema(self) -> str:
        return "main"

    def columns(self, schema: str, table: str) -> list[Column]:
        found = self.rows(
            'select name, type, "notnull" and dflt_value is null from pragma_table_info(?, ?)', [table, schema]
        )
        return [Column(name, kind, bool(required)) for name, kind, required in found]

    def index(self, schema: str, table: str, column: str) -> None:
        name = f"{self.quoted(schema)}.{self.quoted(f'{table} by {column}')}"
        self.rows(f"create index {name} on {self.quoted(table)} ({self.quoted(column)})")

    def stage(self, target: str, columns: Sequence[str]) -> None:
        names = ", ".join(map(self.quoted, columns))
        self.rows(f"create temporary table {STAGING} as select {names} from {target} limit 0")

    def fill(self, width: int, parts: Iterable[Sequence[tuple[Any, ...]]]) -> None:
        marks = ", ".join("?" * width)
        for part in parts:
            self._connection.executemany(f"insert into {self.staging} values ({marks})", part)

    def cast(self, kind: str) -> str:
        return "?"
