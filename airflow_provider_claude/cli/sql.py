"""`sql`: a query over the answers, unresolved rows, quarantine and costs of a run, by DuckDB."""

from __future__ import annotations

import argparse
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.cli.run_tables import MEANINGS, tables_of
from airflow_provider_claude.cli.screen import NOTHING, Screen, number
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.extras import need
from airflow_provider_claude.store import RunFolder

if TYPE_CHECKING:
    import duckdb

DESCRIPTION = """Ask the tables of a run with SQL, as DuckDB reads it: answers, unresolved, quarantine, duplicates, items,
attempts. Without a query they are listed with their columns. Nothing is written, and no other file can be read.

  claude-batch sql work/email_sentiment_nightly/sentiment/2026-11-22 \\
    "select sentiment, count(*) as mails, avg(confidence) from answers group by all order by mails desc"
"""

#: So many rows are fetched at once.
_BATCH_ROWS = 2_000

#: Bytes of memory that this process may take for a query: DuckDB counts neither the constants of one nor what it hands over.
_MOST_MEMORY = 2_000_000_000

#: What a query may find at most, in bytes and in values: each value becomes an object, of which a list may hold millions.
_MOST_BYTES, _MOST_VALUES = 100_000_000, 10_000_000

#: Characters of a value that people see; a document has all.
_SHOWN = 1_000

#: A query reads the tables of its run and nothing else: it may come from a page or a ticket.
_SETTINGS = {
    "memory_limit": "'1GB'",  # and nothing is written to a disk instead
    "temp_directory": "''",
    "enable_external_access": "false",
    "python_enable_replacements": "false",  # a table of the query is none of this program's variables
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "TimeZone": "'UTC'",
    "lock_configuration": "true",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run folder, as `runs` lists it")
    parser.add_argument("query", metavar="QUERY", nargs="?", help="one SELECT; without it the tables are listed")
    parser.add_argument(
        "--limit", metavar="N", type=int, default=100, help="the most rows to show, 0 for all (default: %(default)s)"
    )


def show_sql(run: RunFolder, query: str | None, out: Screen, *, limit: int) -> int:
    """Show what *query* finds in the tables of *run*, at most *limit* rows, 0 for all; without a query its tables.

    Returns the exit code. Raises JobError where DuckDB is not installed or refuses the query.
    """
    need("duckdb", "claude-batch sql")
    database = _opened(tables_of(run))
    try:
        return _show_tables(database, run, out) if query is None else _show_rows(database, query, out, limit)
    finally:
        database.close()


def _opened(tables: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    import duckdb

    database = duckdb.connect(":memory:")
    for name, table in tables.items():
        database.register(name, table)
    for setting, value in _SETTINGS.items():
        database.execute(f"SET {setting} = {value}")
    return database


def _show_tables(database: duckdb.DuckDBPyConnection, run: RunFolder, out: Screen) -> int:
    found = []
    for name, meaning in MEANINGS.items():
        columns = database.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", [name]
        ).fetchall()
        if columns:
            [(rows,)] = database.execute(f"SELECT count(*) FROM {name}").fetchall()  # noqa: S608 - names of MEANINGS
            found.append({"table": name, "meaning": meaning, "rows": rows, "columns": dict(columns)})
    out.document({"run": str(run), "tables": found})
    for one in found:
        out.line(f"{one['table']}  {number(one['rows'])} rows: {one['meaning']}")
        out.table(("  column", "type"), [(f"  {name}", kind) for name, kind in one["columns"].items()])
        out.line()
    return 0


def _show_rows(database: duckdb.DuckDBPyConnection, query: str, out: Screen, limit: int) -> int:
    import duckdb

    try:
        with _bounded(_MOST_MEMORY):
            _check_query(database, query)
            columns, rows = _found(database, query, limit)
    except duckdb.Error as e:
        raise JobError(f"DuckDB refused the query: {e}") from e
    except MemoryError as e:
        raise JobError(
            f"The query needs more than {_MOST_MEMORY:,} bytes of memory: select fewer rows or columns."
        ) from e
    more = limit > 0 and len(rows) > limit
    shown = rows[:limit] if more else rows
    out.document({"columns": columns, "rows": shown, "more": more})
    out.table(columns, [[_cell(value) for value in row] for row in shown])
    if more:
        out.line(f"There are more rows than these {limit:,}: write --limit 0 for all of them.")
    return 0


@contextmanager
def _bounded(more: int) -> Iterator[None]:
    """Within the block this process gets at most *more* bytes of memory, where the system holds it to that, as Linux does."""
    import psutil  # type: ignore[import-untyped]

    facts = psutil.Process().memory_info()
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = getattr(facts, "data", facts.vms) + more
    limits = [one for one in (before, most) if one != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(wanted, *limits) if limits else wanted, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))


def _check_query(database: duckdb.DuckDBPyConnection, query: str) -> None:
    """Raise JobError where *query* is not one statement that reads."""
    from duckdb import StatementType

    kinds = [statement.type for statement in database.extract_statements(query)]
    if kinds != [StatementType.SELECT]:
        raise JobError("Write one SELECT: the tables of a run are only read.")


def _found(database: duckdb.DuckDBPyConnection, query: str, limit: int) -> tuple[list[str], list[list[Any]]]:
    """The columns of what *query* finds, and its rows: one more than *limit* where there are more."""
    reader = database.sql(query).to_arrow_reader(_BATCH_ROWS)
    rows: list[list[Any]] = []
    size = values = 0
    for batch in reader:
        size, values = size + batch.nbytes, values + sum(map(_values, batch.columns))
        if size > _MOST_BYTES or values > _MOST_VALUES:
            raise JobError(
                f"The query finds more than {_MOST_BYTES:,} bytes or {_MOST_VALUES:,} values: select fewer rows or columns."
            )
        columns = [column.to_pylist() for column in batch.columns]
        rows += map(list, zip(*columns, strict=True))
        if 0 < limit < len(rows):
            return reader.schema.names, rows[: limit + 1]
    return reader.schema.names, rows


def _values(column: Any) -> int:
    """How many values *column* has, with those in its lists and structs."""
    import pyarrow.types as kinds

    parts: list[Any] = []
    if kinds.is_struct(column.type):
        parts = column.flatten()
    elif kinds.is_union(column.type):
        parts = [column.field(n) for n in range(column.type.num_fields)]
    elif kinds.is_map(column.type):
        parts = [column.keys, column.items]
    elif kinds.is_nested(column.type):
        parts = [column.flatten()]
    return len(column) + sum(map(_values, parts))


def _cell(value: object) -> str:
    """*value* as people see it."""
    text = NOTHING if value is None else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
