"""As many rows as the labelled reviews, of every type, come back from each database as they were."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from airflow_provider_claude.cli.run_tables import _dataset
from airflow_provider_claude.cli.sql import _opened
from airflow_provider_claude.databases.database import Database
from tests.databases import database, rows_of, socket
from tests.sinks.test_sql import HOSTILE, every_type, loading, part_of, table_of

__all__ = ["database", "socket"]

ROWS = 18_383


def many() -> pa.Table:
    """The rows of `every_type` in turn, each with a text and a key of its own."""
    table = every_type()
    rows = table.take(pa.array([n % table.num_rows for n in range(ROWS)]))
    texts = pa.array([f"{n} {HOSTILE[n % len(HOSTILE)]}" for n in range(ROWS)])
    place = rows.schema.get_field_index("a_text")
    return rows.set_column(place, "a_text", texts).add_column(0, "item_id", pa.array([f"{n:06d}" for n in range(ROWS)]))


def _json(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _took(text: str) -> timedelta:
    return timedelta(microseconds=int(text.removesuffix(" microseconds")))


#: How a reader of SQLite makes a value of its text, by the column.
READ: dict[str, Callable[[Any], Any]] = {
    "a_bool": bool,
    "a_uint64": int,
    "money": Decimal,
    "wide": Decimal,
    "at": datetime.fromisoformat,
    "in_berlin": datetime.fromisoformat,
    "local": datetime.fromisoformat,
    "on": date.fromisoformat,
    "clock": time.fromisoformat,
    "took": _took,
    "words": _json,
    "nested": _json,
}


def compared(found: Sequence[tuple[Any, ...]], table: pa.Table, read: dict[str, Callable[[Any], Any]]) -> None:
    """Fail at the first column of *found* that does not hold what *table* does."""
    assert len(found) == ROWS
    for name, values in zip(table.column_names, zip(*found, strict=True), strict=True):
        as_read = read.get(name, lambda value: value)
        assert [None if value is None else as_read(value) for value in values] == table[name].to_pylist(), name


def test_every_row_comes_back_from_a_database_as_it_was(database: Database, tmp_path: Path) -> None:
    table = many()
    halves = [part_of(tmp_path, table.slice(0, 9_000), 1), part_of(tmp_path, table.slice(9_000), 2)]
    assert loading(table_of(database), halves, table.schema).rows == ROWS
    names = ", ".join(f'"{name}"' for name in table.column_names if name != "nested")
    postgres = database.session.kind == "postgresql"
    nested = "nested::text" if postgres else "nested"  # psycopg would make floats of its numbers
    found = rows_of(database, f"select {names}, {nested} from answers order by item_id")
    last = table.select([*(name for name in table.column_names if name != "nested"), "nested"])
    compared(found, last, {"nested": _json} if postgres else READ)


def test_every_row_is_read_by_duckdb_as_it_was(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    table = many()
    paths = [part_of(tmp_path, table.slice(0, 9_000), 1), part_of(tmp_path, table.slice(9_000), 2)]
    names = ", ".join(f'"{name}"' for name in table.column_names)
    found = _opened({"answers": _dataset(paths)}).execute(f"select {names} from answers order by item_id").fetchall()
    compared(found, table, {"wide": Decimal})
