"""Small inputs from the field: tables. For each the right value, or how it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_claude.errors import SourceError
from tests.sources.reading import rows_of

LOST, GUESSED, TWICE = ["undecodable_bytes"], ["charset_guessed"], ["name_twice"]

#: Case, arguments, and (id, a text, flags) of each row; the text stands in the column `text` unless the arguments say another.
RIGHT: list[tuple[str, dict[str, Any], list[tuple[str, str | None, list[str]]]]] = [
    (
        "J01",
        {},
        [("1", "love it 😀", []), ("2", "cut emoji \ufffd", LOST), ("3", "cut \ufffd low", LOST), ("4", "ok", [])],
    ),
    ("J02", {"columns": ["score"]}, [("1", "NaN", []), ("2", "Infinity", [])]),
    (
        "J02",
        {},
        [
            *[("1", "x", []), ("2", "y", []), ("12345678901234567890123", "big id", []), ("1.0", "float id", [])],
            *[("1e3", "exp id", []), ("true", "bool id", []), ('{"$oid":"64a"}', "mongo id", [])],
            *[("5", '["a","b"]', []), ("6", '{"de":"gut"}', []), ("7", None, [])],
        ],
    ),
    ("J05", {}, [("1", "a", []), ("2", "b", [])]),
    ("J06", {"format": "jsonl"}, [("1", "a", [])]),
    ("J07", {}, [("1", "größer \ufffd schön", LOST), ("2", "ok", [])]),
    ("J08", {}, [("1", "a", []), ("2", "bom again, by cat", [])]),
    ("J09", {}, [("1", "b", TWICE)]),
    ("J10", {}, [("1", "a", []), ("2", "second frame", [])]),
    ("J11", {}, [("1", "after a skippable frame", [])]),
    (
        "P01",
        {},
        [(f"00000000-0000-0000-0000-00000000000{n}", text, []) for n, text in ((1, "good"), (2, "bad"), (3, "box"))],
    ),
    ("P02", {}, [("1", '{"a":1}', []), ("2", '{"a":2}', []), ("3", '"x"', [])]),
    ("P03", {"columns": ["text"]}, [("1", "good", []), ("2", "bad", []), ("3", "box", [])]),
    ("P03", {"columns": ["d"]}, [("1", "good", []), ("2", "bad", []), ("3", "box", [])]),
    ("P04", {"columns": ["ts"]}, [("1", "2026-11-02 10:00:00.123456000+0100", [])]),
    ("P04", {"columns": ["d"]}, [("1", "2026-11-02", [])]),
    ("P04", {"columns": ["dec"]}, [("1", "1.10", [])]),
    ("P04", {"columns": ["du"]}, [("1", "90", [])]),
    ("P04", {"columns": ["t"]}, [("1", "09:05:00.000000", [])]),
    ("P04", {"columns": ["h"]}, [("1", "1.5", [])]),
    ("P04", {"columns": ["b"]}, [("1", "true", [])]),
    ("P04", {"columns": ["n"]}, [("1", None, [])]),
    ("P04", {"columns": ["bin"]}, [("1", "ÿ\0a", GUESSED)]),
    ("P04", {"columns": ["fs"]}, [("1", "abcd", [])]),
    ("P06", {"columns": ["year"]}, [("1", "2026", []), ("2", "2026", []), ("3", "2026", []), ("4", "2026", [])]),
    ("P06", {"columns": ["month"]}, [("1", "11", []), ("2", "11", []), ("3", "11", []), ("4", "12", [])]),
    (
        "P09",
        {"columns": ["ts"]},
        [
            ("1", "9999-12-31 00:00:00.000000", []),
            ("2", "2026-11-02 00:00:00.000000", []),
            ("3", "0001-01-01 00:00:00.000000", []),
        ],
    ),
    ("P10", {"columns": ["user.text"]}, [("1", "good", []), ("2", "bad", []), ("3", "box", [])]),
    ("P10", {"columns": ["text"]}, [("1", "t1", []), ("2", "t2", []), ("3", "t3", [])]),
    ("P11", {}, [("1", "good", []), ("2", "bad", []), ("3", "box", [])]),
    ("P12", {}, [("1", "good", []), ("2", "bad", []), ("3", "box", [])]),
    ("T08", {"encoding": "gbk"}, [("1", "灯坏了，请退款", []), ("2", "很好用，谢谢", []), ("3", "不喜欢", [])]),
    (
        "T09",
        {"encoding": "shift_jis"},
        [("1", "ランプが壊れました", []), ("2", "とても良いです", []), ("3", "ソース表示", [])],
    ),
    ("T10", {"encoding": "macintosh"}, [("1", "Größe paßt nicht très déçu", []), ("2", "Schöne Lampe", [])]),
    ("T11", {}, [("1", "größer als gedacht \ufffd schön", LOST), ("2", "ok", [])]),
]

#: Cases that fail the scan, and what its error names.
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("T08", {}, 'encoding="gb18030"'),
    ("T09", {}, 'encoding="shift_jis"'),
    ("T10", {}, 'encoding="macintosh"'),
    ("P05", {"columns": ["st"]}, r"Column 'st' .* struct"),
    ("P05", {"columns": ["li"]}, r"Column 'li' .* list"),
    ("P08", {}, "2.parquet .* has no column 'd'"),
    ("P13", {}, r"Column 'id' .* fixed_size_binary\[16\]"),
    ("P13", {"columns": ["text"]}, r"Column 'id' .* not text"),
]

#: Cases whose rows are set aside or lost: the words of their defects, and how many rows each covers.
REPORTED: list[tuple[str, dict[str, Any], list[tuple[str, int | None]]]] = [
    ("J03", {}, [("unreadable_file", None)]),
    ("J04", {}, [("broken_row", 2), ("broken_row", 0), ("broken_row", 0), ("broken_row", 0), ("broken_row", 0)]),
    ("J09", {}, [("missing_id", 0)]),
]


@pytest.fixture
def cases(shared_data: Path) -> Path:
    if not (shared_data / "cases").is_dir():
        pytest.skip("the small inputs from the field are not beside this checkout")
    return shared_data / "cases"


def named(value: object) -> str:
    return value if isinstance(value, str) and value[0] in "JPT" else ""


@pytest.mark.parametrize(("case", "options", "right"), RIGHT, ids=named)
def test_the_right_values_are_read(case: str, options: dict[str, Any], right: list[Any], cases: Path) -> None:
    column = options.get("columns", ["text"])[0]
    rows = [row for row in rows_of(cases / case, **options) if not row["defect"]]
    assert [(row["item_id"], row[column], row["flags"]) for row in rows][: len(right)] == right


@pytest.mark.parametrize(("case", "options", "says"), REFUSED, ids=named)
def test_what_cannot_be_read_right_is_refused(case: str, options: dict[str, Any], says: str, cases: Path) -> None:
    with pytest.raises(SourceError, match=says):
        rows_of(cases / case, **options)


@pytest.mark.parametrize(("case", "options", "reported"), REPORTED, ids=named)
def test_rows_that_are_not_read_are_reported(
    case: str, options: dict[str, Any], reported: list[tuple[str, int | None]], cases: Path
) -> None:
    rows = [row for row in rows_of(cases / case, **options) if row["defect"]]
    assert [(row["defect"].partition(":")[0], row["lost_rows"]) for row in rows] == reported
