"""Small inputs from the field: containers of mail, names, and files that lie beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_claude.errors import SourceError
from tests.sources.reading import Rows, rows_of

#: A place, arguments, and the texts that are right, in order.
RIGHT: list[tuple[str, dict[str, Any], list[str]]] = [
    ("M08", {}, ["the offer is fine"]),
    ("M42", {}, ["fix the lamp", "The lamp is broken"]),
    ("M43", {}, ["From now on you can read", "The lamp is broken"]),
    ("M44", {}, ["The lamp is broken"]),
    ("M50", {"format": "eml"}, ["body number 3", "body number 0", "body number 1"]),
    ("M50", {}, ["body number 3", "body number 0", "body number 1"]),
    ("M52", {}, ["body of emlx"]),
    ("M53", {}, ["body of emlx"]),
    ("M53/mails.zip", {}, ["body of emlx"]),
    ("M54", {}, ["body of emlx", "text of emlx"]),
    ("M55", {}, ["body of emlx"]),
    ("M55", {"format": "eml"}, ["body of emlx"]),
    ("M56", {"format": "mbox"}, ["The lamp is broken"]),
    ("M57", {"format": "mbox"}, ["The lamp is broken"]),
    ("M57", {}, ["The lamp is broken"]),
    ("F01", {}, ["hello"] * 10),
    ("F01/mail [nov]/*.eml", {}, ["hello"]),
    ("T19", {"id_column": None}, ["good"]),
]


@pytest.fixture
def cases(shared_data: Path) -> Path:
    if not (shared_data / "cases").is_dir():
        pytest.skip("the small inputs from the field are not beside this checkout")
    return shared_data / "cases"


def texts(rows: Rows) -> list[str]:
    return [row["defect"] or row.get("body") or row.get("text") or "" for row in rows]


@pytest.mark.parametrize(("case", "options", "right"), RIGHT, ids=lambda value: value if isinstance(value, str) else "")
def test_the_right_texts_are_read(case: str, options: dict[str, Any], right: list[str], cases: Path) -> None:
    found = texts(rows_of(cases / case, **options))
    assert len(found) == len(right)
    assert all(part in text for part, text in zip(right, found, strict=True))


@pytest.mark.parametrize("place", ["P07", "P07/*.parquet", "P07/v1.parquet"])
def test_a_delta_table_is_refused_by_name(place: str, cases: Path) -> None:
    with pytest.raises(SourceError, match="Delta"):
        rows_of(cases / place, id_column=None)


def test_a_name_of_gzip_over_plain_text_is_reported(cases: Path) -> None:
    (row,) = rows_of(cases / "T20", id_column=None)
    assert (row["item_id"], row["lost_rows"]) == (None, None)
    assert "gzip" in row["defect"]


def test_a_signed_mail_is_read_and_what_cannot_be_read_is_reported(cases: Path) -> None:
    (signed,) = rows_of(cases / "M09")
    assert "The lamp is broken" in signed["body"]
    (bare,) = rows_of(cases / "M07")
    assert "wrapped_unread" in bare["flags"]
    (cut,) = rows_of(cases / "M51")
    assert "Outlook message" in cut["defect"]
