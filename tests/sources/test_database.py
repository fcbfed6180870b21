"""Tables and queries of real databases as sources: streamed, counted in the same snapshot, every row known by its key."""

from __future__ import annotations

import itertools
import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from upath import UPath

from airflow_provider_claude.core.sql_uri import sql_uri
from airflow_provider_claude.databases.database import Database
from airflow_provider_claude.errors import JobError, SourceError, StoreError
from airflow_provider_claude.sources import database_source
from airflow_provider_claude.sources.database_source import DatabaseSource, open_database
from airflow_provider_claude.sources.sql_source import ClaudeSqlSource
from airflow_provider_claude.sources.tables import database_columns
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.scan.splits import split_source
from airflow_provider_claude.store import RunFolder
from tests.databases import database, postgres_at, socket, sqlite_at

__all__ = ["database", "socket"]
from tests.stages.conftest import clock


def run(database: Database, *statements: str, values: list[Any] | None = None) -> None:
    with closing(database.connect()) as connection:
        for statement in statements:
            connection.execute(statement, values or [])


def mails(database: Database, count: int) -> None:
    run(database, "create table mails (id integer, day text, body text, amount numeric(12, 2))")
    marks = ", ".join([database.session.mark] * 4)
    rows = [(count - n, f"2026-11-{20 + n % 2}", f"mail {n}", f"{n}.5") for n in range(count)]
    with closing(database.connect()) as connection:
        connection.execute("begin")
        connection.cursor().executemany(f"insert into mails values ({marks})", rows)
        connection.execute("commit")


def opened(database: Database, source: Any = "sql://warehouse/mails", **more: Any) -> DatabaseSource:
    asked = sql_uri(source, "source") if isinstance(source, str) else source
    return open_database(database, asked, **{"id_column": "id", "columns": ["body"], **more})


def query(text: str, **parameters: Any) -> ClaudeSqlSource:
    return ClaudeSqlSource(conn_id="warehouse", query=text, parameters=parameters)


def read(source: DatabaseSource) -> list[dict[str, Any]]:
    batches = list(source.batches())
    assert all(batch.schema == source.schema for batch in batches)
    return pa.Table.from_batches(batches, schema=source.schema).to_pylist()


def test_a_table_is_read_in_the_order_of_its_keys_and_each_row_is_known_by_its_own(database: Database) -> None:
    mails(database, 1_200)
    found = read(opened(database))
    assert [row["item_id"] for row in found] == [str(n) for n in range(1, 1_201)]
    assert found[0]["body"] == "mail 1199"
    assert found[0]["source_ref"] == "sql://warehouse/mails#1"
    assert {(row["defect"], row["lost_rows"]) for row in found} == {(None, 0)}


def test_a_scan_counts_what_the_database_counts(database: Database, tmp_path: Path) -> None:
    mails(database, 30)
    run_folder = RunFolder(UPath(tmp_path / "run"))
    settings = ScanSettings(text_columns=["body"], carry=["amount"])
    record = scan(opened(database, carry=["amount"]), run_folder, settings, clock=clock())
    assert (record.rows, record.items, record.source, record.format) == (30, 30, "sql://warehouse/mails", "sql")


@pytest.mark.parametrize("hostile", ["2026-11-21", "' or '1'='1", "2026-11-21'; drop table mails; --", "%s"])
def test_parameters_are_bound_and_never_a_part_of_the_query(database: Database, hostile: str) -> None:
    mails(database, 6)
    mark = {"postgresql": "%(day)s", "sqlite": ":day"}[database.session.kind]
    text = f"select * from mails where day = {mark} -- the day;\n;"
    assert len(read(opened(database, query(text, day=hostile)))) == (3 if hostile == "2026-11-21" else 0)
    assert len(read(opened(database))) == 6


def test_a_query_without_parameters_may_hold_a_percent_sign(database: Database) -> None:
    mails(database, 12)
    assert len(read(opened(database, query("select * from mails where body like 'mail 1%'")))) == 3


def test_a_parameter_that_is_not_given_is_an_error_before_anything_is_read(database: Database) -> None:
    mails(database, 1)
    mark = {"postgresql": "%(day)s", "sqlite": ":day"}[database.session.kind]
    with pytest.raises(SourceError, match="sql://warehouse: "):
        opened(database, query(f"select * from mails where day = {mark}", other="x"))


def test_a_parameter_in_the_words_of_the_other_database_is_refused_with_what_to_write(database: Database) -> None:
    mails(database, 1)
    own, other = ("%(day)s", ":day") if database.session.kind == "postgresql" else (":day", "%(day)s")
    with pytest.raises(SourceError, match=f"write {re.escape(own)}"):
        opened(database, query(f"select * from mails where day = {other}", day="x"))


def test_names_are_quoted_whatever_is_in_them(database: Database) -> None:
    name = 'a"; drop table "t" -- 50% %s'
    quoted = '"' + name.replace('"', '""') + '"'
    shown = quoted.replace("%", "%%") if database.session.kind == "postgresql" else quoted
    run(database, f"create table {shown} ({shown} text, id text)", f"insert into {shown} values ('x', '1')")
    uri = f"sql://warehouse/{name.replace('%', '%25').replace(' ', '%20')}"
    assert [row[name] for row in read(opened(database, uri, columns=[name]))] == ["x"]


def test_the_types_of_postgresql_are_carried_as_they_are_and_sent_as_text(socket: str) -> None:
    database = postgres_at(socket)
    run(
        database,
        "create table t (id uuid, b boolean, n bigint, usd numeric(18, 12), at timestamptz, on_day date, j jsonb, a int[], "
        "f real)",
        "insert into t values ('00000000-0000-0000-0000-000000000001', true, 7, 0.500000000001, '2026-11-22 06:00+01', "
        "'2026-11-22', '{\"k\": \"v\"}', '{1,2}', 1.1), (gen_random_uuid(), null, null, null, null, null, null, null, null)",
    )
    names = ["b", "n", "usd", "at", "on_day", "j", "a"]
    first = read(opened(database, "sql://warehouse/public.t", columns=["j"], carry=[*names, "f"]))[0]
    moment = datetime(2026, 11, 22, 5, tzinfo=UTC)
    assert [first[name] for name in ("b", "n", "usd", "at", "on_day")] == [
        True, 7, Decimal("0.500000000001"), moment, date(2026, 11, 22),
    ]  # fmt: skip
    assert (first["item_id"], first["j"], first["a"]) == ("00000000-0000-0000-0000-000000000001", '{"k": "v"}', "{1,2}")
    sent = read(opened(database, "sql://warehouse/t", columns=[*names, "f"]))[0]
    assert [sent[name] for name in names] == [
        "true", "7", "0.500000000001", "2026-11-22 05:00:00.000000Z", "2026-11-22", '{"k": "v"}', "{1,2}",
    ]  # fmt: skip
    assert sent["f"] == "1.1"


@pytest.mark.parametrize(
    ("column", "carry", "said"),
    [
        ("bytea", [], r"is bytea: say in the query which text it is, such as convert_from\(x, 'UTF8'\)"),
        ("numeric", ["x"], r"is numeric without a number of digits: .* cast\(x as numeric\(18, 2\)\)"),
    ],
)
def test_a_type_that_would_be_a_guess_is_refused_with_what_to_write(
    socket: str, column: str, carry: list[str], said: str
) -> None:
    database = postgres_at(socket)
    run(database, f"create table t (id int, x {column})")
    with pytest.raises(SourceError, match=said):
        opened(database, "sql://warehouse/t", columns=["x"], carry=carry)


def test_a_column_of_sqlite_is_carried_in_the_type_of_its_values(tmp_path: Path) -> None:
    database = sqlite_at(tmp_path / "a.db")
    run(
        database,
        "create table t (id integer, whole, floating, mixed, body text)",
        "insert into t values (1, 7, 1, 1, 'a'), (2, null, 0.5, 'x', cast(x'ff41' as text)), (3, 9, 2.0, 2.5, 12)",
    )
    source = opened(database, "sql://warehouse/t", carry=["whole", "floating", "mixed"])
    found = read(source)
    assert [(row["whole"], row["floating"], row["mixed"]) for row in found] == [
        (7, 1.0, "1"),
        (None, 0.5, "x"),
        (9, 2.0, "2.5"),
    ]
    assert [row["body"] for row in found] == ["a", "ÿA", "12"]
    assert [row["flags"] for row in found] == [[], ["charset_guessed"], []]


def test_a_row_without_a_key_is_set_aside_and_no_row_is_lost(database: Database) -> None:
    run(
        database,
        "create table mails (id text, body text)",
        "insert into mails values (null, 'a'), (' ', 'b'), ('1', 'c')",
    )
    found = {row["body"]: (row["item_id"], row["defect"]) for row in read(opened(database))}
    assert found["c"] == ("1", None)
    assert found["a"][1] == found["b"][1] == "missing_id: the row has no 'id'."


def test_a_query_whose_rows_change_between_count_and_read_fails(database: Database) -> None:
    mails(database, 20)
    ticks = itertools.count()

    def ticking() -> Any:
        connection = database.connect()
        if database.session.kind == "sqlite":
            connection.create_function("tick", 0, lambda: next(ticks))
        return connection

    changing = {"postgresql": "current_query() not like 'select count%'", "sqlite": "tick() >= 20"}[
        database.session.kind
    ]
    source = opened(replace(database, connect=ticking), query(f"select * from mails where {changing}"))
    with pytest.raises(
        SourceError, match=r"gave 20 rows, and the database counted 0 .* gives other rows each time it is asked"
    ):
        read(source)


def test_rows_that_others_write_between_count_and_read_are_in_neither(database: Database) -> None:
    mails(database, 10)
    if database.session.kind == "sqlite":
        run(database, "pragma journal_mode = wal")

    class Late(database.session):  # type: ignore[name-defined,misc]
        def stream(self, *args: Any) -> Any:
            run(database, "delete from mails where id > 4")
            return super().stream(*args)

    assert len(read(replace(opened(database), database=replace(database, session=Late)))) == 10
    assert len(read(opened(database))) == 4


def test_rows_that_others_write_while_it_reads_are_not_in_the_snapshot(database: Database) -> None:
    mails(database, 1_200)
    if database.session.kind == "sqlite":
        run(database, "pragma journal_mode = wal")
    batches = opened(database).batches()
    first = next(batches)
    run(database, "delete from mails where id > 120", "insert into mails values (0, '2026-11-20', 'new', 1)")
    assert sum(map(len, [first, *batches])) == 1_200


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"id_column": None}, r"is known by its key: write the column that holds it, id_column"),
        (
            {"id_column": "key"},
            r'has no column \'key\' to know its rows by.*Name another one with id_column="\.\.\."\.',
        ),
        ({"columns": ["Body"]}, r"has no column 'Body'. Did you mean 'body'\?"),
        ({"columns": ["defect"]}, "names the run folder needs"),
        ({"source": "sql://warehouse"}, "names no table"),
        ({"source": "sql://warehouse/nowhere"}, "sql://warehouse: "),
        ({"source": query("delete from mails")}, "sql://warehouse: "),
    ],
)
def test_what_cannot_be_read_is_an_error_before_anything_is_sent(
    database: Database, more: dict[str, Any], said: str
) -> None:
    mails(database, 1)
    with pytest.raises(SourceError, match=said):
        opened(database, **more)
    assert len(read(opened(database))) == 1


def test_nothing_can_be_written_by_a_query(socket: str) -> None:
    database = postgres_at(socket)
    mails(database, 1)
    run(database, "create function f() returns int language sql as $$ delete from mails returning 1 $$")
    with pytest.raises(SourceError, match="read-only transaction"):
        read(opened(database, query("select f() as id, 'x' as body")))


def test_an_error_about_a_column_shows_no_character_of_its_name_that_acts(socket: str) -> None:
    database = postgres_at(socket)
    run(database, 'create table mails (id integer, "a\x1b[2J\nERROR" bytea)')
    with pytest.raises(SourceError, match="is bytea") as caught:
        opened(database, columns=["a\x1b[2J\nERROR"])
    assert not set(str(caught.value)) & {"\x1b", "\n"}


@pytest.mark.parametrize("cast", ["cast(body as int)", "cast(body as date)", "make_date(99999, 1, 1)"])
def test_an_error_about_a_value_does_not_show_it(socket: str, cast: str) -> None:
    database = postgres_at(socket)
    mails(database, 1)
    run(database, "update mails set body = 'a secret'")
    with pytest.raises(SourceError, match="a value of it cannot be read or converted") as caught:
        read(opened(database, query(f"select id, body, {cast} as made from mails"), carry=["made"]))
    assert "secret" not in str(caught.value)
    assert "99999" not in str(caught.value)


def test_a_batch_ends_where_its_texts_are_many_characters(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    mails(database, 10)
    monkeypatch.setattr(database_source, "_CHARACTERS", 20)
    assert [len(batch) for batch in opened(database).batches()] == [4, 4, 2]


def test_a_text_that_is_too_long_is_set_aside_without_being_read_whole(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_columns, "MOST_CHARACTERS", 10)
    monkeypatch.setattr(database_source, "MOST_CHARACTERS", 10)
    run(
        database,
        "create table mails (id text, body text)",
        f"insert into mails values ('1', '{'é' * 50}'), ('2', '{'é' * 10}')",
    )
    first, second = read(opened(database))
    assert (len(first["body"]), first["defect"].partition(":")[0]) == (11, "oversize")
    assert (second["body"], second["defect"]) == ("é" * 10, None)


def test_a_long_text_of_sqlite_is_not_read_whole_where_a_nul_hides_its_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_columns, "MOST_CHARACTERS", 10)
    monkeypatch.setattr(database_source, "MOST_CHARACTERS", 10)
    database = sqlite_at(tmp_path / "mails.db")
    run(database, "create table mails (id text, body text)")
    for number, body in enumerate(["a\0b", "\0" + "x" * 9, "a\0" + "x" * 1_000, "\0" + "é" * 1_000]):
        run(database, "insert into mails values (?, ?)", values=[f"m-{number}", body])
    rows = read(opened(database))
    assert [row["body"] for row in rows[:2]] == ["a\0b", "\0" + "x" * 9]
    assert all(len(row["body"] or "") <= 44 for row in rows)
    assert [row["defect"] is None for row in rows] == [True, True, False, False]


def test_a_database_is_read_by_one_task(database: Database, tmp_path: Path) -> None:
    mails(database, 1)
    with pytest.raises(JobError, match="is a database, which one task reads: write tasks=1 in Scan"):
        split_source(
            opened(database), RunFolder(UPath(tmp_path)), ScanSettings(text_columns=["body"]), 2, clock=clock()
        )


def test_a_connection_that_breaks_while_it_reads_is_tried_again(socket: str) -> None:
    database = postgres_at(socket)
    mails(database, 1_200)
    batches = opened(database).batches()
    next(batches)
    run(
        database,
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where query like '%%order by \"id\"' and pid <> pg_backend_pid()",
    )
    with pytest.raises(StoreError, match="sql://warehouse: "):
        list(batches)


def test_a_source_is_named_by_a_hash_of_what_it_asks_and_shows_no_value() -> None:
    one = query("select 1", day="secret")
    assert str(one).startswith("sql://warehouse/?query=")
    assert "secret" not in str(one)
    assert str(one) == str(query("select \n 1", day="secret")) != str(query("select 1", day="other"))
    assert str(one) != str(replace(one, query="select 2"))


@pytest.mark.parametrize("given", [{"query": ""}, {"query": "select 1", "parameters": ["x"]}])
def test_a_query_that_cannot_be_asked_is_refused_when_the_dag_is_parsed(given: dict[str, Any]) -> None:
    with pytest.raises(JobError, match=r"write a select statement|write names and values"):
        ClaudeSqlSource(conn_id="warehouse", **given)
