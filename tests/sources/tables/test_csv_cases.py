"""Tables as people report them to other projects: what a careful person would have of each (see the README of the cases)."""

from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.source import open_source

CASES = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"the cases are not here: {CASES}")

Table = list[tuple[str, str]]


def read(case: str, text: str = "text", encoding: str | None = None) -> tuple[Table, list[tuple[str, int | None]]]:
    """The ids and texts of *case*, and the words of its defects with the rows lost by them."""
    source = open_source(UPath(CASES / case), columns=[text], encoding=encoding)
    rows = [row for batch in source.batches() for row in batch.to_pylist()]
    defects = [(row["defect"].partition(":")[0], row["lost_rows"]) for row in rows if row["defect"]]
    return [(row["item_id"], row[text]) for row in rows if not row["defect"]], defects


WHOLE: dict[str, Table] = {
    "T02": [("1", 'He said "hi" to me'), ("2", "ends with backslash\\"), ("3", "plain")],
    "T03": [("1", "gut"), ("2", "schlecht")],
    "T04": [("1", "good"), ("2", "bad")],
    "T06": [("1", "good one"), ("2", "bad one")],
    "T07": [("1", "good one"), ("2", "bad one")],
    "T11": [("1", "größer als gedacht \ufffd schön"), ("2", "ok")],
    "T12": [("1", "before\x00after"), ("2", "ok"), ("3", "line\u2028sep\x85next")],
    "T17": [("1", "good"), ("2", "second member")],
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_table_is_read_whole(case: str) -> None:
    assert read(case) == (WHOLE[case], [])


def test_one_quoted_comma_in_a_header_of_semicolons_is_no_delimiter() -> None:
    assert read("T05", "text, long") == ([("1", "gut"), ("2", "a, b")], [])


@pytest.mark.parametrize(
    ("case", "encoding", "texts"),
    [
        ("T08", "gbk", ["灯坏了，请退款", "很好用，谢谢", "不喜欢"]),
        ("T09", "shift_jis", ["ランプが壊れました", "とても良いです", "ソース表示"]),
        ("T10", "macintosh", ["Größe paßt nicht très déçu", "Schöne Lampe"]),
    ],
)
def test_a_table_in_another_character_set_is_read_with_its_name(case: str, encoding: str, texts: list[str]) -> None:
    table, defects = read(case, encoding=encoding)
    assert defects == []
    assert [text for _, text in table] == texts


def test_quotes_that_are_missing_or_too_many_cost_their_rows_alone() -> None:
    table, defects = read("T01")
    assert [item_id for item_id, _ in table] == ["1", "3", "5", "6"]
    assert defects == [("broken_row", 0), ("broken_row", 0)]


def test_an_open_quote_does_not_swallow_the_rows_behind_it() -> None:
    table, defects = read("T16")
    assert table == [("1", "good"), *((str(n), f"row {n}") for n in range(3, 60))]
    assert defects == [("broken_row", 0)]


def test_ragged_rows_are_set_aside_one_by_one() -> None:
    table, defects = read("T13")
    assert table == [("1", "a"), ("5", ""), ("6", "e")]
    assert [word for word, _ in defects] == ["broken_row", "broken_row", "missing_id"]


def test_a_repeated_header_is_set_aside_and_not_asked() -> None:
    assert read("T21") == ([("1", "first"), ("2", "second"), ("3", "third")], [("repeated_header", 0)])


@pytest.mark.parametrize(("case", "ids"), [("T18", ["1", "2"]), ("T20", [])])
def test_what_no_longer_is_gzip_lost_an_unknown_number_of_rows(case: str, ids: list[str]) -> None:
    table, defects = read(case)
    assert ([item_id for item_id, _ in table], defects) == (ids, [("unreadable_file", None)])


@pytest.mark.parametrize("case", ["T14", "T15", "T22"])
def test_names_of_columns_that_are_not_there_or_twice_are_refused(case: str) -> None:
    with pytest.raises(SourceError, match="column"):
        read(case)


def test_a_zstd_window_that_is_too_large_is_refused_with_what_to_do() -> None:
    source = open_source(UPath(CASES / "Z01"), columns=["text"])
    (row,) = (row for batch in source.batches() for row in batch.to_pylist())
    assert row["lost_rows"] is None
    assert "a window of more than 128 MB (zstd --long): compress it without" in row["defect"]
