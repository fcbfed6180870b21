from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.tables import csv_lines
from tests.sources.reading import defects, rows_of

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00"), max_size=20)


def read(folder: Path, data: bytes) -> list[dict[str, object]]:
    (folder / "a.csv").write_bytes(data)
    return rows_of(folder / "a.csv")


def test_a_broken_row_costs_itself_only(tmp_path: Path) -> None:
    rows = read(tmp_path, b'id,body\n1,one\n2,two,three\n3,"a" b\n4,four\n5\n6,six\n')
    assert [row["item_id"] for row in rows] == ["1", None, None, "4", None, "6"]
    assert defects(rows) == [("a.csv#2", "broken_row"), ("a.csv#3", "broken_row"), ("a.csv#5", "broken_row")]
    assert "line 3 has 3 fields where the header has 2" in str(rows[1]["defect"])


def test_a_header_in_no_charset_at_all_still_names_its_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,\x8d\n1,x\n")
    assert rows_of(tmp_path / "a.csv")[0]["\x8d"] == "x"


def test_a_row_in_another_charset_is_read_as_western_and_flagged(tmp_path: Path) -> None:
    rows = read(tmp_path, "id,body\n1,é\n".encode() + b"2,\xe9\n")
    assert [row["body"] for row in rows] == ["é", "é"]
    assert [row["flags"] for row in rows] == [[], ["charset_guessed"]]


def test_byte_order_marks_blank_lines_and_semicolons_are_understood(tmp_path: Path) -> None:
    rows = read(tmp_path, b"\xef\xbb\xbfid;body\r\n\r\n1;one, two\r\n\r\n2;\r\n")
    assert [(row["source_ref"], row["body"]) for row in rows] == [("a.csv#1", "one, two"), ("a.csv#2", "")]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf16_is_read_by_its_mark_or_by_its_zeros(tmp_path: Path, codec: str) -> None:
    rows = read(tmp_path, "id,body\r\n1,Ω\r\n2,y\r\n".encode(codec))
    assert [(row["item_id"], row["body"]) for row in rows] == [("1", "Ω"), ("2", "y")]


def test_a_named_character_set_is_read_before_delimiters_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id|body\n1|表ポ|x\n2|表ポ\n".encode("shift_jis"))
    rows = rows_of(tmp_path / "a.csv", encoding="shift_jis")
    assert [(row["item_id"], row["body"]) for row in rows] == [(None, None), ("2", "表ポ")]


def test_a_fault_in_a_named_character_set_costs_one_character_and_flags_its_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,body\n1," + "ガス".encode("shift_jis") + b"\xff" + b"x\n2,y\n")
    first, second = rows_of(tmp_path / "a.csv", encoding="shift_jis")
    assert (first["body"], first["flags"]) == ("ガス\ufffdx", ["undecodable_bytes"])
    assert (second["body"], second["flags"]) == ("y", [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(table=st.lists(st.tuples(texts, texts), max_size=8))
def test_what_a_writer_wrote_comes_back(tmp_path: Path, table: list[tuple[str, str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *table])
    (tmp_path / "a.csv").write_bytes(out.getvalue().encode())
    rows = rows_of(tmp_path / "a.csv", id_column=None, columns=["a", "b"])
    assert [(row["a"], row["b"]) for row in rows] == table


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(data=st.binary(max_size=200))
def test_no_bytes_make_it_raise(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n" + data)
    try:
        rows = rows_of(tmp_path / "a.csv", id_column=None, columns=["a", "b"])
    except SourceError as e:
        if "a guess" not in str(e):
            raise
        return
    for row in rows:
        assert row["defect"] or (row["a"] is not None and row["b"] is not None)


MAX_RECORD = 1 << 16


@pytest.fixture
def short_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_lines, "MAX_RECORD", MAX_RECORD)


@pytest.mark.usefixtures("short_records")
def test_a_line_that_is_too_long_is_not_held_and_costs_its_row(tmp_path: Path) -> None:
    rows = read(tmp_path, b"id,body\n1,one\n2," + b"x" * (MAX_RECORD + 1) + b"\n3,three\n")
    assert [row["item_id"] for row in rows] == ["1", None, "3"]
    assert defects(rows) == [("a.csv#2", "oversize")]


@pytest.mark.usefixtures("short_records")
def test_a_field_that_is_too_long_ends_where_its_quotes_do(tmp_path: Path) -> None:
    rows = read(tmp_path, b'id,body\n1,one\n2,"' + b"so much to say\n" * (MAX_RECORD // 14) + b'"\n3,three\n')
    assert [row["item_id"] for row in rows] == ["1", None, "3"]
    assert defects(rows) == [("a.csv#2", "oversize")]


@pytest.mark.usefixtures("short_records")
def test_what_is_in_too_long_a_field_is_counted_and_not_read_as_rows(tmp_path: Path) -> None:
    lines = MAX_RECORD // 4 + 100
    rows = read(tmp_path, b'id,body\n1,one\n2,"' + b"9,x\n" * lines + b'"\n3,three\n')
    assert [row["item_id"] for row in rows] == ["1", None, "3"]
    assert defects(rows) == [("a.csv#2", "broken_rows")]
    assert rows[1]["lost_rows"] == pytest.approx(lines, abs=2)


@pytest.mark.usefixtures("short_records")
def test_a_line_that_is_too_long_among_ids_that_count_up_costs_no_other_row(tmp_path: Path) -> None:
    lines = [b"%d,text %d" % (n, n) for n in range(1, 31)]
    lines[19] = b"20," + b"x" * (MAX_RECORD + 1)
    rows = read(tmp_path, b"id,body\n" + b"\n".join(lines) + b"\n")
    assert [row["item_id"] for row in rows] == [None if n == 20 else str(n) for n in range(1, 31)]
