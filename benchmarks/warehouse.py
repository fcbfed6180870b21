"""Answers into PostgreSQL: our load beside Airflow's `insert_rows` and pandas' `to_sql`.

    python -m benchmarks.warehouse [ROWS] [ROWS_OF_THE_OTHERS]

Needs PostgreSQL's binaries, and pandas. Each load runs in a fresh process, into a table of its own. The server is a new one, on a
socket, without fsync, so what is compared is the way in, not the disk. The others insert in transactions of 1,000 rows, as they
do by default; ours replaces a partition in one, and counts it.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from airflow_provider_claude.core.tables import ANSWER_KEY_FIELDS, PROVENANCE_FIELDS
from benchmarks.meter import Meter
from benchmarks.rig import PROJECT

#: What each load imports, before it is measured.
LOADS = {
    "ours": ["airflow_provider_claude.stages.publish.into_table", "airflow_provider_claude.databases.postgres"],
    "insert_rows": ["airflow.providers.common.sql.hooks.sql"],
    "insert_rows_many": ["airflow.providers.common.sql.hooks.sql"],
    "to_sql": ["pandas", "sqlalchemy.dialects.postgresql.psycopg"],
}

_PART_ROWS = 10_000

_OWN = [pa.field("sentiment", pa.string()), pa.field("confidence", pa.float64()), pa.field("urgent", pa.bool_())]
SCHEMA = pa.schema([*ANSWER_KEY_FIELDS, *_OWN, *PROVENANCE_FIELDS])


def write_answers(folder: Path, rows: int) -> None:
    """*rows* answers in parts, as a run has them."""
    for number, start in enumerate(range(0, rows, _PART_ROWS), 1):
        numbers = range(start, min(start + _PART_ROWS, rows))
        columns = [pa.array([_value(one, n) for n in numbers], one.type) for one in SCHEMA]
        pq.write_table(pa.table(columns, SCHEMA), folder / f"part-{number:05d}.parquet")


def _value(field: pa.Field, n: int) -> Any:
    kind = field.type
    if pa.types.is_string(kind):
        return None if field.name == "duplicate_of" else f"{field.name} {n:08d}"
    if pa.types.is_decimal(kind):
        return Decimal(n).scaleb(-9)
    if pa.types.is_timestamp(kind):
        return datetime(2026, 11, 22, 5, 0, n % 60, tzinfo=UTC)
    if pa.types.is_list(kind):
        return ["cleaned"] if n % 9 == 0 else []
    return n % 2 == 0 if pa.types.is_boolean(kind) else n % 1_000


def load(how: str, socket: str, folder: str) -> dict[str, float]:
    """What the load *how* of all parts in *folder* took, and how many rows its table has then."""
    parts = sorted(UPath(folder).glob("*.parquet"))
    loads = {"ours": _ours, "insert_rows": _insert_rows, "insert_rows_many": _insert_rows_many, "to_sql": _to_sql}
    for module in ["psycopg", *LOADS[how]]:
        importlib.import_module(module)
    with (meter := Meter()):
        loads[how](socket, parts)
    with _connection(socket) as connection:
        [(rows,)] = connection.execute(f"select count(*) from {how}").fetchall()
    return {**meter.reading, "rows": rows}


def _connection(socket: str, *, autocommit: bool = True) -> Any:
    import psycopg

    return psycopg.connect(host=socket, user="test", dbname="postgres", autocommit=autocommit)


def _ours(socket: str, parts: list[UPath]) -> None:
    from airflow_provider_claude.core.publish.destination import Destination, Holder
    from airflow_provider_claude.core.sql_uri import sql_uri
    from airflow_provider_claude.databases.database import Database
    from airflow_provider_claude.databases.postgres import Postgres
    from airflow_provider_claude.sinks.partition import ManifestRecord
    from airflow_provider_claude.sinks.sql.table import SqlTable
    from airflow_provider_claude.stages.publish.into_table import Incoming, load_table

    uri, at = sql_uri("sql://warehouse/ours", "output"), "2026-11-22T05:00:00+00:00"
    mine = Destination(output=str(uri), holder=Holder(dag_id="benchmark", task_id="load"))
    label = ManifestRecord(
        holder=mine.holder, model="m", prompt_hash="p", schema_hash="s", source="/mail", run="/run",
        planned_at=at, column="day", partition="2026-11-22", published_at=at,
    )  # fmt: skip
    rows = sum(pq.read_metadata(part.path).num_rows for part in parts)
    table = SqlTable(Database("sql://warehouse", lambda: _connection(socket), Postgres), uri)
    load_table(table, mine, parts, Incoming("/mail", rows, SCHEMA), label)


def _insert_rows(socket: str, parts: list[UPath], *, many: bool = False) -> None:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    class Hook(DbApiHook):
        conn_name_attr, default_conn_name, supports_autocommit = "conn_id", "warehouse", True

        def get_conn(self) -> Any:
            return _connection(socket, autocommit=False)

        def _generate_insert_sql(self, table: str, values: Any, *_: Any, **__: Any) -> str:
            return f"insert into {table} values ({', '.join(['%s'] * len(values))})"

        @staticmethod
        def _serialize_cell(cell: Any, conn: Any = None) -> Any:  # noqa: ARG004 - the hook's own signature
            return json.dumps(cell) if isinstance(cell, list) else cell

    table = "insert_rows_many" if many else "insert_rows"
    with _connection(socket) as connection:
        connection.execute(f"create table {table} ({', '.join(f'{one.name} {_type(one.type)}' for one in SCHEMA)})")
    rows = (tuple(row.values()) for part in parts for row in pq.read_table(part.path).to_pylist())
    Hook().insert_rows(table, rows, executemany=many)


def _insert_rows_many(socket: str, parts: list[UPath]) -> None:
    """As the hook of Airflow's PostgreSQL provider does it."""
    _insert_rows(socket, parts, many=True)


def _type(kind: pa.DataType) -> str:
    from airflow_provider_claude.core.publish.sql_types import wanted_columns

    return wanted_columns(pa.schema([("x", kind)]), "postgresql", None, None)[0].type


def _to_sql(socket: str, parts: list[UPath]) -> None:
    from sqlalchemy import JSON, create_engine

    engine = create_engine("postgresql+psycopg://", creator=lambda: _connection(socket, autocommit=False))
    for part in parts:
        frame = pq.read_table(part.path).to_pandas()
        frame["claude_flags"] = frame["claude_flags"].map(list)
        frame.to_sql("to_sql", engine, if_exists="append", index=False, chunksize=1_000, dtype={"claude_flags": JSON})


def main(rows: int, others: int) -> None:
    from tests.databases import running_postgres

    with running_postgres() as socket, tempfile.TemporaryDirectory() as folder:
        for how in LOADS:
            count = rows if how == "ours" else others
            parts = Path(folder) / str(count)
            if not parts.exists():
                parts.mkdir()
                write_answers(parts, count)
            print(_line(how, count, _measured(how, socket, str(parts))), flush=True)


def _measured(how: str, *arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.warehouse", "--load", how, *arguments]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{how} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _line(how: str, rows: int, found: dict[str, float]) -> str:
    if found["rows"] != rows:
        raise RuntimeError(f"{how} left {found['rows']} rows of {rows}.")
    return (
        f"{how:<17} {rows:>9,} rows  {found['wall']:7.2f} s  {rows / found['wall']:>9,.0f} rows/s  "
        f"{found['import_mb']:4.0f} MB, peak {found['peak_mb']:4.0f} MB  loop {found['loop'] * 1000:.1f} ms"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        print(json.dumps(load(*sys.argv[2:])))
    else:
        given = [int(one) for one in sys.argv[1:]]
        main(*(given + [1_000_000, 20_000][len(given) :]))
