"""`claude-batch sql`: the tables of a run, and nothing else."""

from __future__ import annotations

import json
import resource
import sys
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.cli import sql
from airflow_provider_claude.cli.documents import Documents
from airflow_provider_claude.cli.main import main
from airflow_provider_claude.cli.sql import _SETTINGS, show_sql
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from tests.cli.conftest import Night, Terminal


@pytest.fixture
def loaded(night: Night) -> Night:
    """A run of six rows in two shards, loaded."""
    night.scan().plan()
    return night.load_shards()


def document(night: Night, query: str | None, limit: int = 100) -> dict[str, Any]:
    stream = StringIO()
    assert show_sql(night.run, query, Documents(stream), limit=limit) == 0
    return dict(json.loads(stream.getvalue()))


def test_a_query_reads_the_answers_of_all_shards(loaded: Night) -> None:
    found = document(loaded, "select item_id, claude_attempt from answers order by item_id")
    assert found["columns"] == ["item_id", "claude_attempt"]
    assert found["rows"] == [[str(n), 1] for n in range(6)]


def test_what_the_attempts_have_cost_is_what_the_answers_have_cost(loaded: Night) -> None:
    [[attempts, answers]] = document(
        loaded, "select (select sum(usd) from attempts), (select sum(claude_cost_usd) from answers)"
    )["rows"]
    assert attempts == pytest.approx(answers, rel=1e-9)
    assert attempts > 0


def test_without_a_query_the_tables_are_listed_with_their_columns(loaded: Night, out: Terminal) -> None:
    show_sql(loaded.run, None, out, limit=100)
    assert "answers  6 rows: rows with a valid answer" in out.text
    assert "sentiment" in out.text
    assert {one["table"]: one["rows"] for one in document(loaded, None)["tables"]}["attempts"] == 2


def test_a_run_without_answers_has_its_other_tables(night: Night) -> None:
    night.scan()
    assert [one["table"] for one in document(night, None)["tables"]] == ["items", "attempts"]


def test_no_more_rows_are_shown_than_asked_for_and_that_is_said(loaded: Night, out: Terminal) -> None:
    show_sql(loaded.run, "select item_id from answers", out, limit=2)
    assert "more rows than these 2" in out.text
    assert len(out.text.splitlines()) == 4
    assert document(loaded, "select item_id from answers", limit=6)["more"] is False
    assert len(document(loaded, "select item_id from answers", limit=0)["rows"]) == 6


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_text('{secret}')",
        "select * from read_csv('{secret}')",
        "select * from '{secret}'",
        "select * from glob('{folder}/*')",
        "copy answers to '{folder}/stolen.csv'",
        "attach '{folder}/new.db'",
        "create table mine as select 1",
        "drop view answers",
        "set enable_external_access = true",
        "install httpfs",
        "load httpfs",
        "select 1; select 2",
        "select * from loaded",
        "",
        "selec",
    ],
)
def test_a_query_reads_no_other_file_and_writes_nothing(loaded: Night, tmp_path: Path, query: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(JobError, match=r"DuckDB refused the query|Write one SELECT"):
        document(loaded, query.format(secret=secret, folder=tmp_path))
    assert sorted(tmp_path.rglob("*")) == before


def test_a_query_that_needs_too_much_memory_is_refused_and_spills_to_no_disk(
    loaded: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_SETTINGS, "memory_limit", "'20MB'")
    with pytest.raises(JobError, match=r"could not allocate|Out of Memory"):
        document(loaded, "select string_agg(repeat('x', 1000000), '') from range(100)")


def test_a_text_that_would_act_on_a_terminal_is_written_out(loaded: Night, out: Terminal) -> None:
    show_sql(loaded.run, "select chr(27) || '[2J' as bad", out, limit=9)
    assert "\x1b" not in out.text
    assert "⟨U+001B⟩" in out.text


def test_the_command_shows_what_a_query_finds(loaded: Night, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", str(loaded.run), "select count(*) as mails from answers"]) == 0
    assert capsys.readouterr().out.split() == ["mails", "6"]


@pytest.mark.parametrize(
    "query",
    [
        "select repeat('x', 6000) from range(2)",
        "select range(1100)",
        "select list_transform(range(1100), lambda x: x > 1)",
        "select {'a': [range(600)], 'b': map([1], [range(600)])}",
        "select i from range(1100) t(i)",
    ],
)
def test_what_a_query_finds_has_a_limit_in_bytes_and_in_values(
    loaded: Night, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(sql, "_MOST_BYTES", 10_000)
    monkeypatch.setattr(sql, "_MOST_VALUES", 1_000)
    with pytest.raises(JobError, match="select fewer rows or columns"):
        document(loaded, query, limit=0)


def test_people_see_the_beginning_of_a_long_value_and_a_document_has_all_of_it(loaded: Night, out: Terminal) -> None:
    show_sql(loaded.run, "select repeat(chr(8238), 5000) as bad", out, limit=9)
    assert out.text.count("⟨U+202E⟩") == 1_000
    assert document(loaded, "select repeat('x', 5000) as x")["rows"] == [["x" * 5_000]]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold a process to its limit")
def test_a_query_is_held_to_the_memory_of_the_process_which_has_its_own_limit_back(
    loaded: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, before = "select len(range(20000000))", resource.getrlimit(resource.RLIMIT_DATA)
    monkeypatch.setattr(sql, "_MOST_MEMORY", 100_000_000)
    with pytest.raises(JobError, match=r"Out of Memory|bytes of memory"):
        document(loaded, query)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    monkeypatch.undo()
    assert document(loaded, query)["rows"] == [[20_000_000]]


def test_carried_numbers_that_duckdb_does_not_have_stop_no_query(night: Night, tmp_path: Path) -> None:
    wide = Decimal("9" * 55 + ".99999")
    columns = {
        "id": pa.array(["a"]),
        "body": pa.array(["mail"]),
        "wide": pa.array([wide], pa.decimal256(60, 5)),
        "narrow": pa.array([Decimal("1.50")], pa.decimal256(5, 2)),
        "half": pa.array([1.5], pa.float16()),
    }
    carry = ["wide", "narrow", "half"]
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    source = open_source(UPath(tmp_path / "in.parquet"), columns=["body"], carry=carry)
    scan(source, night.run, ScanSettings(text_columns=["body"], carry=carry), clock=night.clock)
    night.plan()
    night.load_shards([1])
    found = document(night, "select wide, typeof(wide), narrow, typeof(narrow), half from answers")
    assert found["rows"] == [[str(wide), "VARCHAR", 1.5, "DECIMAL(5,2)", 1.5]]
    assert document(night, "select count(*) from attempts")["rows"] == [[1]]
