from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.files import members, tars, zips
from airflow_provider_claude.sources.source import open_source
from tests.sources.reading import defects, rows_of

MAIL = b"From: a@x.example\nDate: Mon, 2 Nov 2026 10:00:00 +0100\nSubject: hi\n\nhello\n"
CSV = b"id,body\n1,one\n2,two\n"

Members = Sequence[tuple[str, bytes]]
Pack = Callable[[Members], bytes]


def zipped(members_: Members, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        for name, data in members_:
            archive.writestr(name, data)
    return stream.getvalue()


def tarred(members_: Members, kind: bytes = tarfile.REGTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in members_:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(data), kind, "x"
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def gzipped(members_: Members) -> bytes:
    return gzip.compress(tarred(members_))


PACKED = [("a.zip", zipped), ("a.ZIP", zipped), ("a.tar", tarred), ("a.tar.gz", gzipped), ("a.tgz", gzipped)]


@pytest.mark.parametrize(("name", "pack"), PACKED)
class TestRead:
    def test_mails_are_read_and_named_by_their_place(self, name: str, pack: Pack, tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(pack([("b/2.eml", MAIL), ("1.EML", MAIL), ("b/3.eml.gz", gzip.compress(MAIL))]))
        for place in (tmp_path, tmp_path / name, tmp_path / "*"):
            rows = rows_of(place)
            assert {row["source_ref"] for row in rows} == {
                f"{name}/{one}" for one in ("b/2.eml", "1.EML", "b/3.eml.gz")
            }
            assert {row["body"] for row in rows} == {"hello\n"}

    def test_what_is_no_data_is_foreign_or_hidden(self, name: str, pack: Pack, tmp_path: Path) -> None:
        there = [("a.eml", MAIL), ("__MACOSX/._a.eml", b"x"), ("notes.txt", b"x"), ("d/Thumbs.db", b"x")]
        (tmp_path / name).write_bytes(pack(there))
        source = open_source(UPath(tmp_path / name))
        assert [file.name for file in source.files] == [f"{name}/a.eml"]
        assert set(source.foreign) == {f"{name}/notes.txt", f"{name}/d/Thumbs.db"}

    def test_tables_are_read_more_than_once(self, name: str, pack: Pack, tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(pack([("x.csv", CSV), ("y.csv", CSV)]))
        source = open_source(UPath(tmp_path / name))
        for _ in range(2):
            assert [row["body"] for batch in source.batches() for row in batch.to_pylist()] == ["one", "two"] * 2

    def test_parquet_is_read(self, name: str, pack: Pack, tmp_path: Path) -> None:
        sink = io.BytesIO()
        pq.write_table(pa.table({"id": ["1"], "body": ["one"]}), sink)
        (tmp_path / name).write_bytes(pack([("x.parquet", sink.getvalue())]))
        assert [row["body"] for row in rows_of(tmp_path)] == ["one"]

    def test_a_maildir_and_an_mbox_in_it_are_what_they_are(self, name: str, pack: Pack, tmp_path: Path) -> None:
        mails = ["M/cur/1730000000.M1.host:2,S", "M/new/1730000001.M2.host", "M/.Sent/cur/1730000002.M3.host:2,"]
        control = [("M/dovecot-uidlist", b"3"), ("M/tmp/1730000003.M4.host", MAIL)]
        (tmp_path / name).write_bytes(pack([*((one, MAIL) for one in mails), *control]))
        assert {row["source_ref"] for row in rows_of(tmp_path)} == {f"{name}/{one}" for one in mails}

    @pytest.mark.parametrize(
        ("there", "why"),
        [
            ([("a.eml", MAIL), ("more.zip", b"PK")], "another archive"),
            ([("a.eml", MAIL), ("../b.eml", MAIL)], "leads out"),
            ([("/a.eml", MAIL)], "leads out"),
            ([("a.eml", MAIL), ("a.csv", CSV)], "several formats"),
            ([("a.eml", MAIL), ("a.xlsx", CSV)], "not read"),
            ([("t/_delta_log/0.json", b"{}"), ("t/a.parquet", b"PAR1")], "Delta"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_is_not_safe_or_clear_is_refused(
        self, there: Members, why: str, name: str, pack: Pack, tmp_path: Path
    ) -> None:
        (tmp_path / name).write_bytes(pack(there))
        with pytest.raises(SourceError, match=why):
            open_source(UPath(tmp_path))

    def test_one_that_is_far_smaller_than_what_is_in_it_is_refused(
        self, name: str, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(members, "_ALWAYS", 100_000)
        monkeypatch.setattr(members, "_MAX_RATIO", 0 if name == "a.tar" else 200)
        (tmp_path / name).write_bytes(pack([("a.jsonl", bytes(2_000_000))]))
        with pytest.raises(SourceError, match=r"1 of its files have 2,000,000 bytes.*Unpack it"):
            open_source(UPath(tmp_path))

    def test_too_many_files_are_refused(
        self, name: str, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(members, "_MAX_MEMBERS", 2)
        (tmp_path / name).write_bytes(pack([(f"{n}.eml", MAIL) for n in range(3)]))
        with pytest.raises(SourceError, match=r"3 of its files.*Unpack it"):
            open_source(UPath(tmp_path))

    def test_an_empty_one_is_a_missing_source(self, name: str, pack: Pack, tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(pack([]))
        with pytest.raises(SourceError, match="missing_source"):
            open_source(UPath(tmp_path))


@pytest.mark.parametrize("left", [0, 30, 400])
def test_a_zip_archive_that_was_cut_off_is_refused(left: int, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped([(f"{n}.eml", MAIL) for n in range(9)])[:left])
    with pytest.raises(SourceError, match=r"a\.zip cannot be read.*truncated.*unpack"):
        open_source(UPath(tmp_path))


@pytest.mark.parametrize("cut", [512 * 7, 512 * 8, 512 * 8 + 100, 512 * 9])
@pytest.mark.parametrize("kind", ["eml", "csv"])
@pytest.mark.parametrize(("name", "pack"), [("a.tar", bytes), ("a.tar.gz", gzip.compress)])
def test_a_tar_archive_that_was_cut_off_keeps_what_is_there_and_counts_as_unreadable(
    cut: int, kind: str, name: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    data = MAIL if kind == "eml" else CSV
    whole = tarred([(f"{n}.{kind}", data) for n in range(9)])
    (tmp_path / name).write_bytes(pack(whole[:cut]))
    rows = rows_of(tmp_path)
    assert len(rows) >= 3
    assert defects(rows)[-1] == (f"{name}#1", "unreadable_file")
    assert rows[-1]["lost_rows"] is None


def test_what_lies_behind_the_end_of_a_tar_archive_is_not_left_out_silently(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tarred([("1.eml", MAIL)]) + tarred([("2.eml", MAIL)]))
    rows = rows_of(tmp_path)
    assert defects(rows) == [("a.tar#1", "unreadable_file")]
    assert "more behind the end" in rows[-1]["defect"]


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.GNUTYPE_SPARSE])
def test_second_names_and_sparse_files_of_a_tar_archive_are_refused(kind: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tarred([("a.eml", MAIL)])[:1024] + tarred([("b.eml", b"")], kind))
    with pytest.raises(SourceError, match="second name"):
        open_source(UPath(tmp_path))


def test_a_damaged_file_of_a_zip_archive_costs_itself(tmp_path: Path) -> None:
    data = bytearray(zipped([("a.eml", MAIL), ("b.eml", MAIL)], zipfile.ZIP_STORED))
    data[60] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(bytes(data))
    assert defects(rows_of(tmp_path)) == [("a.zip/a.eml", "unreadable_file")]


def test_an_encrypted_zip_archive_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped([("a.eml", MAIL)]))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(bytes(data))
    with pytest.raises(SourceError, match=r"encrypted.*Unpack"):
        open_source(UPath(tmp_path))


def test_files_on_top_of_each_other_are_refused(tmp_path: Path) -> None:
    data = zipped([("a.eml", MAIL * 200)], zipfile.ZIP_STORED)
    start = data.rindex(b"PK\x01\x02")
    entry, end = data[start : data.rindex(b"PK\x05\x06")], data[data.rindex(b"PK\x05\x06") :]
    entries = b"".join(entry.replace(b"a.eml", b"%c.eml" % letter) for letter in b"abcdefg")
    tail = end[:8] + struct.pack("<HHII", 7, 7, len(entries), start) + end[20:]
    (tmp_path / "a.zip").write_bytes(data[:start] + entries + tail)
    with pytest.raises(SourceError, match="on top of each other"):
        open_source(UPath(tmp_path))


def test_a_list_of_contents_that_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "_MAX_LIST", 100)
    (tmp_path / "a.zip").write_bytes(zipped([(f"{n}.eml", MAIL) for n in range(9)]))
    with pytest.raises(SourceError, match="list of contents"):
        open_source(UPath(tmp_path))


def test_a_header_that_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars, "_MAX_HEADER", 100)
    (tmp_path / "a.tar").write_bytes(tarred([("x" * 2_000 + ".eml", MAIL)]))
    with pytest.raises(SourceError, match="a header has"):
        open_source(UPath(tmp_path))


def test_a_large_file_of_a_tar_archive_is_kept_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars, "_IN_MEMORY", 10)
    (tmp_path / "a.tar").write_bytes(tarred([("x.csv", CSV), ("y.csv", CSV)]))
    assert [row["body"] for row in rows_of(tmp_path)] == ["one", "two"] * 2


def test_archives_beside_files_are_read_with_them(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped([("1.eml", MAIL)]))
    (tmp_path / "z.eml").write_bytes(MAIL)
    assert [row["source_ref"] for row in rows_of(tmp_path)] == ["z.eml", "a.zip/1.eml"]


WHOLE = {
    "a.zip": zipped([(f"{n}.eml", MAIL) for n in range(3)]),
    "a.tar": tarred([(f"{n}.eml", MAIL) for n in range(3)]),
}


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(WHOLE)),
    st.integers(0, 4_000),
    st.binary(max_size=40).map(lambda data: data.translate(None, b"._")),
    st.booleans(),
)
def test_a_damaged_archive_is_refused_or_what_is_lost_is_reported(
    name: str, place: int, noise: bytes, cut: bool
) -> None:
    data = WHOLE[name]
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data[:place] + noise + (b"" if cut else data[place + len(noise) :]))
        try:
            source = open_source(UPath(folder))
            rows = [row for batch in source.batches() for row in batch.to_pylist()]
        except SourceError:
            return
    read = [row for row in rows if not row["defect"]]
    assert len(read) + len(source.foreign) == 3 or len(read) < len(rows)
