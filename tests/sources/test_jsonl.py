from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources import jsonl
from tests.sources.reading import defects, rows_of

values = st.text(st.characters(exclude_categories=["Cs"])) | st.none()


def read(folder: Path, data: bytes, **options: object) -> list[dict[str, object]]:
    (folder / "a.jsonl").write_bytes(data)
    return rows_of(folder / "a.jsonl", **options)


def test_values_that_are_no_strings_become_their_own_json(tmp_path: Path) -> None:
    line = b'{"id": 7, "a": 1.50, "b": true, "c": null, "d": {"x": [1, 2]}, "e": "\\u00e9"}'
    (row,) = read(tmp_path, line)
    assert [row[name] for name in ("item_id", *"abcde")] == ["7", "1.50", "true", None, '{"x": [1, 2]}', "é"]


@pytest.mark.parametrize(
    "line", [b"[1]", b"nonsense", b'{"id": NaN}', b'{"id": Infinity}', b'{"id": "1"', b'{"id": "\\ud800"}']
)
def test_a_line_that_is_no_object_is_a_broken_row(tmp_path: Path, line: bytes) -> None:
    rows = read(tmp_path, b'{"id": "1"}\n' + line + b'\n\n{"id": "2"}')
    assert defects(rows) == [("a.jsonl#2", "broken_row")]
    assert [row["source_ref"] for row in rows] == ["a.jsonl#1", "a.jsonl#2", "a.jsonl#4"]


def test_a_line_over_the_bound_is_broken_and_the_next_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE", 30)
    rows = read(tmp_path, b'{"id": "1"}\n{"id": "%s"}\n{"id": "3"}\n' % (b"x" * 100))
    assert defects(rows) == [("a.jsonl#2", "broken_row")]
    assert rows[2]["item_id"] == "3"


def test_a_line_in_another_charset_is_read_as_western_and_flagged(tmp_path: Path) -> None:
    rows = read(tmp_path, b'\xef\xbb\xbf{"id": "1", "b": "\xe9"}\n{"id": "2", "b": "\x81"}\n')
    assert [(row["b"], row["flags"]) for row in rows] == [("é", ["charset_guessed"]), ("\x81", ["charset_guessed"])]


def test_a_column_may_come_late_and_lack_in_some_rows(tmp_path: Path) -> None:
    lines = b'{"id": "1"}\n' * 3 + b'{"id": "2", "note": "x"}\n'
    assert [row["note"] for row in read(tmp_path, lines, columns=["note"])] == [None, None, None, "x"]
    with pytest.raises(SourceError, match="no column 'nope'"):
        read(tmp_path, lines, columns=["nope"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(table=st.lists(st.fixed_dictionaries({"a": values, "b": values}), max_size=6), ascii_only=st.booleans())
def test_what_a_writer_wrote_comes_back(tmp_path: Path, table: list[dict[str, str | None]], ascii_only: bool) -> None:
    data = "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in table).encode()
    rows = read(tmp_path, data, id_column=None)
    assert [{"a": row["a"], "b": row["b"]} for row in rows] == table


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(data=st.binary(max_size=200))
def test_no_bytes_make_it_raise(tmp_path: Path, data: bytes) -> None:
    lines = [line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    assert len(read(tmp_path, data, id_column=None, columns=None)) == len(lines)


def test_a_line_nested_without_end_is_broken(tmp_path: Path) -> None:
    deep = b'{"id": "1", "body": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    rows = read(tmp_path, deep + b'\n{"id": "2", "body": "two"}\n')
    assert [row["body"] for row in rows] == [None, "two"]
    assert defects(rows) == [("a.jsonl#1", "broken_row")]
