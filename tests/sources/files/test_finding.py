from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.core.scan.origin import Origin
from airflow_provider_claude.errors import SourceError, StoreError
from airflow_provider_claude.sources.files.finding import find_files
from airflow_provider_claude.sources.files.stores import Disk
from airflow_provider_claude.sources.source import open_source
from tests.sources.reading import defects, rows_of

MAIL = b"From: a@x.example\nDate: Mon, 2 Nov 2026 10:00:00 +0100\nSubject: hi\n\nhello\n"
LINES = b'{"id": "1", "body": "one"}\n'
CSV = b"id,body\n1,one\n"


def laid(root: Path | UPath, *names: str, data: bytes = MAIL) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def names(path: Path | UPath | str, **options: Any) -> list[str]:
    return [file.name for file in open_source(UPath(path), **options).files]


ODD = ["mail [nov]", "mail #1", "mail %20x", "mail ?2", "tilde~", "a:b", "trail ", "user@host", "mäil ü", "50%", "a*b"]


@pytest.mark.parametrize("folder", ODD)
@pytest.mark.parametrize("store", ["disk", "memory"])
def test_folders_of_odd_names_are_read_as_folder_glob_and_file(folder: str, store: str, tmp_path: Path) -> None:
    root: Any = tmp_path if store == "disk" else UPath(f"memory://{tmp_path.name}")
    fs, base = fsspec.filesystem("file" if store == "disk" else "memory"), str(root if store == "disk" else root.path)
    fs.makedirs(f"{base}/{folder}", exist_ok=True)
    fs.pipe_file(f"{base}/{folder}/x #1 [a] 50%.eml", MAIL)
    places = [f"{base}/{folder}", f"{base}/{folder}/*.eml", f"{base}/{folder}/x #1 [a] 50%.eml"]
    for place in places:
        found = rows_of(place if store == "disk" else _memory(place))
        assert [row["source_ref"] for row in found] == ["x #1 [a] 50%.eml"]


def _memory(path: str) -> UPath:
    """A path whose name is no URL's: `#` and `?` are characters like others on a store."""
    return UPath("memory://") / path.lstrip("/")


class TestMissing:
    @pytest.mark.parametrize("place", ["none", "none/*.eml", "there", "there/*.eml", "litter", "hidden", "odd/*.csv"])
    def test_what_holds_no_file_is_an_error_that_names_the_parameter(self, place: str, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        laid(tmp_path, "litter/Thumbs.db", "hidden/_SUCCESS", "hidden/.a.eml", "odd/a.eml")
        with pytest.raises(SourceError, match=r'no source at .*missing_source="empty"'):
            open_source(UPath(tmp_path / place))
        source = open_source(UPath(tmp_path / place), missing="empty", columns=["body"])
        assert list(source.batches()) == []
        assert source.origin.missing
        assert 'missing_source="empty"' in source.origin.notes()[0]

    @pytest.mark.parametrize("place", ["odd/*.csv", "there"])
    def test_where_nothing_is_the_error_does_not_speak_of_files_that_are_no_data(
        self, place: str, tmp_path: Path
    ) -> None:
        (tmp_path / "there").mkdir()
        laid(tmp_path, "odd/a.eml")
        with pytest.raises(SourceError, match="nothing is there"):
            open_source(UPath(tmp_path / place))

    def test_an_empty_prefix_of_an_object_store_is_missing_like_an_empty_folder(self) -> None:
        with pytest.raises(SourceError, match="missing_source"):
            open_source(UPath("memory://nothing-here/day=2026-11-02"))

    def test_files_without_rows_are_there(self, tmp_path: Path) -> None:
        for name, data in {
            "a.csv": b"",
            "b.csv": b"id,body\n",
            "c.jsonl": b"",
            "d.parquet": b"",
            "e.mbox": b"",
        }.items():
            (tmp_path / name).write_bytes(data)
            assert rows_of(tmp_path / name) == []
        pq.write_table(pa.table({"id": pa.array([], pa.string())}), tmp_path / "f.parquet")
        assert rows_of(tmp_path / "f.parquet") == []

    def test_a_source_that_cannot_be_listed_is_not_taken_for_empty(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(self: Any, path: str, *args: Any, **kwargs: Any) -> Any:
            raise PermissionError(13, "not allowed", path)

        monkeypatch.setattr(Disk, "ls", refused)
        with pytest.raises(StoreError, match=r"may not look at the source .*not allowed.*Give it the right"):
            open_source(UPath(tmp_path), missing="empty")


class TestForeign:
    @pytest.mark.parametrize("name", ["Thumbs.db", ".DS_Store", "desktop.ini", "notes.txt", "README.md", "x.pdf"])
    @pytest.mark.parametrize("asked", [None, "eml"])
    def test_one_foreign_file_does_not_stop_the_night(self, name: str, asked: str | None, tmp_path: Path) -> None:
        laid(tmp_path, "a.eml", "B.EML")
        laid(tmp_path, name, data=b"please look at all of these\n")
        rows = rows_of(tmp_path, format=asked)
        assert [row["subject"] for row in rows if not row["defect"]] == ["hi", "hi"]
        named = open_source(UPath(tmp_path), format=asked).foreign or [ref for ref, _ in defects(rows)]
        assert list(named) == ([] if name.startswith(".") else [name])

    @pytest.mark.parametrize(("kind", "data"), [("csv", CSV), ("jsonl", LINES)])
    def test_a_file_without_a_suffix_is_read_where_it_fits_the_format_asked_for(
        self, kind: str, data: bytes, tmp_path: Path
    ) -> None:
        laid(tmp_path, f"a.{kind}", "b.txt", data=data)
        laid(tmp_path, "notes.txt", data=b"hello, all\n")
        source = open_source(UPath(tmp_path), format=kind)
        assert [file.name for file in source.files] == [f"a.{kind}", "b.txt"]
        assert source.foreign == ("notes.txt",)

    def test_files_of_another_format_are_foreign_to_the_one_asked_for(self, tmp_path: Path) -> None:
        laid(tmp_path, "a.csv", data=CSV)
        laid(tmp_path, "b.jsonl", data=LINES)
        assert open_source(UPath(tmp_path), format="csv").foreign == ("b.jsonl",)

    @pytest.mark.parametrize("other", ["b.jsonl", "b.xlsx", "b.csv.lz4", "b.csv.part", "b.pst"])
    def test_other_data_is_refused_and_not_left_out(self, other: str, tmp_path: Path) -> None:
        laid(tmp_path, "a.csv", data=CSV)
        laid(tmp_path, other, data=LINES)
        with pytest.raises(SourceError, match=rf"{other}.*source_format"):
            open_source(UPath(tmp_path))

    def test_more_unknown_files_than_known_ones_are_refused(self, tmp_path: Path) -> None:
        laid(tmp_path, "index.csv", "a.txt", "b.txt", "c.txt", data=CSV)
        with pytest.raises(SourceError, match=r"without a known suffix.*source_format"):
            open_source(UPath(tmp_path))

    def test_foreign_files_are_counted_and_the_first_named(self) -> None:
        origin = Origin.of("there", "eml", files=3, foreign=[f"{n}.txt" for n in range(30)])
        assert (origin.foreign_files, len(origin.foreign)) == (30, 20)
        assert "30 files" in origin.notes()[0]
        assert "'0.txt'" in origin.notes()[0]
        assert "10 more" in origin.notes()[0]


class TestMaildir:
    CONTROL = (
        "dovecot-uidlist",
        "dovecot.index.log",
        "maildirsize",
        "subscriptions",
        "courierimapuiddb",
        "tmp/1.x.host",
    )

    @pytest.mark.parametrize("asked", [None, "eml"])
    def test_cur_and_new_of_every_folder_and_nothing_else(self, asked: str | None, tmp_path: Path) -> None:
        mails = ("cur/1730000000.M1.host:2,S", "new/1730000001.M2.host", ".Sent/cur/x:2,", "Lists/new/1730000002.a.b")
        laid(tmp_path, *mails, *self.CONTROL, "cur/.hidden", "stray.eml", "Lists/tmp/1730000003.a.b")
        source = open_source(UPath(tmp_path), format=asked)
        assert sorted(file.name for file in source.files) == sorted(mails)
        assert source.foreign == ("stray.eml",)

    def test_empty_folders_are_not_needed(self) -> None:
        root = UPath("memory://maildir/box")
        laid(root, "cur/1730000000.M1.host,S=3:2,S", "dovecot-uidlist")
        assert names(root) == ["cur/1730000000.M1.host,S=3:2,S"]

    def test_a_folder_within_a_maildir_is_one(self, tmp_path: Path) -> None:
        laid(tmp_path, "cur/1730000000.M1.host:2,S", "new/1730000001.M2.host")
        assert names(tmp_path / "cur") == names(tmp_path / "cur" / "*") == ["1730000000.M1.host:2,S"]
        assert names(tmp_path / "new" / "1730000001.M2.host") == ["1730000001.M2.host"]

    def test_mails_may_be_compressed(self, tmp_path: Path) -> None:
        laid(tmp_path, "cur/1730000000.M1.host,S=3:2,SZ", data=gzip.compress(MAIL))
        assert [row["subject"] for row in rows_of(tmp_path)] == ["hi"]

    def test_tables_in_folders_of_these_names_are_tables(self, tmp_path: Path) -> None:
        laid(tmp_path, "new/202611021200.csv", "cur/202611011200.csv", data=CSV)
        assert names(tmp_path) == ["cur/202611011200.csv", "new/202611021200.csv"]


class TestLakes:
    @pytest.mark.parametrize(
        ("kind", "mark"),
        [
            ("Delta", "t/_delta_log/00000000000000000000.json"),
            ("Hudi", "t/.hoodie/hoodie.properties"),
            ("Iceberg", "t/metadata/v1.metadata.json"),
        ],
    )
    @pytest.mark.parametrize(
        "place", ["", "t", "t/*.parquet", "t/part=1", "t/part=1/*.parquet", "t/a.parquet", "*/*/*.parquet"]
    )
    @pytest.mark.parametrize("store", ["disk", "memory"])
    def test_a_table_of_versions_is_refused_by_name_from_wherever_it_is_read(
        self, kind: str, mark: str, place: str, store: str, tmp_path: Path
    ) -> None:
        root: Any = tmp_path if store == "disk" else UPath(f"memory://lake-{kind}")
        laid(root, mark, data=b"{}")
        laid(root, "t/a.parquet", "t/part=1/b.parquet", data=b"PAR1")
        with pytest.raises(SourceError, match=rf"table of {kind}.*plain Parquet"):
            open_source(UPath(root / place) if place else UPath(root), id_column=None)

    def test_a_folder_of_metadata_beside_plain_parquet_is_no_table(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"id": ["1"]}), tmp_path / "a.parquet")
        laid(tmp_path, "metadata/schema.json", data=b"{}")
        assert names(tmp_path) == ["a.parquet"]


class TestKinds:
    @pytest.mark.parametrize(
        ("data", "word"),
        [
            (b"PK\x03\x04" + b"x" * 40, "zip"),
            (b"PAR1\x15\x04" + b"x" * 40, "Parquet"),
            (b"  <!DOCTYPE html>\n<html><body>404</body></html>", "HTML"),
            (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
            (b"%PDF-1.7 x", "PDF"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 60, "Outlook"),
            (gzip.compress(gzip.compress(MAIL)), "twice"),
        ],
    )
    @pytest.mark.parametrize("name", ["a.eml", "a.mbox", "a.csv", "a.jsonl"])
    def test_a_file_of_another_kind_is_no_row_that_is_sent(
        self, name: str, data: bytes, word: str, tmp_path: Path
    ) -> None:
        if name == "a.eml" and word == "Outlook":
            pytest.skip("read as a message: see test_outlook")
        laid(tmp_path, name, data=data)
        (row,) = rows_of(tmp_path / name, id_column=None, columns=[])
        assert row["item_id"] is None
        assert word in row["defect"]

    @pytest.mark.parametrize(
        ("name", "data"), [("a.eml", MAIL), ("a.csv", CSV), ("a.jsonl", LINES), ("a.jsonl.GZ", LINES)]
    )
    def test_gzip_is_read_whatever_the_name_says(self, name: str, data: bytes, tmp_path: Path) -> None:
        laid(tmp_path, name, data=gzip.compress(data))
        assert len(rows_of(tmp_path / name)) == 1

    def test_prose_in_a_folder_of_mails_is_no_mail(self, tmp_path: Path) -> None:
        laid(tmp_path, "1", "2")
        laid(tmp_path, "notes", data=b"please look at all of these\n")
        assert defects(rows_of(tmp_path, format="eml")) == [("notes", "unreadable_mail")]


class TestEmlx:
    def packed(self, mail: bytes, length: int | None = None) -> bytes:
        return b"%d   \n" % (len(mail) if length is None else length) + mail + b'<?xml version="1.0"?><plist/>'

    @pytest.mark.parametrize("name", ["1.emlx", "1.partial.emlx", "1.EMLX"])
    def test_the_mail_is_read_and_not_what_follows_it(self, name: str, tmp_path: Path) -> None:
        laid(tmp_path, name, data=self.packed(MAIL))
        assert [(row["subject"], row["body"]) for row in rows_of(tmp_path)] == [("hi", "hello\n")]

    @pytest.mark.parametrize("data", [b"no length\n" + MAIL, b"%d\n" % 10_000 + MAIL, b"%d\n" % (len(MAIL) - 3) + MAIL])
    def test_one_that_is_cut_off_or_has_no_or_a_false_length_is_set_aside(self, data: bytes, tmp_path: Path) -> None:
        laid(tmp_path, "1.emlx", data=data)
        assert defects(rows_of(tmp_path)) == [("1.emlx", "unreadable_mail")]


def test_a_mailbox_that_is_called_a_mail_is_set_aside_and_one_mail_in_its_form_is_read(tmp_path: Path) -> None:
    one = b"From a@x.example Mon Nov  2 10:00:00 2026\n" + MAIL
    laid(tmp_path, "one.eml", data=one)
    laid(tmp_path, "two.eml", data=one + b"\n" + one)
    rows = rows_of(tmp_path)
    assert [row["subject"] for row in rows if not row["defect"]] == ["hi"]
    assert defects(rows) == [("two.eml", "unreadable_mail")]
    assert 'source_format="mbox"' in rows[1]["defect"]


def test_a_table_of_contents_is_no_part_of_an_apple_mailbox(tmp_path: Path) -> None:
    laid(tmp_path, "Sent.mbox/mbox", data=b"From a@x.example Mon Nov  2 10:00:00 2026\n" + MAIL)
    laid(tmp_path, "Sent.mbox/table_of_contents", data=b"\x00\x01\x02")
    for place in (tmp_path, tmp_path / "Sent.mbox", tmp_path / "Sent.mbox" / "mbox"):
        for asked in (None, "mbox"):
            assert [row["subject"] for row in rows_of(place, format=asked)] == ["hi"]


def test_pipes_and_sockets_are_not_waited_for(tmp_path: Path) -> None:
    laid(tmp_path, "a.eml")
    os.mkfifo(tmp_path / "b.eml")
    assert names(tmp_path) == ["a.eml"]
    assert open_source(UPath(tmp_path)).foreign == ("b.eml",)


def test_a_glob_finds_what_a_folder_does(tmp_path: Path) -> None:
    laid(tmp_path, "a/b/1.eml", "a/2.eml", "c/3.eml")
    assert [file.name for file in find_files(UPath(tmp_path / "**" / "*.eml")).files] == names(tmp_path)
    assert names(tmp_path / "*" / "?.eml") == ["a/2.eml", "c/3.eml"]
    assert names(tmp_path / "[ac]" / "*.eml") == ["a/2.eml", "c/3.eml"]


@pytest.mark.parametrize("glob", ["*.eml", "*.EML", "?.eml", "[AB].eml", "**/*.eml"])
def test_the_suffix_of_a_glob_is_one_in_any_case(glob: str, tmp_path: Path) -> None:
    laid(tmp_path, "A.EML", "B.eml", "c.csv", "Deml")
    assert names(tmp_path / glob)[:1] == ["A.EML"]
    assert "c.csv" not in names(tmp_path / glob)


def test_a_glob_of_folders_says_how_to_read_what_is_in_them(tmp_path: Path) -> None:
    laid(tmp_path, "one/1.eml", "two/2.eml")
    with pytest.raises(SourceError, match=r"2 folders.*ends in /\*\*"):
        open_source(UPath(tmp_path / "*"))
    assert names(tmp_path / "*" / "**") == ["one/1.eml", "two/2.eml"]


def test_a_record_of_a_scan_says_what_was_beside_the_source() -> None:
    origin = Origin.of("s", "eml", files=1, foreign=["x" * 1000])
    assert len(json.dumps(origin._asdict())) < 500
