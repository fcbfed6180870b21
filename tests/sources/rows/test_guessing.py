"""A table whose text is mostly a guess is refused, with the guess."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_claude.errors import SourceError
from tests.sources.reading import rows_of

TEXTS = {
    "gb18030": ["电池容量很大", "很好，谢谢", "质量不错"],
    "shift_jis": ["バッテリーがすぐ切れる", "とても良い", "返品希望"],
    "windows-1251": ["Очень хороший товар", "доставка долгая", "плохо"],
    "euc-kr": ["배송이 너무 느려요", "좋아요", "별로예요"],
    "macintosh": ["Größe paßt nicht très déçu", "Schöne Lampe", "Très bien"],
    "windows-1252": ["Größe paßt nicht – très déçu", "Schöne Lampe", "Très bien"],
}


def _csv(folder: Path, texts: list[str], charset: str) -> Path:
    path = folder / "a.csv"
    path.write_bytes("\n".join(["id,text", *(f"{n},{text}" for n, text in enumerate(texts))]).encode(charset))
    return path


def _jsonl(folder: Path, texts: list[str], charset: str) -> Path:
    path = folder / "a.jsonl"
    lines = [json.dumps({"id": str(n), "text": text}, ensure_ascii=False) for n, text in enumerate(texts)]
    path.write_bytes("\n".join(lines).encode(charset))
    return path


def _parquet(folder: Path, texts: list[str], charset: str) -> Path:
    path = folder / "a.parquet"
    ids = [str(n) for n in range(len(texts))]
    pq.write_table(pa.table({"id": ids, "text": [text.encode(charset) for text in texts]}), path)
    return path


@pytest.mark.parametrize("charset", TEXTS)
@pytest.mark.parametrize("write", [_csv, _jsonl, _parquet])
def test_most_text_in_another_charset_is_refused_with_the_argument_to_write(
    tmp_path: Path, write: object, charset: str
) -> None:
    path = write(tmp_path, TEXTS[charset], charset)  # type: ignore[operator]
    with pytest.raises(SourceError, match=rf'of 3 rows .*{charset}.* write encoding="'):
        rows_of(path)


@pytest.mark.parametrize("charset", TEXTS)
@pytest.mark.parametrize("write", [_csv, _jsonl, _parquet])
def test_with_its_encoding_the_same_table_is_read_right(tmp_path: Path, write: object, charset: str) -> None:
    path = write(tmp_path, TEXTS[charset], charset)  # type: ignore[operator]
    rows = rows_of(path, encoding=charset)
    assert [row["text"] for row in rows] == TEXTS[charset]
    assert not any(row["defect"] for row in rows)


def test_a_few_rows_in_another_charset_are_flagged(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\n" + "1,größer\n2,schön\n".encode() + b"3,gr\xf6\xdfer\n")
    assert [row["flags"] for row in rows_of(path)] == [[], [], ["charset_guessed"]]


def test_short_texts_that_look_like_damaged_utf8_are_no_way_round_it(tmp_path: Path) -> None:
    path = _csv(tmp_path, ["电池容量很大", "很好，谢谢"], "gbk")
    with pytest.raises(SourceError, match=r'2 of 2 rows .*encoding="gb18030"'):
        rows_of(path)


@pytest.mark.parametrize("write", [_csv, _jsonl, _parquet])
def test_texts_that_were_cut_inside_a_character_are_flagged(tmp_path: Path, write: object) -> None:
    path = write(tmp_path, ["日本語!"] * 50, "utf-8")  # type: ignore[operator]
    if path.suffix == ".parquet":
        texts = ["日本語".encode() + b"\xe6\x9c"] * 50
        pq.write_table(pa.table({"id": [str(n) for n in range(50)], "text": texts}), path)
    else:
        path.write_bytes(path.read_bytes().replace(b"!", b"\xe6\x9c"))
    rows = rows_of(path)
    assert {row["text"] for row in rows} == {"日本語\ufffd"}
    assert all(row["flags"] == ["undecodable_bytes"] for row in rows)


def test_halves_of_characters_are_no_other_charset(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(f'{{"id": {n}, "text": "cut \\ud83d"}}' for n in range(50)))
    assert all(row["flags"] == ["undecodable_bytes"] for row in rows_of(path))


def test_stray_bytes_are_flagged_even_in_a_small_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\n1,na\xefve\n2,ok\n")
    assert [row["flags"] for row in rows_of(path)] == [["charset_guessed"], []]


def test_utf8_against_the_encoding_that_was_said_is_read(tmp_path: Path) -> None:
    path = _jsonl(tmp_path, TEXTS["windows-1251"], "utf-8")
    rows = rows_of(path, encoding="windows-1251")
    assert [row["text"] for row in rows] == TEXTS["windows-1251"]
    assert all(row["flags"] == ["charset_guessed"] for row in rows)


@pytest.mark.parametrize("write", [_csv, _jsonl, _parquet])
def test_the_name_of_the_file_is_no_text_of_its_rows(tmp_path: Path, write: object) -> None:
    (tmp_path / "größe").mkdir()
    write(tmp_path / "größe", [*TEXTS["gb18030"], *["ok"] * 20], "gb18030")  # type: ignore[operator]
    with pytest.raises(SourceError, match='encoding="gb18030"'):
        rows_of(tmp_path, id_column=None)


def test_one_row_of_a_large_table_in_ascii_is_flagged(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\n" + b"".join(b"%d,ok\n" % n for n in range(500)) + b"x,na\xefve\n")
    assert rows_of(path)[-1]["flags"] == ["charset_guessed"]


def test_it_is_clear_before_the_end_of_a_long_file(tmp_path: Path) -> None:
    path = _csv(tmp_path, ["шум"] * 5000, "windows-1251")
    with pytest.raises(SourceError, match="1,000 of 1,000 rows"):
        rows_of(path)


def test_one_file_of_many_is_named(tmp_path: Path) -> None:
    for name, charset in (("a", "utf-8"), ("b", "gb18030")):
        (tmp_path / name).mkdir()
        _csv(tmp_path / name, TEXTS["gb18030"], charset)
    with pytest.raises(SourceError, match=r"b/a\.csv"):
        rows_of(tmp_path)
