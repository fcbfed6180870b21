"""The verdict on each file of the collections, by its name.

A file of the JSON suite is read twice: as it is, where a valid document that is no object is no row either; and as the
value of a column, `{"v": …}`. What the suite refuses (`n_`) is never a row, what it accepts (`y_`) always one; where
it leaves a choice, ours is in CHOICES.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from airflow_provider_claude.errors import SourceError
from tests.conftest import DATA
from tests.sources.reading import Rows, rows_of

NASTY = DATA / "json_csv_nasty.parquet"
FILES: list[dict[str, Any]] = pq.read_table(NASTY).to_pylist() if NASTY.exists() else []
JSON = [file for file in FILES if file["format"] == "json"]

#: What becomes of a value where the suite leaves a choice, or only says that readers differ: `kept` as its own JSON text,
#: `guessed` to be Windows-1252, the defect, or `refused` with its file, most of whose text would be a guess.
CHOICES = {
    "i_number_neg_int_huge_exp.json": "kept",
    "i_number_real_neg_overflow.json": "kept",
    "i_number_real_underflow.json": "kept",
    "i_number_very_big_negative_int.json": "kept",
    "i_object_key_lone_2nd_surrogate.json": "kept",
    "i_string_1st_surrogate_but_2nd_missing.json": "kept",
    "i_string_1st_valid_surrogate_2nd_invalid.json": "kept",
    "i_string_UTF-16LE_with_BOM.json": "broken_row",
    "i_string_UTF8_surrogate_U+D800.json": "refused",
    "i_string_incomplete_surrogate_pair.json": "kept",
    "i_string_invalid_lonely_surrogate.json": "kept",
    "i_string_invalid_surrogate.json": "kept",
    "i_string_lone_second_surrogate.json": "kept",
    "i_string_lone_utf8_continuation_byte.json": "guessed",
    "i_string_not_in_unicode_range.json": "guessed",
    "i_string_overlong_sequence_6_bytes_null.json": "refused",
    "i_string_utf16BE_no_BOM.json": "broken_row",
    "i_structure_500_nested_arrays.json": "kept",
    "i_structure_UTF-8_BOM_empty_object.json": "kept",
    "number_-9223372036854775808.json": "kept",
    "number_1.000000000000000005.json": "kept",
    "number_10000000000000000999.json": "kept",
    "number_1e-999.json": "kept",
    "number_9223372036854775808.json": "kept",
    "object_key_nfc_nfd.json": "kept",
    "object_key_nfd_nfc.json": "kept",
    "object_same_key_different_values.json": "kept",
    "object_same_key_same_value.json": "kept",
    "string_1_invalid_codepoint.json": "refused",
    "string_2_invalid_codepoints.json": "refused",
    "string_with_escaped_NULL.json": "kept",
}

#: The one valid document that is more than one line, each of which is refused on its own.
SPREAD = "y_array_with_1_and_newline.json"


def named(files: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("file", files, ids=lambda file: str(file["name"]))


def read(folder: Path, raw: bytes, name: str = "a.jsonl") -> Rows:
    (folder / name).write_bytes(raw)
    return rows_of(folder / name, id_column=None)


def as_value(file: dict[str, Any]) -> bytes:
    return b'{"v":' + file["raw"].removeprefix(b"\xef\xbb\xbf").strip(b" \r\n") + b"}"


def words(rows: Rows) -> set[str]:
    return {(row["defect"] or "").partition(":")[0] for row in rows}


def test_all_files_are_judged() -> None:
    if not FILES:
        pytest.skip("the shared data folder is not beside this checkout")
    open_to_choice = {file["name"] for file in JSON if not file["name"].startswith(("n_", "y_"))}
    assert open_to_choice == CHOICES.keys()
    assert (len(JSON), len(FILES)) == (214, 220)


@named([file for file in JSON if file["name"].startswith("n_")])
def test_what_is_no_json_is_refused_with_a_reason(tmp_path: Path, file: dict[str, Any]) -> None:
    rows = read(tmp_path, file["raw"])
    defect = "unreadable_file" if re.match(rb"\s*\[\s*\{", file["raw"]) else "broken_row"
    assert words(rows) == ({defect} if file["raw"].strip() else set())
    assert words(read(tmp_path, as_value(file))) <= {"broken_row"}


@named([file for file in JSON if file["name"].startswith("y_")])
def test_what_is_json_is_taken_as_it_is(tmp_path: Path, file: dict[str, Any]) -> None:
    document = json.loads(file["raw"])
    rows = read(tmp_path, file["raw"])
    if isinstance(document, dict):
        assert (words(rows), len(rows)) == ({""}, 1)
        assert {name: rows[0][name] for name in document} == {name: as_text(value) for name, value in document.items()}
    else:
        assert words(rows) == {"broken_row"}
    rows = read(tmp_path, as_value(file))
    if file["name"] == SPREAD:
        assert words(rows) == {"broken_row"}
    else:
        assert [(row["defect"], row["flags"]) for row in rows] == [(None, [])]
        value = rows[0]["v"]
        assert value == document if value is None or isinstance(document, str) else json.loads(value) == document


def as_text(value: object) -> str | None:
    """*value* as the reader gives it: strings as they are, null as null, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


@named([file for file in JSON if file["name"] in CHOICES])
def test_where_readers_differ_ours_does_as_it_says(tmp_path: Path, file: dict[str, Any]) -> None:
    choice = CHOICES[file["name"]]
    if choice == "refused":
        with pytest.raises(SourceError, match="guess"):
            read(tmp_path, as_value(file))
        return
    (row,) = read(tmp_path, as_value(file))
    outcome = "guessed" if row["flags"] == ["charset_guessed"] else "kept"
    assert (row["defect"] or outcome).partition(":")[0] == choice
    if choice == "kept":
        assert row["v"] == file["raw"].decode("utf-8-sig").strip()


@named([file for file in FILES if file["format"] == "csv"])
def test_csv_reads_as_its_collection_says(tmp_path: Path, file: dict[str, Any]) -> None:
    rows = read(tmp_path, file["raw"], "a.csv")
    expected = json.loads(file["expect"].replace("\\r\\n", "\\n"))
    assert [{name: row[name] for name in expected[0]} for row in rows] == expected
    assert words(rows) == {""}
