"""Answers in a table: real databases, each partition replaced whole or not at all."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.core.publish.destination import ALWAYS, Destination, Holder
from airflow_provider_claude.core.sql_uri import SqlUri, sql_uri
from airflow_provider_claude.databases.database import Database
from airflow_provider_claude.errors import DestinationError, JobError, StateError, StoreError
from airflow_provider_claude.sinks.partition import ManifestRecord
from airflow_provider_claude.sinks.sql import table as table_module
from airflow_provider_claude.sinks.sql.table import SqlTable
from airflow_provider_claude.stages.publish.into_table import Incoming, claim_table, load_table
from tests.databases import database, postgres_at, rows_of, socket, sqlite_at

__all__ = ["database", "socket"]

HOLDER = Holder(dag_id="mail", task_id="sentiment.plan")
HOSTILE = [
    "a\\b\tc\nd\re",
    "\\.",
    "\\N",
    "",
    "'; drop table answers; --",
    '"x"',
    "{1,2}",
    "é 😀 \u202e",
    "%s %(a)s %%",
    "\x1a",
]


def table_of(database: Database, uri: str = "sql://warehouse/answers") -> SqlTable:
    return SqlTable(database, sql_uri(uri, "output"))


def part_of(folder: Path, table: pa.Table, number: int = 1) -> UPath:
    path = folder / f"part-{number:05d}.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return UPath(path)


def answers(texts: Sequence[str | None]) -> pa.Table:
    ids = pa.array([f"m-{n}" for n in range(len(texts))])
    return pa.table({"item_id": ids, "text": pa.array(texts, pa.string())})


def loading(
    table: SqlTable,
    parts: Sequence[UPath],
    schema: pa.Schema,
    *,
    day: str | None = "2026-11-22",
    rows: int | None = None,
    source: str = "/mail",
    **mine: Any,
) -> Any:
    """Load *parts* as the partition *day*."""
    count = sum(pq.read_metadata(part.path).num_rows for part in parts) if rows is None else rows
    destination = Destination(output=str(table), **{"holder": HOLDER, **mine})
    label = ManifestRecord(
        holder=destination.holder, model="m", prompt_hash="p", schema_hash="s", source=source, run="/run",
        planned_at="2026-11-22T00:00:00+00:00", column="day", partition=day, published_at="2026-11-23T00:00:00+00:00",
    )  # fmt: skip
    return load_table(table, destination, parts, Incoming(source, count, schema), label)


def load_texts(database: Database, folder: Path, texts: Sequence[str | None], **more: Any) -> Any:
    found = answers(texts)
    return loading(table_of(database), [part_of(folder, found)], found.schema, **more)


def texts_of(database: Database, day: str = "2026-11-22") -> list[str]:
    return [row[0] for row in rows_of(database, f"select text from answers where day = '{day}' order by item_id")]


def every_type() -> pa.Table:
    """A row of values, one of extremes, and one of nulls, of each type that an answer or a carried column can have."""
    now, moment = datetime(2026, 11, 22, 5, 0, 0, 123456, UTC), datetime(1969, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001 - a local time
    columns: dict[str, tuple[pa.DataType, list[Any]]] = {
        "a_text": (pa.string(), ["plain", HOSTILE[0]]),
        "a_bool": (pa.bool_(), [True, False]),
        "an_int8": (pa.int8(), [1, -128]),
        "an_int16": (pa.int16(), [1, -(2**15)]),
        "an_int32": (pa.int32(), [1, -(2**31)]),
        "an_int64": (pa.int64(), [1, -(2**63)]),
        "a_uint32": (pa.uint32(), [1, 2**32 - 1]),
        "a_uint64": (pa.uint64(), [1, 2**64 - 1]),
        "a_float": (pa.float32(), [0.5, 1048576.5]),
        "a_double": (pa.float64(), [0.1, 5e-324]),
        "money": (pa.decimal128(18, 12), [Decimal("0.000000000001"), Decimal("-999999.999999999999")]),
        "wide": (pa.decimal256(60, 5), [Decimal("1.00000"), Decimal("9" * 55 + ".99999")]),
        "at": (pa.timestamp("us", tz="UTC"), [now, now]),
        "in_berlin": (pa.timestamp("ms", tz="Europe/Berlin"), [now.replace(microsecond=123000)] * 2),
        "local": (pa.timestamp("us"), [moment, moment]),
        "on": (pa.date32(), [date(2026, 2, 28), date(1, 1, 1)]),
        "clock": (pa.time64("us"), [time(23, 59, 59, 999999), time(0)]),
        "took": (pa.duration("ms"), [timedelta(milliseconds=1500), timedelta(days=-3)]),
        "words": (pa.list_(pa.string()), [["a", 'b"c'], []]),
        "nested": (
            pa.struct([("size", pa.decimal128(5, 2)), ("tags", pa.list_(pa.int64()))]),
            [{"size": Decimal("1.50"), "tags": [1, None]}, {"size": None, "tags": []}],
        ),
        "nothing": (pa.null(), [None, None]),
    }
    return pa.table({name: pa.array([*values, None], kind) for name, (kind, values) in columns.items()})


def test_every_type_of_answer_comes_back_from_postgresql_as_it_was(socket: str, tmp_path: Path) -> None:
    database, table = postgres_at(socket), every_type()
    loading(table_of(database), [part_of(tmp_path, table)], table.schema)
    names = ", ".join(f'"{name}"' for name in table.column_names)
    found = rows_of(database, f"select {names}, day from answers order by an_int64 desc nulls last")
    expected = [tuple(row.values()) for row in table.to_pylist()]
    assert [row[:-1] for row in found] == [tuple(float_of_json(value) for value in row) for row in expected]
    assert {row[-1] for row in found} == {date(2026, 11, 22)}
    kinds = dict(
        rows_of(database, "select column_name, data_type from information_schema.columns where table_name = 'answers'")
    )
    assert kinds["at"] == "timestamp with time zone"
    assert kinds["words"] == kinds["nested"] == "jsonb"
    assert kinds["money"] == "numeric"
    size = rows_of(database, "select nested->>'size' from answers where an_int64 = 1")
    assert size == [("1.50",)]


def float_of_json(value: Any) -> Any:
    """*value* as psycopg reads it back: numbers of jsonb are floats in Python."""
    return {**value, "size": value["size"] and float(value["size"])} if isinstance(value, dict) else value


def test_every_type_of_answer_is_exact_in_sqlite(tmp_path: Path) -> None:
    database, table = sqlite_at(tmp_path / "a.db"), every_type()
    loading(table_of(database), [part_of(tmp_path, table)], table.schema)
    names = ", ".join(f'"{name}"' for name in table.column_names)
    first, second, third = rows_of(database, f"select {names} from answers order by rowid")
    one, two = dict(zip(table.column_names, first, strict=True)), dict(zip(table.column_names, second, strict=True))
    assert set(third) == {None}
    assert (one["a_bool"], two["a_bool"], two["an_int64"], two["a_uint64"]) == (1, 0, -(2**63), str(2**64 - 1))
    assert (one["money"], two["money"], two["wide"]) == ("0.000000000001", "-999999.999999999999", "9" * 55 + ".99999")
    assert (two["a_text"], one["a_double"], two["a_double"]) == (HOSTILE[0], 0.1, 5e-324)
    assert datetime.fromisoformat(one["in_berlin"]) == datetime(2026, 11, 22, 5, 0, 0, 123000, UTC)
    assert json.loads(one["nested"], parse_float=Decimal) == {"size": Decimal("1.50"), "tags": [1, None]}
    assert json.loads(one["words"]) == ["a", 'b"c']


def test_hostile_texts_come_back_letter_by_letter(database: Database, tmp_path: Path) -> None:
    load_texts(database, tmp_path, HOSTILE)
    assert texts_of(database) == HOSTILE


def test_a_text_with_nul_stops_no_load_and_the_report_says_what_stands_for_it(socket: str, tmp_path: Path) -> None:
    database = postgres_at(socket)
    table = pa.table(
        {"item_id": ["m-0"], "text": ["a\0b"], "words": pa.array([["\0", "\\u0000"]], pa.list_(pa.string()))}
    )
    loaded = loading(table_of(database), [part_of(tmp_path, table)], table.schema)
    assert rows_of(database, "select text, words from answers") == [("a\ufffdb", ["\ufffd", "\\u0000"])]
    [warning] = loaded.warnings
    assert warning == (
        "2 values in sql://warehouse/answers/day=2026-11-22 held the character NUL, which PostgreSQL does not store: "
        "U+FFFD stands in its place."
    )


def test_a_nan_is_null_in_sqlite_and_the_report_says_so(tmp_path: Path) -> None:
    database, table = sqlite_at(tmp_path / "a.db"), pa.table({"item_id": ["m-0"], "score": [float("nan")]})
    loaded = loading(table_of(database), [part_of(tmp_path, table)], table.schema)
    assert "were not a number (NaN)" in loaded.warnings[0]


@pytest.mark.parametrize("name", ['a"; drop table x; --', "select", "50% off", "%s", "ä ö", "Day"])
def test_names_are_quoted_whatever_is_in_them(database: Database, tmp_path: Path, name: str) -> None:
    table = pa.table({"item_id": ["m-0"], name: ["x"]})
    uri = str(SqlUri("warehouse", None, f"{name}.t"))
    loading(table_of(database, uri), [part_of(tmp_path, table)], table.schema, column=f"{name} day")
    loading(table_of(database, uri), [part_of(tmp_path, table)], table.schema, column=f"{name} day")
    quoted = name.replace('"', '""')
    query = f'select item_id, "{quoted}" from "{quoted}.t" where "{quoted} day" = \'2026-11-22\''
    assert rows_of(database, query) == [("m-0", "x")]


def test_loading_twice_equals_loading_once_and_leaves_other_days_alone(database: Database, tmp_path: Path) -> None:
    load_texts(database, tmp_path / "1", ["a", "b"], day="2026-11-21")
    for _ in range(2):
        load_texts(database, tmp_path / "2", ["c", "d", "e"])
    assert texts_of(database, "2026-11-21") == ["a", "b"]
    assert texts_of(database) == ["c", "d", "e"]


def test_a_table_without_partitions_is_replaced_whole(database: Database, tmp_path: Path) -> None:
    load_texts(database, tmp_path / "1", ["a", "b", "c"], day=None)
    load_texts(database, tmp_path / "2", ["d", "e"], day=None)
    assert rows_of(database, "select * from answers order by item_id") == [("m-0", "d"), ("m-1", "e")]
    with pytest.raises(DestinationError, match=r"is used with and without partitions|has no column 'day'"):
        load_texts(database, tmp_path / "3", ["d", "e"])


class Breaking:
    """A connection that fails at its *n*th statement; the driver's own otherwise."""

    def __init__(self, connection: Any, at: int) -> None:
        self.connection, self.left = connection, at

    def _step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def execute(self, *args: Any) -> Any:
        self._step()
        return self.connection.execute(*args)

    def executemany(self, *args: Any) -> Any:
        self._step()
        return self.connection.executemany(*args)

    def cursor(self, **more: Any) -> Any:
        self._step()
        return self.connection.cursor(**more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def test_killed_at_any_statement_the_table_is_the_old_one_and_the_next_load_completes_it(
    database: Database, tmp_path: Path
) -> None:
    old, new = ["old"] * 4, ["new", "newer", "newest", "x"]
    load_texts(database, tmp_path / "old", old)
    record = rows_of(database, "select holder, manifest from claude_partitions")
    killed = 0
    for at in range(1, 60):
        broken = replace(database, connect=lambda at=at: Breaking(database.connect(), at))
        try:
            load_texts(broken, tmp_path / "new", new, source="/mail")
        except KeyboardInterrupt:
            killed += 1
            assert texts_of(database) == old
            assert rows_of(database, "select holder, manifest from claude_partitions") == record
        else:
            break
    assert 8 <= killed < 58
    assert texts_of(database) == new
    load_texts(database, tmp_path / "new", new)
    assert texts_of(database) == new


def test_a_load_that_breaks_in_the_middle_of_its_rows_leaves_the_table_as_it_was(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_texts(database, tmp_path / "1", ["old"] * 4)
    real = table_module.read_batches

    def broken(*args: Any) -> Iterator[pa.RecordBatch]:
        yield from real(*args)
        raise OSError("the store is gone")

    monkeypatch.setattr(table_module, "read_batches", broken)
    with pytest.raises(OSError, match="the store is gone"):
        load_texts(database, tmp_path / "2", ["new"] * 4)
    assert texts_of(database) == ["old"] * 4


def test_a_reader_never_sees_half_a_day(database: Database, tmp_path: Path) -> None:
    load_texts(database, tmp_path / "0", ["0"] * 50)
    seen: set[tuple[int, int]] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            texts = texts_of(database)
            seen.add((len(texts), len(set(texts))))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for n in range(1, 9):
            load_texts(database, tmp_path / str(n), [str(n)] * 50)
    finally:
        done.set()
        reader.join()
    assert seen == {(50, 1)}


def test_two_days_at_once_are_both_whole(database: Database, tmp_path: Path) -> None:
    days = [f"2026-11-{n:02d}" for n in range(1, 7)]
    errors: list[BaseException] = []

    def load(day: str) -> None:
        try:
            for n in range(2):
                load_texts(database, tmp_path / day / str(n), [f"{day} {m}" for m in range(20)], day=day)
        except BaseException as e:  # noqa: BLE001 - the test's own thread has no other way out
            errors.append(e)

    threads = [threading.Thread(target=load, args=[day]) for day in days]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert {day: len(texts_of(database, day)) for day in days} == dict.fromkeys(days, 20)


def test_another_tasks_partition_is_refused_and_handed_over_only_when_asked(database: Database, tmp_path: Path) -> None:
    other = Holder(dag_id="other", task_id="plan")
    load_texts(database, tmp_path, ["a"])
    with pytest.raises(DestinationError, match=r"day=2026-11-22 belongs to task sentiment.plan of DAG mail"):
        load_texts(database, tmp_path, ["b"], holder=other)
    assert texts_of(database) == ["a"]
    load_texts(database, tmp_path, ["b"], holder=other, take_over=True)
    with pytest.raises(DestinationError, match="belongs to task plan of DAG other"):
        load_texts(database, tmp_path, ["a"])


def test_a_claimed_partition_belongs_to_the_one_that_planned_it_before_anything_is_published(
    database: Database, tmp_path: Path
) -> None:
    found, table = answers(["a"]), table_of(database)
    mine = Destination(output="", holder=HOLDER)
    claim_table(table, mine, "2026-11-22", Incoming("/mail", 1, found.schema), "2026-11-22T00:00:00+00:00")
    assert rows_of(database, "select * from answers") == []
    with pytest.raises(DestinationError, match="belongs to task"):
        load_texts(database, tmp_path, ["b"], holder=Holder(dag_id="other", task_id="plan"))


def test_of_tasks_that_claim_a_partition_at_once_one_gets_it(database: Database) -> None:
    outcomes: list[str] = []
    incoming = Incoming("/mail", 1, answers(["a"]).schema)

    def claim(name: str) -> None:
        mine = Destination(output="", holder=Holder(dag_id=name, task_id="plan"))
        try:
            claim_table(table_of(database), mine, "2026-11-22", incoming, "2026-11-22T00:00:00+00:00")
            outcomes.append("held")
        except DestinationError as e:
            outcomes.append("refused" if "belongs to task plan of DAG" in str(e) else str(e))

    threads = [threading.Thread(target=claim, args=[f"dag_{n}"]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["held", *["refused"] * 5]


def test_a_partition_does_not_shrink_or_change_its_source_silently(database: Database, tmp_path: Path) -> None:
    load_texts(database, tmp_path / "1", [str(n) for n in range(10)])
    with pytest.raises(DestinationError, match=r"holds 10 rows, and this run has 5 rows"):
        load_texts(database, tmp_path / "2", [str(n) for n in range(5)])
    with pytest.raises(DestinationError, match=r"were read from /mail; this run read /other"):
        load_texts(database, tmp_path / "1", [str(n) for n in range(10)], source="/other")
    assert len(texts_of(database)) == 10
    load_texts(database, tmp_path / "2", [str(n) for n in range(5)], replace=ALWAYS)
    assert len(texts_of(database)) == 5


def test_rows_that_no_run_has_a_record_of_are_not_replaced(database: Database, tmp_path: Path) -> None:
    load_texts(database, tmp_path, ["a"])
    connection = database.connect()
    connection.execute("delete from claude_partitions")
    connection.close()
    with pytest.raises(DestinationError, match=r"holds 1 row that no run has a record of"):
        load_texts(database, tmp_path, ["b"])
    load_texts(database, tmp_path, ["b"], take_over=True)
    assert texts_of(database) == ["b"]


def test_a_day_and_an_hour_of_it_by_one_task_are_refused(database: Database, tmp_path: Path) -> None:
    connection = database.connect()
    connection.execute("create table answers (item_id text, text text, day text)")
    connection.close()
    load_texts(database, tmp_path, ["a"])
    with pytest.raises(DestinationError, match="would hold these rows twice"):
        load_texts(database, tmp_path, ["a"], day="2026-11-22T05+0100")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("item_id text, day date", "it has no column 'text'"),
        ("item_id integer, text text, day date", "its column 'item_id' is integer, and has to be text"),
        ("item_id text, text text, day date, more text not null", "its column 'more' needs a value"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_before_anything_is_paid(socket: str, columns: str, said: str) -> None:
    database = postgres_at(socket)
    connection = database.connect()
    connection.execute(f"create table answers ({columns})")
    connection.close()
    incoming = Incoming("/mail", 1, answers(["a"]).schema)
    with pytest.raises(DestinationError, match=said):
        claim_table(table_of(database), Destination(output="", holder=HOLDER), "2026-11-22", incoming, "now")


def test_a_table_with_wider_types_and_further_columns_fits(socket: str, tmp_path: Path) -> None:
    database = postgres_at(socket)
    connection = database.connect()
    connection.execute(
        "create table answers (n bigint, item_id varchar, usd numeric(30, 15), day text, at timestamptz default now())"
    )
    connection.close()
    table = pa.table(
        {"item_id": ["a"], "n": pa.array([1], pa.int32()), "usd": pa.array([Decimal("1.5")], pa.decimal128(18, 12))}
    )
    loading(table_of(database), [part_of(tmp_path, table)], table.schema)
    assert rows_of(database, "select n, item_id, usd, day from answers") == [(1, "a", Decimal("1.5"), "2026-11-22")]


def test_a_name_that_postgresql_would_cut_is_refused(socket: str) -> None:
    incoming = Incoming("/mail", 1, pa.schema([("ä" * 32, pa.string())]))
    with pytest.raises(DestinationError, match="has 64 bytes"):
        claim_table(table_of(postgres_at(socket)), Destination(output="", holder=HOLDER), "2026-11-22", incoming, "now")


def test_a_trigger_that_drops_rows_rolls_the_load_back(database: Database, tmp_path: Path) -> None:
    load_texts(database, tmp_path / "1", ["a", "b"])
    connection = database.connect()
    if database.session.kind == "sqlite":
        connection.execute(
            "create trigger t after insert on answers when new.text = 'y' begin delete from answers where text = 'y'; end"
        )
    else:
        connection.execute(
            "create function f() returns trigger language plpgsql as "
            "$$ begin if new.text = 'y' then return null; end if; return new; end $$"
        )
        connection.execute("create trigger t before insert on answers for each row execute function f()")
    connection.close()
    with pytest.raises(StateError, match=r"would hold 1 row, and the run has 2 rows.*Nothing was replaced"):
        load_texts(database, tmp_path / "2", ["x", "y"])
    assert texts_of(database) == ["a", "b"]


def test_a_time_that_is_finer_than_the_database_holds_is_refused_with_nothing_replaced(
    database: Database, tmp_path: Path
) -> None:
    table = pa.table({"item_id": ["a"], "at": pa.array([1], pa.timestamp("ns"))})
    with pytest.raises(DestinationError, match=r"holds? a value that .* cannot.*Nothing was replaced"):
        loading(table_of(database), [part_of(tmp_path, table)], table.schema)


def test_an_error_of_a_database_shows_no_details_and_no_acting_characters(socket: str, tmp_path: Path) -> None:
    database = postgres_at(socket)
    load_texts(database, tmp_path, ["a"])
    connection = database.connect()
    connection.execute("create unique index on answers (text)")
    connection.close()
    with pytest.raises(DestinationError) as caught:
        load_texts(database, tmp_path, ["secret\nERROR forged"] * 2)
    assert "duplicate key value violates unique constraint" in str(caught.value)
    assert "forged" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_database_that_does_not_answer_is_tried_again(tmp_path: Path) -> None:
    import psycopg

    gone = replace(postgres_nowhere(), connect=lambda: psycopg.connect(host=str(tmp_path), user="x"))
    with pytest.raises(StoreError, match="sql://warehouse: OperationalError"):
        load_texts(gone, tmp_path, ["a"])


def postgres_nowhere() -> Database:
    from airflow_provider_claude.databases.postgres import Postgres

    return Database("sql://warehouse", lambda: None, Postgres)


def test_a_locked_sqlite_file_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database = sqlite_at(path)
    load_texts(database, tmp_path, ["a"])
    writer = database.connect()
    writer.execute("begin immediate")
    hasty = replace(database, connect=lambda: sqlite3.connect(path, timeout=0, isolation_level=None))
    with pytest.raises(StoreError, match="database is locked"):
        load_texts(hasty, tmp_path, ["b"])
    writer.close()


def test_a_run_whose_parts_do_not_hold_what_the_report_counts_loads_nothing(database: Database, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="the report counts 3 answered"):
        load_texts(database, tmp_path, ["a", "b"], rows=3)


def test_an_empty_run_empties_its_partition_only_when_asked(database: Database, tmp_path: Path) -> None:
    load_texts(database, tmp_path, ["a"])
    with pytest.raises(DestinationError, match="this run has none"):
        loading(table_of(database), [], answers([]).schema)
    assert loading(table_of(database), [], answers([]).schema, replace=ALWAYS).rows == 0
    assert texts_of(database) == []


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("sql://warehouse", ("warehouse", None, None)),
        ("sql://warehouse/answers", ("warehouse", None, "answers")),
        ("sql://ware.house-1/public.answers/", ("ware.house-1", "public", "answers")),
        ("sql://w/a%2Eb.c%25%20d", ("w", "a.b", "c% d")),
    ],
)
def test_a_uri_names_a_connection_a_schema_and_a_table(uri: str, parts: tuple[str | None, ...]) -> None:
    assert sql_uri(uri, "output") == parts
    assert sql_uri(str(sql_uri(uri, "output")), "output") == parts


@pytest.mark.parametrize(
    "uri", ["sql://", "sql:///t", "sql://w/a.b.c", "sql://w/t?x=1", "sql://w/a/b", "sql://w/a%0Ab", "sql://u:p@h/t"]
)
def test_what_is_no_such_uri_is_refused(uri: str) -> None:
    with pytest.raises(JobError, match=r"write sql://<conn_id>/<schema>.<table>"):
        sql_uri(uri, "output")


def test_memory_does_not_grow_with_the_rows(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "_BATCH_ROWS", 10)
    held: list[int] = []
    real = table_module.read_batches

    def watched(*args: Any) -> Iterator[pa.RecordBatch]:
        for batch in real(*args):
            held.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(table_module, "read_batches", watched)
    load_texts(database, tmp_path, [str(n) for n in range(95)])
    assert max(held) == 10
    assert sum(held) == 95


def test_the_manifest_in_the_database_says_what_is_published(database: Database, tmp_path: Path) -> None:
    load_texts(database, tmp_path, ["a", "b"])
    [(text,)] = rows_of(database, "select manifest from claude_partitions")
    manifest = msgspec.json.decode(text, type=ManifestRecord)
    assert (manifest.rows, manifest.partition, manifest.holder, manifest.source) == (2, "2026-11-22", HOLDER, "/mail")


def test_a_temporary_table_which_would_be_gone_when_the_load_ends_is_refused(
    database: Database, tmp_path: Path
) -> None:
    schema = "pg_temp" if database.session.kind == "postgresql" else "Temp"
    found, destination = answers(["a"]), Destination(output="", holder=HOLDER)
    table = table_of(database, f"sql://warehouse/{schema}.answers")
    with pytest.raises(DestinationError, match="is gone once the load has ended"):
        claim_table(table, destination, "2026-11-22", Incoming("/mail", 1, found.schema), "2026-11-22T00:00:00+00:00")
    with pytest.raises(DestinationError, match="is gone once the load has ended"):
        loading(table, [part_of(tmp_path, found)], found.schema)


def test_a_table_of_sqlite_has_one_owner_in_whatever_case_its_name_is_written(tmp_path: Path) -> None:
    database, incoming = sqlite_at(tmp_path / "warehouse.db"), Incoming("/mail", 1, answers(["a"]).schema)

    def claim(uri: str, task_id: str) -> None:
        mine = Destination(output="", holder=Holder(dag_id="mail", task_id=task_id))
        claim_table(table_of(database, uri), mine, "2026-11-22", incoming, "2026-11-22T00:00:00+00:00")

    claim("sql://warehouse/answers", "sentiment.plan")
    with pytest.raises(DestinationError, match=r"belongs to task sentiment.plan of DAG mail"):
        claim("sql://warehouse/main.ANSWERS", "topics.plan")
    claim("sql://warehouse/Answers", "sentiment.plan")
