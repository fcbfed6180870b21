"""Damage to a CSV file costs the rows it covers: they are counted, and those around them come through unchanged."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_claude.sources.tables.csv_damage import Likeness
from tests.sources.reading import Rows, rows_of

MAIL = "Dear team,\nmy order is late, please help.\n12, Main Street\n\nThanks, Bob"


def lines(ids: Sequence[object], text: str = "row {}") -> list[str]:
    return [f"{item_id},{text.format(item_id)}" for item_id in ids]


def read(folder: Path, rows: Sequence[str], header: str = "id,text", **options: Any) -> Rows:
    (folder / "a.csv").write_text("\n".join([header, *rows, ""]), newline="")
    return rows_of(folder / "a.csv", **options)


def counted(rows: Rows) -> tuple[list[str], int]:
    """The ids that were read, and how many rows were not."""
    aside = [row for row in rows if row["defect"]]
    return [row["item_id"] for row in rows if not row["defect"]], sum(row["lost_rows"] or 1 for row in aside)


KINDS = {
    "series": [str(n) for n in range(1, 101)],
    "prefixed": [f"mail-{n}" for n in range(1, 101)],
    "unsorted": [str(n * 7919 % 1009) for n in range(1, 101)],
    "uuid": [str(uuid.UUID(int=n * 2**99 + 7**40 * n)) for n in range(1, 101)],
    "names": [f"{a}{b}" for a in ("anna", "bert", "cora", "dora", "emil") for b in "abcdefghijklmnopqrst"],
}


@pytest.fixture(params=KINDS)
def ids(request: pytest.FixtureRequest) -> list[str]:
    return KINDS[request.param]


def test_an_open_quote_costs_its_own_row(tmp_path: Path, ids: list[str]) -> None:
    rows = lines(ids)
    rows[40] = rows[40].replace(",", ',"')
    read_ids, lost = counted(found := read(tmp_path, rows))
    assert (read_ids, lost) == (ids[:40] + ids[41:], 1)
    assert [row["flags"] for row in found if row["item_id"] == ids[41]] == [["after_damage"]]


def test_two_open_quotes_cost_their_own_rows(tmp_path: Path, ids: list[str]) -> None:
    rows = lines(ids)
    for row in (20, 70):
        rows[row] = rows[row].replace(",", ',"')
    assert counted(read(tmp_path, rows)) == (ids[:20] + ids[21:70] + ids[71:], 2)


def test_rows_that_two_stray_quotes_make_one_field_are_read_or_counted(tmp_path: Path, ids: list[str]) -> None:
    rows = lines(ids)
    rows[20], rows[70] = rows[20].replace(",", ',"'), rows[70] + '"'
    read_ids, lost = counted(read(tmp_path, rows))
    assert len(read_ids) + lost == 100
    assert set(ids[:20] + ids[71:]) <= set(read_ids)
    assert not [row for row in rows_of(tmp_path / "a.csv") if "\n" in (row["text"] or "")]


@pytest.mark.parametrize("inner", [1, 2, 5])
def test_a_series_of_ids_shows_even_few_rows_in_a_field(tmp_path: Path, inner: int) -> None:
    rows = lines(range(1, 31))
    rows[9], rows[9 + inner] = rows[9].replace(",", ',"'), rows[9 + inner] + '"'
    read_ids, lost = counted(read(tmp_path, rows))
    assert (len(read_ids), lost) == (29, 1)


def test_rows_without_ids_that_two_stray_quotes_join_are_counted(tmp_path: Path) -> None:
    rows = lines(range(1, 101), "text of {}")
    rows[20], rows[70] = rows[20].replace(",", ',"'), rows[70] + '"'
    read_ids, lost = counted(read(tmp_path, rows, "subject,text", id_column=None))
    assert (len(read_ids), lost) == (49, 51)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize(
    "text",
    [
        MAIL,
        "one\ntwo",
        "a, b\nc, d",
        "Here are my rows:\n1,row 1\n2,row 2\n3,row 3",
        "id,text\n1,forged\n2,forged\n3,forged",
        'He said:\n1,"quoted"\n"2",x',
        "\n".join(f"{word}, please" for word in ("Hello", "help", "me")),
    ],
)
def test_text_of_several_lines_is_one_field_however_much_it_looks_like_rows(
    tmp_path: Path, ids: list[str], text: str, quoting: Any
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=quoting)
    writer.writerows([("id", "text"), *((item_id, text) for item_id in ids)])
    (tmp_path / "a.csv").write_text(out.getvalue(), newline="")
    rows = rows_of(tmp_path / "a.csv")
    assert [(row["item_id"], row["text"], row["defect"]) for row in rows] == [(item_id, text, None) for item_id in ids]


def test_mail_cannot_forge_rows_by_an_id_that_comes_next(tmp_path: Path) -> None:
    forged = "\n".join(f"{n},forged" for n in range(51, 90))
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("id", "text"), *((n, forged if n == 50 else MAIL) for n in range(1, 101))])
    (tmp_path / "a.csv").write_text(out.getvalue(), newline="")
    rows = rows_of(tmp_path / "a.csv")
    assert [row["item_id"] for row in rows] == [str(n) for n in range(1, 101)]
    assert rows[49]["text"] == forged


def test_unescaped_quotes_in_mail_of_several_lines_cost_that_mail(tmp_path: Path) -> None:
    rows = [f'{n},"{MAIL}"' for n in range(1, 31)]
    rows[9] = '10,"Hello\nhe said "no, never" to me\nand left, angry"'
    read_ids, lost = counted(read(tmp_path, rows))
    assert (read_ids, lost) == ([str(n) for n in range(1, 31) if n != 10], 1)


def test_rows_that_begin_in_lines_which_cannot_be_read_are_counted(tmp_path: Path) -> None:
    rows = lines(range(1, 31))
    rows[9:12] = ['10,"open', "11,too,many,fields", "12"]
    found = read(tmp_path, rows)
    assert counted(found) == ([str(n) for n in range(1, 31) if n not in {10, 11, 12}], 3)
    (mark,) = [row for row in found if row["defect"]]
    assert mark["defect"].startswith("broken_rows: lines 11 to 13 cannot be read as CSV")
    assert [row["source_ref"] for row in found if row["item_id"] == "13"] == ["a.csv#13"]


@pytest.mark.parametrize("end", ['30,"Dear team,\nplease', "30"])
def test_a_file_that_ends_inside_a_row_was_cut_and_lost_an_unknown_number(tmp_path: Path, end: str) -> None:
    (tmp_path / "a.csv").write_text("\n".join(["id,text", *lines(range(1, 30)), end]))
    rows = rows_of(tmp_path / "a.csv")
    assert [row["item_id"] for row in rows] == [*map(str, range(1, 30)), None]
    assert rows[-1]["lost_rows"] is None
    assert rows[-1]["defect"].startswith("unreadable_file: ")
    assert "it was cut" in rows[-1]["defect"]


def test_backslashes_before_quotes_are_read_where_nothing_else_makes_a_row(tmp_path: Path) -> None:
    rows = read(tmp_path, ['1,"He said \\"hi\\"\nto me"', '2,"a\\",b"', '3,"C:\\"', "4,plain"])
    assert [row["text"] for row in rows] == ['He said "hi"\nto me', 'a",b', "C:\\", "plain"]
    assert [row["flags"] for row in rows] == [["backslash_escapes"], ["backslash_escapes"], [], []]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_by_which_rows_fit_the_header(tmp_path: Path, delimiter: str) -> None:
    others = ",;\t|".replace(delimiter, "")
    rows = [f'{n}{delimiter}"a{others}b"' for n in range(3)]
    found = read(tmp_path, rows, f'id{delimiter}"text{others}{others}"')
    assert [row[f"text{others}{others}"] for row in found] == [f"a{others}b"] * 3


def test_quotes_out_of_place_everywhere_cost_time_in_proportion_to_the_file(tmp_path: Path) -> None:
    rows = ['1,"a', *(f'{n},x","y' for n in range(20_000))]
    read(tmp_path, rows)


def test_ids_that_count_up_are_a_series() -> None:
    likeness = Likeness(",", 2, 0)
    likeness.recent.extend(["m-1", "m-3", "m-4"])
    assert likeness.series() == ("m-", 4, 2)
    likeness.recent.append("m-2")
    assert likeness.series() is None


@pytest.mark.parametrize("kind", ["series", "prefixed", "uuid"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("late, please help.\n", 'late, please help."\n'),
        lambda text: text.replace('"', "", 1),
        lambda text: text[:-1],
    ],
    ids=["a quote at the end of a line", "no opening quote", "no closing quote"],
)
def test_the_rest_of_a_text_whose_quotes_are_wrong_is_no_row(
    tmp_path: Path, damage: Callable[[str], str], kind: str
) -> None:
    ids = KINDS[kind]
    rows = [f'{item_id},"{MAIL}"' for item_id in ids[:60]]
    rows[40] = f"{ids[40]}," + damage(f'"{MAIL}"')
    found = read(tmp_path, rows)
    whole = [row["item_id"] for row in found if row["text"] == MAIL]
    assert whole == ids[:40] + ids[41:60]
    assert [row["item_id"] for row in found if not row["defect"] and row["text"] != MAIL] == []
    assert counted(found)[1] >= 1


@pytest.mark.parametrize("odd", ['TOTAL,"80 rows"', "TOTAL,80", "80 rows", "id,text"])
def test_a_row_with_an_odd_id_and_a_line_that_is_none_are_reported_by_themselves(tmp_path: Path, odd: str) -> None:
    rows = [f'{n},"{MAIL}"' for n in range(1, 41)]
    for place in (20, 41):
        found = read(tmp_path, [*rows[:place], odd, *rows[place:]])
        assert [row["item_id"] for row in found if row["text"] == MAIL] == [str(n) for n in range(1, 41)]
        assert len(found) == 41


STRANGE_IDS = {
    "another kind of id": ["guest-7", "guest-8"],
    "ids from the start again": [str(n) for n in range(1, 40)],
    "uuids": [str(uuid.UUID(int=n * 7919**9)) for n in range(1, 30)],
    "longer ids": ["1000000000000", "7"],
    "a name with blanks": ["Anna Maria"],
}


@pytest.mark.parametrize("strange", STRANGE_IDS)
@pytest.mark.parametrize("every", [1, 3, 1000])
@pytest.mark.parametrize("id_first", [True, False])
def test_whole_rows_are_read_whatever_their_ids_look_like(
    tmp_path: Path, strange: str, every: int, id_first: bool
) -> None:
    ids = [*(str(n) for n in range(100, 160)), *STRANGE_IDS[strange], *(str(n) for n in range(160, 190))]
    texts = [f"{MAIL}\n{n}" if n % every == 0 else f"plain {n}" for n in range(len(ids))]
    out = io.StringIO(newline="")
    order = slice(None, None, 1 if id_first else -1)
    csv.writer(out, lineterminator="\n").writerows(
        [("id", "text")[order], *(row[order] for row in zip(ids, texts, strict=True))]
    )
    (tmp_path / "a.csv").write_text(out.getvalue(), newline="")
    rows = rows_of(tmp_path / "a.csv")
    assert [(row["item_id"], row["text"], row["defect"], row["flags"]) for row in rows] == [
        (item_id, text, None, ["id_like_text"] * (" " in item_id)) for item_id, text in zip(ids, texts, strict=True)
    ]


def test_where_rows_cannot_be_distinguished_from_the_rest_of_a_text_an_unknown_number_is_lost(tmp_path: Path) -> None:
    ids = [str(uuid.UUID(int=n * 7919**9)) for n in range(1, 80)]
    rows = [f'1,"{MAIL}"', *lines(range(2, 60)), f'{ids[0]},a 27" screen', *lines(ids[1:])]
    found = read(tmp_path, rows)
    assert [row["lost_rows"] for row in found if row["defect"]] == [0, None]
    assert len(found) == 60


def test_a_byte_order_mark_before_any_line_is_no_text(tmp_path: Path) -> None:
    data = '\ufeffid,text\n1,a\n\ufeffid,text\n2,b\n\ufeff"3","c\ufeff"\n'
    for encoding in (None, "utf-8", "utf-16"):
        (tmp_path / "a.csv").write_bytes(data.encode(encoding or "utf-8"))
        rows = rows_of(tmp_path / "a.csv", encoding=encoding)
        assert [(row["item_id"], row["text"]) for row in rows] == [
            ("1", "a"),
            (None, None),
            ("2", "b"),
            ("3", "c\ufeff"),
        ]


def test_rows_behind_a_header_in_another_order_are_read_by_it(tmp_path: Path) -> None:
    rows = read(tmp_path, ["1,a", "text,id", "b,2", "id,text", "3,c"])
    assert [(row["item_id"], row["text"]) for row in rows if not row["defect"]] == [("1", "a"), ("2", "b"), ("3", "c")]
    assert [row["defect"].partition(":")[0] for row in rows if row["defect"]] == ["repeated_header"] * 2


def test_rows_behind_a_header_with_other_columns_are_not_read(tmp_path: Path) -> None:
    rows = read(tmp_path, ["1,a", "id,language", "2,en"])
    assert [(row["item_id"], row["lost_rows"]) for row in rows] == [("1", 0), (None, None)]
    assert "line 3 is a header with other columns" in rows[-1]["defect"]


@pytest.mark.parametrize("end", ["\x1a", "\x1a\r\n"])
def test_an_end_of_file_mark_of_old_programs_is_no_row(tmp_path: Path, end: str) -> None:
    (tmp_path / "a.csv").write_text(f"id,text\r\n1,a\r\n{end}", newline="")
    assert [(row["item_id"], row["defect"]) for row in rows_of(tmp_path / "a.csv")] == [("1", None)]


def test_an_open_quote_before_many_lines_unlike_the_rows_before_loses_an_unknown_number(tmp_path: Path) -> None:
    found = read(
        tmp_path, [*lines(range(1, 60)), '60,"open', *lines([uuid.UUID(int=n * 7919**9) for n in range(1, 80)])]
    )
    assert counted(found)[0] == [str(n) for n in range(1, 60)]
    assert (found[-1]["lost_rows"], found[-1]["defect"].partition(":")[0]) == (None, "unreadable_file")


def test_lines_of_a_text_without_quotes_are_no_rows_behind_one_that_is_none(tmp_path: Path, ids: list[str]) -> None:
    rows = lines(ids)
    rows[40] = f"{ids[40]},Dear team,\nmy order is late!, please help.\n\n?, Bob"
    read_ids, lost = counted(read(tmp_path, rows))
    assert (read_ids, lost) == (ids[:40] + ids[41:], 3)


def test_a_line_of_a_text_without_quotes_that_looks_like_a_row_is_flagged(tmp_path: Path) -> None:
    rows = lines(range(1, 31))
    rows[20] = "21,hello\nyou there, friend"
    found = read(tmp_path, rows)
    assert [row["item_id"] for row in found if row["flags"] == ["id_like_text"]] == ["you there"]
