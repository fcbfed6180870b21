from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.source import open_source
from tests.sources.reading import defects, rows_of

LINES = b'{"id": "1", "body": "one"}\n{"id": "2", "body": "two"}\n'


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(("name", "pack"), [("a.jsonl", bytes), ("a.jsonl.gz", gzip.compress), ("a.jsonl.zst", zstd)])
def test_compressed_files_read_as_plain_ones(tmp_path: Path, name: str, pack: object) -> None:
    (tmp_path / name).write_bytes(pack(LINES))  # type: ignore[operator]
    assert [row["body"] for row in rows_of(tmp_path / name)] == ["one", "two"]


@pytest.mark.parametrize(("name", "pack"), [("a.jsonl.gz", gzip.compress), ("a.jsonl.zst", zstd)])
def test_a_file_cut_short_keeps_what_came_before_and_says_so(tmp_path: Path, name: str, pack: object) -> None:
    lines = b"".join(b'{"id": "%d", "body": "%s"}\n' % (n, str(n**5).encode()) for n in range(20_000))
    packed = pack(lines)  # type: ignore[operator]
    (tmp_path / name).write_bytes(packed[: len(packed) // 2])
    rows = rows_of(tmp_path / name)
    assert len(rows) > 1
    assert [word for _, word in defects(rows)][-1:] in (["unreadable_file"], ["broken_row"])


def test_a_folder_is_read_to_the_bottom_in_the_order_of_names_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/z.jsonl", "_SUCCESS", ".b.jsonl.crc", "_temporary/x.jsonl", "a/.tmp/x.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(LINES)
    assert [row["source_ref"] for row in rows_of(tmp_path)] == ["a/z.jsonl#1", "a/z.jsonl#2", "b.jsonl#1", "b.jsonl#2"]


def test_a_glob_names_files_by_what_follows_its_fixed_part(tmp_path: Path) -> None:
    for name in ("one/x.jsonl", "two/x.jsonl", "two/x.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(LINES)
    assert {row["source_ref"] for row in rows_of(tmp_path / "*" / "*.jsonl")} == {
        f"{folder}/x.jsonl#{n}" for folder in ("one", "two") for n in (1, 2)
    }


def test_sources_on_an_object_store_read_alike() -> None:
    root = UPath("memory://mails/day")
    (root / "a").mkdir(parents=True)
    (root / "a" / "x.jsonl").write_bytes(LINES)
    (root / "a" / "_SUCCESS").write_bytes(b"")
    for path in (root, root / "a" / "x.jsonl", root / "*" / "*.jsonl"):
        assert [row["item_id"] for row in rows_of(path)] == ["1", "2"]


@pytest.mark.parametrize("name", ["nothing", "nothing.csv", "nothing/*.csv"])
def test_a_path_that_is_not_there_says_what_was_looked_for(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=r"no source at .*nothing"):
        rows_of(tmp_path / name)


def test_files_of_several_formats_need_a_word(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "b.csv").write_bytes(LINES)
    with pytest.raises(SourceError, match=r"several formats.*source_format"):
        rows_of(tmp_path)
    assert len(rows_of(tmp_path, format="jsonl")) == 2
    with pytest.raises(SourceError, match="source_format is 'xml'"):
        rows_of(tmp_path, format="xml")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
class TestColumns:
    @pytest.fixture
    def path(self, tmp_path: Path, name: str) -> Path:
        path = tmp_path / name
        match path.suffix:
            case ".jsonl":
                path.write_bytes(b'{"key": "1", "body": "one"}\n{"key": "", "body": "two"}\n{"key": null}\n')
            case ".csv":
                path.write_bytes(b"key,body\n1,one\n,two\n  ,\n")
            case _:
                pq.write_table(pa.table({"key": ["1", "", None], "body": ["one", "two", None]}), path)
        return path

    def test_a_column_that_is_not_there_is_refused_with_those_that_are(self, path: Path) -> None:
        with pytest.raises(SourceError, match=r"no column 'text'.*'key', 'body'"):
            rows_of(path, id_column="key", columns=["text"])

    def test_a_missing_id_column_says_what_to_write(self, path: Path) -> None:
        with pytest.raises(SourceError, match=r"no column 'id'.*'key', 'body'.*id_column=\"\.\.\.\".*id_column=None"):
            rows_of(path)

    def test_rows_without_an_id_are_defects_of_their_own(self, path: Path) -> None:
        rows = rows_of(path, id_column="key", columns=["body"])
        assert [row["item_id"] for row in rows] == ["1", None, None]
        assert defects(rows) == [(f"{path.name}#{n}", "missing_id") for n in (2, 3)]
        assert rows[1]["body"] == "two"

    def test_rows_can_be_known_by_their_place(self, path: Path) -> None:
        rows = rows_of(path, id_column=None)
        assert [row["item_id"] for row in rows] == [f"{path.name}#{n}" for n in (1, 2, 3)]
        assert defects(rows) == []

    def test_all_columns_come_unless_some_are_named(self, path: Path) -> None:
        assert open_source(UPath(path), id_column="key").columns == ("key", "body")
        assert open_source(UPath(path), id_column="key", columns=["body", "body"]).columns == ("body",)

    def test_a_second_reading_gives_the_same_rows_in_batches_of_the_size_asked_for(self, path: Path) -> None:
        source = open_source(UPath(path), id_column="key", batch_rows=2)
        assert [batch.num_rows for batch in source.batches()] == [2, 1]
        assert [batch.to_pylist() for batch in source.batches()] == [batch.to_pylist() for batch in source.batches()]


def test_a_later_file_without_the_columns_is_refused_before_its_rows_are_lost(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,body\n1,x\n")
    (tmp_path / "b.csv").write_bytes(b"id,text\n1,x\n")
    with pytest.raises(SourceError, match=r"b\.csv.*no column 'body'.*'id', 'text'"):
        rows_of(tmp_path)


def test_columns_may_not_take_the_names_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"item_id,flags\n1,x\n")
    with pytest.raises(SourceError, match="flags"):
        rows_of(tmp_path, id_column="item_id")
    assert rows_of(tmp_path, id_column="item_id", columns=[])[0]["item_id"] == "1"


def test_what_lies_behind_a_link_out_of_a_folder_is_lost_and_a_link_given_is_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "in" / "b.jsonl").symlink_to(tmp_path / "a.jsonl")
    (tmp_path / "in" / "sub").symlink_to(tmp_path)
    for place in (tmp_path / "in", tmp_path / "in" / "*.jsonl"):
        (lost,) = rows_of(place, columns=[], missing="empty")
        assert (lost["source_ref"].partition("#")[0], lost["lost_rows"]) == ("b.jsonl", None)
        assert "a link that leads to nothing that may be read" in lost["defect"]
    assert len(rows_of(tmp_path / "in" / "b.jsonl")) == 2


def test_what_a_hostile_header_holds_is_cut_in_messages(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",".join(["id", "\x1b[2J" + "x" * 1_000, *(f"c{n}" for n in range(500))]) + "\n")
    with pytest.raises(SourceError) as caught:
        open_source(UPath(tmp_path / "a.csv"), columns=["body"])
    assert len(str(caught.value)) < 500
    assert "\x1b" not in str(caught.value)
    assert "and 482 more" in str(caught.value)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_folders_that_are_named_for_a_column_are_one(tmp_path: Path, suffix: str) -> None:
    row = {"id": "1", "body": "x", "lang": "de"}
    for place in ("year=2026/city=S%C3%A3o Paulo", "year=2026/city=__HIVE_DEFAULT_PARTITION__", "year=2025/city=a%2Fb"):
        (tmp_path / place).mkdir(parents=True)
        path = tmp_path / place / f"a.{suffix}"
        if suffix == "parquet":
            pq.write_table(pa.Table.from_pylist([row]), path)
        else:
            path.write_text("id,body,lang\n1,x,de\n" if suffix == "csv" else json.dumps(row))
    rows = rows_of(tmp_path, columns=["body", "city"], carry=["year", "lang"])
    found = sorted((row["year"], row["city"] or "", row["lang"]) for row in rows)
    assert found == [("2025", "a/b", "de"), ("2026", "", "de"), ("2026", "São Paulo", "de")]


def test_a_column_of_the_file_comes_before_the_name_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "year=2025").mkdir()
    (tmp_path / "year=2025" / "a.csv").write_text("id,year\n1,2026\n")
    assert rows_of(tmp_path, columns=["year"])[0]["year"] == "2026"


def test_the_folder_that_the_source_names_is_a_column_too(tmp_path: Path) -> None:
    (tmp_path / "day=2026-11-27").mkdir()
    pq.write_table(pa.table({"id": ["1"], "body": ["x"]}), tmp_path / "day=2026-11-27" / "a.parquet")
    assert rows_of(tmp_path / "day=2026-11-27", columns=["body"], carry=["day"])[0]["day"] == "2026-11-27"


def test_a_folder_that_names_no_column_is_reported_by_its_file(tmp_path: Path) -> None:
    for place in ("year=2026", "other"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.csv").write_text("id,body\n1,x\n")
    with pytest.raises(SourceError, match="has no column 'year'"):
        rows_of(tmp_path, columns=["body", "year"])


def test_mail_has_the_columns_of_its_folders_too(tmp_path: Path) -> None:
    (tmp_path / "box=sales").mkdir()
    (tmp_path / "box=sales" / "a.eml").write_text("From: a@b.c\nDate: Mon, 2 Nov 2026 10:00:00 +0100\n\nhello\n")
    assert rows_of(tmp_path, columns=["body"], carry=["box"])[0]["box"] == "sales"


def test_a_folder_names_the_column_that_other_files_hold_in_their_type(tmp_path: Path) -> None:
    for place, more in (("a", {"year": [2025]}), ("year=2026", {})):
        (tmp_path / place).mkdir()
        pq.write_table(pa.table({"id": ["1"], "body": ["x"], **more}), tmp_path / place / "a.parquet")
    rows = rows_of(tmp_path, columns=["body"], carry=["year"])
    assert [row["year"] for row in rows] == [2025, 2026]
