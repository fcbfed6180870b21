"""The table of rows that people look at, as it comes back from them."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from airflow_provider_claude.core.consistency.comparable import comparable
from airflow_provider_claude.core.consistency.review import Correction, corrections, read_csv, row_name
from airflow_provider_claude.errors import JobError

SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"anyOf": [{"$ref": "#/$defs/Label"}, {"type": "null"}]},
        "urgent": {"type": "boolean"},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "count": {"type": "integer"},
        "summary": {"type": "string"},
    },
    "$defs": {"Label": {"type": "string", "enum": ["Good", "bad", "-1"]}},
}
FIELDS = comparable(SCHEMA)


def _corrected(**cells: str | None) -> list[Correction]:
    row = {"row": "row-1", "corrected_label": ""} | {f"corrected_{name}": text for name, text in cells.items()}
    return corrections(iter([row]), FIELDS, SCHEMA)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("label", " Good ", "Good"),
        ("label", "GOOD", "Good"),
        ("label", "'-1", "-1"),
        ("urgent", "Yes", True),
        ("urgent", "0", False),
        ("score", "0,5", 0.5),
        ("count", "3", 3),
    ],
)
def test_what_people_write_is_the_value_of_its_field(name: str, text: str, value: Any) -> None:
    assert _corrected(**{name: text}) == [Correction("row-1", {name: value})]


@pytest.mark.parametrize(
    ("name", "text"), [("label", "goood"), ("urgent", "maybe"), ("score", "1.5"), ("score", "nan"), ("count", "1.5")]
)
def test_what_is_no_value_of_its_field_is_refused_by_row_and_column(name: str, text: str) -> None:
    with pytest.raises(JobError, match=f"row-1, corrected_{name}: "):
        _corrected(**{name: text})


def test_rows_without_anything_filled_in_are_left_out() -> None:
    assert _corrected(label="  ", urgent=None) == []


def test_a_table_without_the_columns_that_were_written_is_refused() -> None:
    with pytest.raises(JobError, match="keep this column"):
        corrections(iter([{"corrected_label": "bad"}]), FIELDS, SCHEMA)
    with pytest.raises(JobError, match="corrected_label, corrected_urgent"):
        corrections(iter([{"row": "row-1"}]), FIELDS, SCHEMA)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_that_a_spreadsheet_saved_is_read(encoding: str, delimiter: str) -> None:
    lines = [["row", "text_body", "corrected_label"], ["row-1", '"Zwölf, ""alte""; Männer\nund so"', "bad"]]
    content = "\r\n".join(delimiter.join(line) for line in lines).encode(encoding)
    assert list(read_csv(content)) == [
        {"row": "row-1", "text_body": 'Zwölf, "alte"; Männer\nund so', "corrected_label": "bad"}
    ]


def test_no_spreadsheet_takes_the_name_of_a_row_for_a_number() -> None:
    assert row_name("00e5" * 16) == "row-00e500e500e500e500e500e5"


def test_a_file_that_is_no_table_is_refused() -> None:
    before = csv.field_size_limit(1_000)
    try:
        with pytest.raises(JobError, match="cannot be read as CSV: field larger"):
            list(read_csv(b"row,corrected_label\n" + b"x" * 2_000))
    finally:
        csv.field_size_limit(before)


def test_values_that_a_program_wrote_are_taken_too() -> None:
    row: Any = {"row": "row-1", "corrected_urgent": True, "corrected_count": 3, "corrected_label": None}
    assert corrections(iter([row]), FIELDS, SCHEMA) == [Correction("row-1", {"urgent": True, "count": 3})]
