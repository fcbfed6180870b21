from __future__ import annotations

import datetime as dt
import random
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_claude.errors import SourceError
from tests.sources.reading import defects, rows_of


def test_columns_of_other_types_become_text(tmp_path: Path) -> None:
    day = dt.date(2026, 11, 22)
    table = pa.table({
        "id": [1],
        "ok": [True],
        "day": [day],
        "kind": pa.array(["a"]).dictionary_encode(),
        "large": pa.array(["b"], pa.large_string()),
        "raw": pa.array(["é".encode()]),
        "none": pa.nulls(1),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet")
    (row,) = rows_of(tmp_path)
    assert row["item_id"] == "1"
    assert [row[name] for name in table.schema.names] == ["1", "true", "2026-11-22", "a", "b", "é", None]


def test_a_column_that_cannot_be_text_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["1"], "parts": [["a", "b"]]}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"'parts'.*list"):
        rows_of(tmp_path)
    assert len(rows_of(tmp_path, columns=[])) == 1


def test_bytes_that_are_no_utf8_cost_their_row_a_flag(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["1", "2"], "body": [b"caf\xe9", "café".encode()]}), tmp_path / "a.parquet")
    rows = rows_of(tmp_path)
    assert [row["body"] for row in rows] == ["café", "café"]
    assert [row["flags"] for row in rows] == [["charset_guessed"], []]


def test_a_row_group_that_cannot_be_read_is_counted_by_the_footer_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with pq.ParquetWriter(path, pa.schema([("id", pa.string()), ("body", pa.string())]), use_dictionary=False) as w:
        for group in range(4):
            ids = [str(n) for n in range(group * 1000, group * 1000 + 1000)]
            w.write_table(pa.table({"id": ids, "body": [f"text {n}" for n in ids]}))
    start = pq.read_metadata(path).row_group(2).column(1).data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 200] = bytes(200)
    path.write_bytes(data)
    (tmp_path / "b.parquet").write_bytes(b"PAR1 this is none PAR1")
    rows = rows_of(tmp_path)
    there = [str(n) for n in range(4000) if n // 1000 != 2]
    assert [row["item_id"] for row in rows if not row["defect"]] == there
    assert defects(rows) == [("a.parquet#2001", "broken_rows"), ("b.parquet#1", "unreadable_file")]
    assert [row["lost_rows"] for row in rows if row["defect"]] == [1000, None]
    assert [row["source_ref"] for row in rows if row["item_id"] == "3000"] == ["a.parquet#3001"]


def test_a_file_of_which_no_row_group_can_be_read_is_unreadable_with_the_rows_of_its_footer(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [str(n) for n in range(80)], "body": ["x"] * 80}), path, use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(data)
    (row,) = rows_of(path)
    assert (row["defect"].partition(":")[0], row["lost_rows"]) == ("unreadable_file", 80)
    assert "rows 1 to 80 cannot be read as Parquet" in row["defect"]


def test_only_broken_files_are_only_defects(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"nothing of the kind")
    assert defects(rows_of(tmp_path, columns=["body"])) == [("a.parquet#1", "unreadable_file")]


def _altered(path: Path, at: int, data: bytes) -> None:
    whole = bytearray(path.read_bytes())
    whole[at : at + len(data)] = data
    path.write_bytes(whole)


@pytest.mark.parametrize("seed", range(200))
def test_a_file_with_a_damaged_footer_is_read_or_named(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [str(n) for n in range(50)], "body": [f"text {n % 7}" for n in range(50)]}), path)
    size = path.stat().st_size
    footer = int.from_bytes(path.read_bytes()[-8:-4], "little")
    chance = random.Random(seed)
    _altered(path, size - 8 - chance.randrange(1, footer), bytes([chance.choice([0, 0x7F, 0x80, 0xFF])]))
    with suppress(SourceError):
        assert rows_of(path)


def test_a_page_that_says_nothing_of_its_size_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["1"], "body": ["x"]}), path, use_dictionary=False)
    _altered(path, pq.read_metadata(path).row_group(0).column(1).data_page_offset, bytes(40))
    (row,) = rows_of(path)
    assert "the header of a page cannot be read" in row["defect"]


def test_pages_of_many_sizes_are_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    bodies = [f"{n}" * (1 + n % 50) for n in range(3_000)]
    table = pa.table({"id": [str(n) for n in range(3_000)], "body": bodies})
    pq.write_table(table, path, row_group_size=700, data_page_size=512, dictionary_pagesize_limit=2_000)
    assert [row["body"] for row in rows_of(path)] == bodies
