"""Sources laid out by an attacker: what is no file, what cannot be opened, names that act, and ways out of what is allowed."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import re
import socket
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath
from upath import UPath

from airflow_provider_claude.errors import SourceError, StoreError
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.runtime.paths import allowed_sources
from airflow_provider_claude.sources.files import stores
from airflow_provider_claude.sources.files.allowed import Allowed, Location
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.store import RunFolder, ScanRecord

MAIL = b"From: a@x.example\nDate: Mon, 2 Nov 2026 10:00:00 +0100\nSubject: hi\n\nhello %s\n"
ROW = '{"id": "%s", "body": "hello %s"}\n'
SECRET = "root:x:0:0:secret"


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    """A folder of two mails."""
    folder = tmp_path / "mail"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.eml").write_bytes(MAIL % name.encode())
    return folder


def scanned(folder: Path, *, allowed: Allowed | None = None, **settings: Any) -> ScanRecord:
    run = RunFolder(UPath(folder.parent / "run"))
    source = open_source(UPath(folder), columns=["body"], allowed=allowed)
    return scan(source, run, ScanSettings(text_columns=["body"], **settings), clock=lambda: "2026-11-23T00:00:00+00:00")


def below(*folders: Path) -> Allowed:
    return Allowed(tuple(Location.local(str(folder)) for folder in folders))


def refusing(name: str, number: int) -> Callable[..., int]:
    """Opening fails with *number* for what ends in *name*."""
    opened = stores._opened

    def refused(path: str, flags: int, stride: int = 0) -> int:
        if path.endswith(name):
            raise OSError(number, os.strerror(number), path)
        return opened(path, flags, stride)

    return refused


def failing(number: int) -> Callable[..., Any]:
    def failed(path: str, *_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number), path)

    return failed


class TestWhatIsNoFile:
    def test_pipes_sockets_and_devices_in_a_folder_are_skipped_and_named(self, mail: Path) -> None:
        os.mkfifo(mail / "c.eml")
        with socket.socket(socket.AF_UNIX) as listener:
            folder = os.open(mail, os.O_RDONLY)
            listener.bind(f"/proc/self/fd/{folder}/d.eml")  # a path of a socket has 108 bytes at most
            os.close(folder)
            (mail / "e.eml").symlink_to("/dev/zero")
            record = scanned(mail)
        assert (record.rows, record.items, record.by_reason) == (3, 2, {"unreadable_file": 1})
        assert sorted(record.foreign) == ["c.eml", "d.eml"]

    @pytest.mark.parametrize("location", ["pipe.eml", "zero.eml"])
    def test_one_that_is_the_source_itself_is_refused_and_not_waited_for(self, location: str, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.eml")
        (tmp_path / "zero.eml").symlink_to("/dev/zero")
        with pytest.raises(SourceError, match="not a regular file"):
            open_source(UPath(tmp_path / location), missing="empty", columns=["body"])

    def test_a_file_that_becomes_a_pipe_after_it_was_listed_is_a_counted_row(self, mail: Path) -> None:
        source = open_source(UPath(mail), columns=["body"])
        (mail / "b.eml").unlink()
        os.mkfifo(mail / "b.eml")
        rows = [row for batch in source.batches() for row in batch.to_pylist()]
        assert [row["defect"] and row["defect"].partition(":")[0] for row in rows] == [None, "unreadable_file"]


class TestOneThatCannotBeOpened:
    @pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ENOENT, errno.ELOOP, errno.ENXIO])
    def test_a_mail_is_a_counted_row_and_the_others_are_read(
        self, number: int, mail: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stores, "_opened", refusing("b.eml", number))
        record = scanned(mail)
        assert (record.rows, record.items, record.by_reason) == (2, 1, {"unreadable_file": 1})

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EMFILE, errno.ESTALE, errno.ENOMEM])
    def test_an_error_of_the_disk_is_raised(self, number: int, mail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stores, "_opened", refusing("b.eml", number))
        with pytest.raises(OSError, match=r"b\.eml") as raised:
            scanned(mail)
        assert raised.value.errno == number

    @pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT])
    def test_a_table_is_lost_with_an_unknown_number_of_rows_and_named(
        self, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / "mail"
        folder.mkdir()
        for name in "ab":
            (folder / f"{name}.jsonl").write_text(ROW % (name, name))
        monkeypatch.setattr(stores, "_opened", refusing("b.jsonl", number))
        with pytest.raises(SourceError, match=r"1 file .* cannot be read whole.*\n.*'b\.jsonl'"):
            scanned(folder)
        record = scanned(folder, unreadable_files="quarantine")
        assert (record.items, record.uncounted, record.unreadable_files) == (1, 1, 1)

    def test_a_folder_is_lost_likewise(self, mail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (mail / "closed").mkdir()
        monkeypatch.setattr(stores, "_opened", refusing("/closed", errno.EACCES))
        with pytest.raises(SourceError, match=r"'closed': mails are missing .*may not read it"):
            scanned(mail)
        record = scanned(mail, unreadable_files="quarantine")
        assert (record.items, record.uncounted) == (2, 1)

    def test_a_folder_that_is_gone_or_denied_is_not_left_out_by_a_glob(
        self, mail: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (mail / "closed").mkdir()
        monkeypatch.setattr(stores, "_opened", refusing("/closed", errno.EACCES))
        with pytest.raises(SourceError, match="'closed'"):
            scanned(mail / "**" / "*.eml")

    @pytest.mark.parametrize(
        ("name", "glob"), [(".trash", ""), ("lost+found", ""), ("lost+found", "**"), ("old", "*.eml")]
    )
    def test_a_denied_folder_that_would_not_be_read_stops_nothing(
        self, name: str, glob: str, mail: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (mail / name).mkdir()
        monkeypatch.setattr(stores, "_opened", refusing(f"/{name}", errno.EACCES))
        assert scanned(mail / glob).items == 2

    def test_a_denied_folder_that_a_glob_does_not_lead_into_stops_nothing(
        self, mail: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("old", "new"):
            (mail / name).mkdir()
            (mail / name / "c.eml").write_bytes(MAIL % b"c")
        monkeypatch.setattr(stores, "_opened", refusing("/old", errno.EACCES))
        assert scanned(mail / "n*" / "*.eml").items == 1


class TestWhatChanges:
    def test_a_mail_that_is_gone_after_it_was_listed_is_a_counted_row(self, mail: Path) -> None:
        source = open_source(UPath(mail), columns=["body"])
        (mail / "b.eml").unlink()
        rows = [row for batch in source.batches() for row in batch.to_pylist()]
        assert "no longer exists" in rows[1]["defect"]

    @pytest.mark.parametrize("change", [lambda file: file.write(b"x"), lambda file: file.truncate(3)])
    def test_a_file_that_is_written_to_while_it_is_read_is_not_taken_for_whole(
        self, change: Callable[[Any], object], mail: Path
    ) -> None:
        stream = stores.Disk(below(mail)).open(str(mail / "a.eml"))
        assert stream.read(2) == b"Fr"
        with (mail / "a.eml").open("r+b") as file:
            file.seek(0, os.SEEK_END)
            change(file)
        with pytest.raises(stores.UnopenedError, match="changed while it was read"):
            stream.read()

    @pytest.mark.parametrize("suffix", ["parquet", "zip"])
    def test_a_file_that_is_overwritten_in_place_is_never_read_as_half_old_and_half_new(
        self, suffix: str, tmp_path: Path
    ) -> None:
        file = tmp_path / f"a.{suffix}"
        file.write_bytes(versions(tmp_path, suffix, "old"))
        batches = open_source(UPath(file), columns=["body"]).batches()
        rows = next(batches).to_pylist()
        with file.open("r+b") as stream:
            stream.write(versions(tmp_path, suffix, "new"))
        rows += [row for batch in batches for row in batch.to_pylist()]
        assert not any("new" in (row["body"] or "") for row in rows)
        assert "changed while it was read" in rows[-1]["defect"]

    def test_a_table_that_grows_is_lost_from_there_on_and_named(self, tmp_path: Path) -> None:
        folder = tmp_path / "mail"
        folder.mkdir()
        (folder / "a.csv").write_bytes(b"id,body\n" + b"".join(b"%d,hello\n" % n for n in range(2_000)))
        source = open_source(UPath(folder), columns=["body"])
        batches = source.batches()
        rows = next(batches).num_rows
        with (folder / "a.csv").open("ab") as file:
            file.write(b"2000,hel")
        lost = [row for batch in batches for row in batch.to_pylist() if row["defect"]]
        assert rows == 500
        assert [row["lost_rows"] for row in lost] == [None]
        assert "changed while it was read" in lost[0]["defect"]


def versions(folder: Path, suffix: str, word: str) -> bytes:
    """A table of several groups of rows, or an archive of tables; each has so many bytes, whatever the *word*."""
    rows = [f"{word} {number:05} {'x' * 200}" for number in range(20_000)]
    if suffix == "parquet":
        table = pa.table({"id": [row[4:9] for row in rows], "body": rows})
        pq.write_table(table, folder / word, row_group_size=5_000, compression="none", use_dictionary=False)
    else:
        with zipfile.ZipFile(folder / word, "w") as archive:
            for start in range(0, len(rows), 5_000):
                lines = "".join(f"{row[4:9]},{row}\n" for row in rows[start : start + 5_000])
                archive.writestr(zipfile.ZipInfo(f"{start:05}.csv"), f"id,body\n{lines}")
    return (folder / word).read_bytes()


class TestNames:
    def test_a_name_that_is_no_utf_8_is_read_and_shown(self, mail: Path) -> None:
        Path(os.fsdecode(os.fsencode(mail) + b"/\xff\xfe.eml")).write_bytes(MAIL % b"c")
        record = scanned(mail)
        assert (record.rows, record.items) == (3, 3)

    @pytest.mark.parametrize("name", [b"\xff=\xfe", b"day=\xff", b"\xc3"])
    def test_a_folder_of_such_a_name_is_read(self, name: bytes, mail: Path) -> None:
        folder = Path(os.fsdecode(os.fsencode(mail) + b"/" + name))
        folder.mkdir()
        (folder / "c.eml").write_bytes(MAIL % b"c")
        assert scanned(mail).items == 3

    @pytest.mark.parametrize("name", ["x\ny", "x\x1b[2Jy", "x\ry", "x\u202egpj", "⟨U+000A⟩"])
    def test_what_acts_in_a_name_is_written_out(self, name: str, mail: Path) -> None:
        (mail / f"{name}.eml").write_bytes(MAIL % b"c")
        os.mkfifo(mail / f"{name}.pipe")
        source = open_source(UPath(mail), columns=["body"])
        refs = [row["source_ref"] for batch in source.batches() for row in batch.to_pylist()]
        assert len(set(refs)) == 3
        assert all(text.isprintable() for text in [*refs, *source.foreign])
        assert len(source.foreign) == 1

    @pytest.mark.parametrize("glob", ["*.eml", "?.eml", "*"])
    def test_a_file_that_is_called_like_the_glob_does_not_take_the_place_of_the_others(
        self, glob: str, mail: Path
    ) -> None:
        (mail / glob).write_bytes(MAIL % b"c")
        source = open_source(UPath(mail / glob), columns=["body"])
        assert {"a.eml", "b.eml"} <= {file.name for file in source.files}

    def test_a_folder_that_is_called_like_the_glob_is_refused_with_what_to_write(self, mail: Path) -> None:
        for name in ("[ab]", "a"):
            (mail / name).mkdir()
            (mail / name / "c.eml").write_bytes(MAIL % b"c")
        with pytest.raises(SourceError, match=r"'\[ab\]' of source is there .* glob of 'a', too\. Write \[\[\] for"):
            open_source(UPath(mail / "[ab]" / "*.eml"))
        (source,) = open_source(UPath(mail / "[[]ab]" / "*.eml")).files
        assert source.name == "[ab]/c.eml"

    def test_no_two_names_are_shown_as_one(self, mail: Path) -> None:
        for name in (b"\n", "⟨U+000A⟩".encode(), b"\xff", "⟨U+DCFF⟩".encode()):
            Path(os.fsdecode(os.fsencode(mail) + b"/" + name + b".eml")).write_bytes(MAIL % name.hex().encode())
        assert scanned(mail).items == 6

    def test_folders_three_thousand_deep_are_read_to_the_bottom(self, mail: Path) -> None:
        with deep_folder(mail, 3_000) as bottom:
            handle = os.open("c.eml", os.O_WRONLY | os.O_CREAT, dir_fd=bottom)
            os.write(handle, MAIL % b"c")
            os.close(handle)
            assert scanned(mail).items == 3

    def test_folders_that_are_deeper_than_is_looked_are_counted_and_named(
        self, mail: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("airflow_provider_claude.sources.files.finding._USUAL", len(str(mail)))
        monkeypatch.setattr("airflow_provider_claude.sources.files.finding._MOST_KEPT", 10 * len(str(mail)))
        with deep_folder(mail, 30):
            record = scanned(mail, unreadable_files="quarantine")
        assert (record.items, record.uncounted) == (2, 1)
        assert "too deep" in record.unreadable[0]


class deep_folder:  # noqa: N801 - a context manager
    """So many folders in each other; enters as a descriptor of the lowest, and is removed at the end."""

    def __init__(self, top: Path, count: int) -> None:
        self._top, self._count, self._handles = top, count, list[int]()

    def __enter__(self) -> int:
        here = os.open(self._top, os.O_RDONLY)
        for _ in range(self._count):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        self._bottom = here
        return here

    def __exit__(self, *_: object) -> None:
        here = self._bottom
        for name in os.listdir(here):  # noqa: PTH208 - a descriptor
            os.unlink(name, dir_fd=here)
        for _ in range(self._count):
            above = os.open("..", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = above
            os.rmdir("d", dir_fd=here)
        os.close(here)


class TestLinks:
    def test_a_mail_that_is_a_link_out_of_what_is_allowed_or_to_nothing_is_a_counted_row_and_one_within_is_read(
        self, mail: Path, tmp_path: Path
    ) -> None:
        for name in ("kept", "secret"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "x.eml").write_bytes(MAIL % name.encode())
        (mail / "in.eml").symlink_to(tmp_path / "kept" / "x.eml")
        (mail / "out.eml").symlink_to(tmp_path / "secret" / "x.eml")
        (mail / "way").symlink_to(tmp_path / "secret")
        (mail / "broken.eml").symlink_to(tmp_path / "nothing")
        (mail / "loop.eml").symlink_to("loop.eml")
        record = scanned(mail, allowed=below(mail, tmp_path / "kept"))
        assert (record.rows, record.items, record.by_reason) == (6, 3, {"unreadable_file": 3})
        assert record.foreign == ["way"]

    def test_a_table_that_is_a_link_out_of_what_is_allowed_is_not_left_out_in_silence(self, tmp_path: Path) -> None:
        folder = tmp_path / "mail"
        folder.mkdir()
        (folder / "a.jsonl").write_text(ROW % ("a", "a"))
        (tmp_path / "b.jsonl").write_text(ROW % ("b", "b"))
        (folder / "b.jsonl").symlink_to(tmp_path / "b.jsonl")
        with pytest.raises(SourceError, match=r"'b\.jsonl'.*link that leads to nothing that may be read"):
            scanned(folder, allowed=below(folder))
        assert scanned(folder, allowed=below(tmp_path)).items == 2

    def test_a_link_that_the_disk_fails_on_is_an_error(self, mail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (mail / "c.eml").symlink_to(mail / "a.eml")
        monkeypatch.setattr(stores.os, "stat", failing(errno.ESTALE))
        with pytest.raises(OSError, match=r"a\.eml"):
            stores.Disk(below(mail)).ls(str(mail))

    def test_a_folder_that_is_replaced_by_a_link_after_it_was_listed_leads_nowhere(
        self, mail: Path, tmp_path: Path
    ) -> None:
        for folder in (mail / "sub", tmp_path / "secret"):
            folder.mkdir()
            (folder / "c.eml").write_bytes(MAIL % folder.name.encode())
        source = open_source(UPath(mail), columns=["body"], allowed=below(mail))
        (mail / "sub").rename(mail / "gone")
        (mail / "sub").symlink_to(tmp_path / "secret")
        rows = [row for batch in source.batches() for row in batch.to_pylist()]
        assert "secret" not in json.dumps(rows)
        assert [row["defect"] is None for row in rows] == [True, True, False]

    def test_a_day_that_is_a_link_is_read_where_that_is_allowed(self, mail: Path, tmp_path: Path) -> None:
        (tmp_path / "today").symlink_to(mail)
        assert scanned(tmp_path / "today", allowed=below(tmp_path)).items == 2
        (tmp_path / "root").mkdir()
        (tmp_path / "root" / "today").symlink_to(mail)
        with pytest.raises(SourceError, match="not a source that this deployment allows"):
            scanned(tmp_path / "root" / "today", allowed=below(tmp_path / "root"))


class TestArchives:
    @pytest.mark.parametrize("name", ["m.zip", "m.tar.gz"])
    def test_links_pipes_and_devices_in_an_archive_are_skipped_and_named(self, name: str, tmp_path: Path) -> None:
        kinds = {"link.eml": stat.S_IFLNK, "pipe.eml": stat.S_IFIFO, "null.eml": stat.S_IFCHR}
        folder = tmp_path / "mail"
        folder.mkdir()
        (zipped if name.endswith(".zip") else tarred)(folder / name, kinds)
        record = scanned(folder)
        assert (record.rows, record.items) == (1, 1)
        assert sorted(record.foreign) == sorted(f"{name}/{one}" for one in kinds)


def zipped(file: Path, kinds: Mapping[str, int]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.eml", MAIL % b"a")
        for name, kind in kinds.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o600) << 16
            archive.writestr(info, "/etc/passwd")


def tarred(file: Path, kinds: Mapping[str, int]) -> None:
    types = {stat.S_IFLNK: tarfile.SYMTYPE, stat.S_IFIFO: tarfile.FIFOTYPE, stat.S_IFCHR: tarfile.CHRTYPE}
    with tarfile.open(file, "w:gz") as archive:
        mail = tarfile.TarInfo("a.eml")
        mail.size = len(MAIL % b"a")
        archive.addfile(mail, io.BytesIO(MAIL % b"a"))
        for name, kind in kinds.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = types[kind], "/etc/passwd"
            archive.addfile(info)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a deployment, which is all that it allows; a secret lies beside it."""
    monkeypatch.setenv("AIRFLOW__CLAUDE__ROOT", str(tmp_path / "claude"))
    monkeypatch.setenv("AIRFLOW__CLAUDE__SOURCES", "")
    (tmp_path / "claude" / "mail").mkdir(parents=True)
    (tmp_path / "claude" / "mail" / "a.eml").write_bytes(MAIL % b"a")
    (tmp_path / "claude-other").mkdir()
    for name in ("passwd", "passwd.csv"):
        (tmp_path / "claude-other" / name).write_text(f"id,{SECRET}\n1,{SECRET}\n")
    (tmp_path / "claude" / "way").symlink_to(tmp_path / "claude-other")
    return tmp_path / "claude"


def asked(source: str, root: Path, **options: Any) -> str:
    """What a scan of *source* says; it succeeds where that is empty."""
    operator = ClaudeInputScanOperator(
        task_id="scan", source=source, run_folder=str(root / "work" / "run"), columns=["body"], **options
    )
    try:
        operator.execute({})  # type: ignore[typeddict-item]
    except AirflowFailException as e:
        return str(e)
    return ""


OUTSIDE = [
    "{root}-other/passwd.csv",
    "{root}-other/passwd",
    "{root}-other/nothing.csv",
    "{root}-other",
    "{root}-other/*",
    "{root}-other/**/*.csv",
    "{root}/../claude-other/passwd.csv",
    "{root}/mail/../../claude-other/passwd.csv",
    "{root}/way/passwd.csv",
    "{root}/way/*",
    "{root}/way",
    "file://{root}-other/passwd.csv",
    "FILE://{root}-other/passwd.csv",
    "local://{root}-other/passwd.csv",
    "file://conn@{root}-other/passwd.csv",
    "simplecache::file://{root}-other/passwd.csv",
    "zip://a.csv::file://{root}-other/a.zip",
    "/etc/passwd",
    "/dev/zero",
    "/proc/self/environ",
    "/",
    "//etc/passwd",
    "~/.ssh/id_rsa",
    "relative/mail",
    "s3://bucket/key.csv",
    "s3://nobody@bucket/key.csv",
    "memory://x/y",
    "http://169.254.169.254/latest/meta-data",
    "{root}/mail\x00/a.eml",
    "{root}/mail/\udcff.eml",
    "{root}/mail\nERROR: all is lost",
    "{root}/mail/\x1b[2J",
]


@pytest.mark.parametrize("source", OUTSIDE)
@pytest.mark.parametrize("options", [{}, {"source_format": "csv", "missing_source": "empty", "id_column": None}])
def test_outside_of_what_is_allowed_nothing_can_be_distinguished(source: str, options: Any, root: Path) -> None:
    said = asked(source.format(root=root), root, **options)
    assert said.isprintable()
    assert said
    assert SECRET not in said
    parts = said.partition(" is not a source that this deployment allows")
    assert parts[1] or any(
        one in said for one in ("characters that a path should not have", "is on no store", "write an absolute path")
    ), said
    assert not (root / "work" / "run" / "scan.json").exists()


@pytest.mark.parametrize("there", ["passwd.csv", "passwd", "nothing.csv", "*", "passwd.csv/x"])
def test_the_words_are_the_same_whatever_is_there(there: str, root: Path) -> None:
    location = f"{root}-other/{there}"
    nothing = f"{root}-other/some.csv"
    assert asked(location, root).replace(repr(location), "") == asked(nothing, root).replace(repr(nothing), "")


def test_an_error_names_the_setting(root: Path) -> None:
    assert "[claude] sources" in asked("/etc/passwd", root)


@pytest.mark.parametrize(
    "source", ["{root}/mail", "{root}/mail/*.eml", "file://{root}/mail", "{root}/work/../mail/./a.eml"]
)
def test_what_is_below_the_root_is_read_without_any_setting(source: str, root: Path) -> None:
    (root / "work").mkdir()
    assert asked(source.format(root=root), root) == ""


def test_a_list_of_sources_takes_the_place_of_the_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CLAUDE__SOURCES", f"{root}-other , s3://aws_mail@bucket/mail\n{root}/none/")
    allowed = allowed_sources(str(root / "work"))
    for uri in (f"{root}-other/x", f"{root}/none", "s3://aws_mail@bucket/mail/*.eml", "s3://aws_mail@bucket/mail"):
        assert allowed.admits(Location.of(ObjectStoragePath(uri))), uri
    for uri in (
        f"{root}/mail",
        "s3://aws_mail@bucket/mail2",
        "s3://aws_mail@bucket/*",
        "s3://aws_mail@bucket/mail/../x",
        "s3://aws_mail@other/mail",
        "s3://aws_other@bucket/mail",
        "s3://bucket/mail",
        "gs://aws_mail@bucket/mail",
    ):
        assert not allowed.admits(Location.of(ObjectStoragePath(uri))), uri


def test_a_screening_may_read_the_doubts_of_its_own_run_and_no_other(root: Path) -> None:
    allowed = allowed_sources("/elsewhere/work/dag/group.screen/2026-11-22")
    assert allowed.admits(Location.local("/elsewhere/work/dag/group/2026-11-22/doubts"))
    assert not allowed.admits(Location.local("/elsewhere/work/dag/group/2026-11-21/doubts"))
    assert not allowed.admits(Location.local("/elsewhere/work/dag/group/2026-11-22/originals"))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("mail", "write an absolute path"),
        ('["/mail"]', "write an absolute path"),
        ("/mail/*", "write the folder without wildcards"),
        ("s4://bucket/mail", "is on no store"),
    ],
)
def test_an_entry_of_the_list_that_names_no_place_is_refused_with_what_to_write(
    entry: str, said: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CLAUDE__SOURCES", f"{root}, {entry}")
    assert re.search(rf"\[claude\] sources has .*{said}", asked(f"{root}/mail", root))


def test_a_root_that_is_relative_is_refused_by_its_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CLAUDE__ROOT", "./claude")
    assert "[claude] root has './claude': write an absolute path" in asked("/mail", root)


@pytest.mark.parametrize("source", ["", " ", "mail", "~/mail", "$HOME/mail", " /mail", "\\\\server\\mail"])
def test_a_source_that_is_another_place_on_each_worker_is_refused_with_what_to_write(source: str, root: Path) -> None:
    assert "write an absolute path" in asked(source, root)


@pytest.mark.parametrize(
    ("error", "counted"),
    [(FileNotFoundError("gone"), True), (PermissionError("AccessDenied"), False), (OSError("503 Slow Down"), False)],
)
@pytest.mark.parametrize("name", ["a.eml", "a.parquet", "a.csv.gz"])
def test_an_object_that_is_gone_is_counted_and_a_store_that_fails_is_raised(
    name: str, error: Exception, counted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe_file(f"/failing/{name}", MAIL % b"a")

    def refused(*_: Any, **__: Any) -> Any:
        raise error

    source = open_source(UPath(f"memory://failing/{name}"), columns=["body"], id_column=None)
    monkeypatch.setattr(type(fs), "open", refused)
    monkeypatch.setattr(type(fs), "cat_file", refused)
    if counted:
        (row,) = [row for batch in source.batches() for row in batch.to_pylist()]
        assert row["defect"].startswith("unreadable_file")
    else:
        with pytest.raises(StoreError, match=str(error)):
            list(source.batches())


class FailingStream(io.BytesIO):
    """Fails once it has given out its beginning."""

    error: Exception

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 0:
            raise self.error
        return super().read(100)


@pytest.mark.parametrize("error", [PermissionError("AccessDenied"), OSError("503 Slow Down")])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.zst", "a.jsonl", "a.parquet", "a.eml", "a.mbox"])
def test_a_store_that_fails_while_a_file_is_read_is_raised_through_every_decoder(
    name: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = table_of(name, tmp_path)
    fs = fsspec.filesystem("memory")
    fs.pipe_file(f"/failing/{name}", data)
    source = open_source(UPath(f"memory://failing/{name}"), columns=["body"], id_column=None)
    stream = FailingStream(data)
    stream.error = error

    def refused(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(type(fs), "open", lambda *_, **__: stream)
    monkeypatch.setattr(type(fs), "cat_file", refused)
    with pytest.raises(StoreError, match=str(error)):
        list(source.batches())


def table_of(name: str, folder: Path) -> bytes:
    table = pa.table({"body": [os.urandom(9).hex() for _ in range(1_000)]})
    if name.endswith(".parquet"):
        pq.write_table(table, folder / name)
        return (folder / name).read_bytes()
    if name.endswith((".eml", ".mbox")):
        return b"From a@x.example Mon Nov  2 10:00:00 2026\n" * name.endswith("x") + MAIL % (b"a" * 999)
    rows = b"body\n" + b"".join(f"{value.as_py()}\n".encode() for value in table["body"])
    if ".jsonl" in name:
        rows = b"".join(b'{"body": "%s"}\n' % line for line in rows.split())
    suffix = name.rpartition(".")[2]
    return (
        gzip.compress(rows) if suffix == "gz" else pa.compress(rows, "zstd", asbytes=True) if suffix == "zst" else rows
    )


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_compressed_table_that_is_written_to_is_lost_from_there_on(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"a.csv{suffix}"
    file.write_bytes(table_of(file.name, tmp_path))
    batches = open_source(UPath(file), columns=["body"], id_column=None, batch_rows=10).batches()
    next(batches)
    with file.open("ab") as stream:
        stream.write(b"more")
    (lost,) = [row for batch in batches for row in batch.to_pylist() if row["defect"]]
    assert lost["lost_rows"] is None


@pytest.mark.parametrize("line", [SECRET, "PASSWORD=hunter2", "-----BEGIN KEY-----", "a@x.example,hi", "1,hello"])
def test_no_error_quotes_a_first_line_that_is_no_header(line: str, root: Path) -> None:
    (root / "mail" / "a.csv").write_text(f"{line}\n{line}\n")
    for options in ({}, {"id_column": None}):
        said = asked(f"{root}/mail/a.csv", root, **options)
        assert "look like data" in said
        assert not any(word in said for word in (SECRET, "hunter2", "BEGIN", "x.example", "hello"))


def test_an_error_names_the_columns_that_an_allowed_source_has(root: Path) -> None:
    (root / "mail" / "a.csv").write_text("key,Text of mail\n1,hello\n")
    assert "It has: 'key', 'Text of mail'" in asked(f"{root}/mail/a.csv", root)
