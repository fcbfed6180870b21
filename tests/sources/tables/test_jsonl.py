from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.tables import jsonl
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
    "line", [b"[1]", b"nonsense", b'{"id": nan}', b'{"id": -}', b'{"id": "1"', b'{"id": "\\u12"}', b'{"id": 1,}']
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


def test_a_line_in_another_charset_is_guessed_and_flagged(tmp_path: Path) -> None:
    rows = read(tmp_path, b'\xef\xbb\xbf{"id": "1", "b": "\xe9"}\n{"id": "2", "b": "x"}\n')
    assert [(row["b"], row["flags"]) for row in rows] == [("é", ["charset_guessed"]), ("x", [])]


def test_one_bad_byte_is_one_replacement_character(tmp_path: Path) -> None:
    (row,) = read(tmp_path, '{"id": "1", "b": "größer '.encode() + b"\xff" + 'schön"}'.encode())
    assert (row["b"], row["flags"]) == ("größer \ufffdschön", ["undecodable_bytes"])


def test_half_of_a_character_is_a_replacement_character(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        rb"""{"id": "1", "b": "whole \ud83d\ude00"}
{"id": "2", "b": "cut \ud83d"}
{"id": "3", "b": "cut \ude00 low"}
{"id": "4", "b": "\ud83d\ud83d\ude00"}""",
    )
    assert [row["b"] for row in rows] == ["whole 😀", "cut \ufffd", "cut \ufffd low", "\ufffd😀"]
    assert [row["flags"] for row in rows] == [[], *[["undecodable_bytes"]] * 3]


def test_half_of_a_character_in_a_name_stops_nothing(tmp_path: Path) -> None:
    (row,) = read(tmp_path, b'{"id": "1", "b": "x", "\\ud83d": "y"}')
    assert (row["item_id"], row["b"], row["defect"]) == ("1", "x", None)


def test_a_byte_order_mark_may_stand_before_any_line(tmp_path: Path) -> None:
    rows = read(tmp_path, b'\xef\xbb\xbf{"id": "1"}\n\xef\xbb\xbf{"id": "2"}\n')
    assert [row["item_id"] for row in rows] == ["1", "2"]


def test_numbers_keep_their_digits_whatever_they_are(tmp_path: Path) -> None:
    numbers = [
        "12345678901234567890123",
        "1.10",
        "1e400",
        "-0.0",
        "0.1234567890123456789",
        "NaN",
        "-Infinity",
        "9" * 5000,
    ]
    rows = read(tmp_path, "\n".join(f'{{"id": {number}, "b": "x"}}' for number in numbers).encode())
    assert [row["item_id"] for row in rows] == numbers


@pytest.mark.parametrize("second", ["text", "te\\u0078t"])
def test_a_name_that_is_there_twice_is_reported(tmp_path: Path, second: str) -> None:
    rows = read(
        tmp_path, f'{{"id": 1, "text": "a", "{second}": "b"}}\n{{"id": 2, "text": "c", "x": {{"text": 1}}}}\n'.encode()
    )
    assert [(row["text"], row["flags"]) for row in rows] == [("b", ["name_twice"]), ("c", [])]


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-32"])
def test_wide_character_sets_are_read_by_their_mark_or_their_nulls(tmp_path: Path, charset: str) -> None:
    rows = read(tmp_path, '{"id": "1", "b": "größer 😀"}\r\n{"id": "2", "b": "x"}\r\n'.encode(charset))
    assert [row["b"] for row in rows] == ["größer 😀", "x"]


@pytest.mark.parametrize("data", [b'[{"id": 1}, {"id": 2}]', b'[\n{"id": 1},\n{"id": 2}\n]', b'{\n  "id": 1\n}\n'])
def test_a_file_that_is_no_json_lines_is_refused_whole(tmp_path: Path, data: bytes) -> None:
    row = read(tmp_path, data)[-1]
    assert str(row["defect"]).startswith("unreadable_file: the file")
    assert "jq -c" in str(row["defect"])
    assert row["lost_rows"] is None


def test_objects_on_one_line_are_counted_as_lost(tmp_path: Path) -> None:
    rows = read(tmp_path, b'{"id": "1"}\n{"id": "2"}{"id": "3"} {"id": "4"}\n')
    assert [row["lost_rows"] for row in rows] == [0, 3]


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
    try:
        rows = read(tmp_path, data, id_column=None, columns=None)
    except SourceError as e:
        if "a guess" not in str(e):
            raise
    else:
        wide = data[:2] in {b"\xfe\xff", b"\xff\xfe"} or b"\0" in data[:4]
        assert wide or len(rows) == len(lines) or rows[-1]["lost_rows"] is None


def test_a_line_nested_without_end_is_broken(tmp_path: Path) -> None:
    deep = b'{"id": "1", "body": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    rows = read(tmp_path, deep + b'\n{"id": "2", "body": "two"}\n')
    assert [row["body"] for row in rows] == [None, "two"]
    assert defects(rows) == [("a.jsonl#1", "broken_row")]


def test_a_file_that_ends_inside_an_object_was_cut_and_lost_an_unknown_number_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1", "body": "x"}\n{"id": "2", "body": "y\n{"id": "3", "body": "z"}\n{"id": "4", "bo')
    rows = rows_of(path)
    assert defects(rows) == [("a.jsonl#2", "broken_row"), ("a.jsonl#4", "unreadable_file")]
    assert [row["lost_rows"] for row in rows] == [0, 0, 0, None]
