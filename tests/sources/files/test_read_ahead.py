"""Small files of a store, read ahead."""

from __future__ import annotations

import io
from threading import Barrier, Lock
from typing import IO, Any
from uuid import uuid4

import pytest
from upath import UPath

from airflow_provider_claude.sources.files.file import SourceFile
from airflow_provider_claude.sources.files.read_ahead import AT_ONCE, WHOLE, Fetched, read_ahead
from airflow_provider_claude.sources.files.stores import Remote
from airflow_provider_claude.sources.source import open_source

#: Seconds until a barrier that is never full breaks.
PATIENCE = 20.0


class Store:
    """A store with the file *data* at every path, whose first reads wait for each other. It counts what is asked."""

    def __init__(self, data: bytes, together: int = 1) -> None:
        self.data, self.barrier, self.left = data, Barrier(together), together
        self.lock = Lock()
        self.cats: list[str] = []
        self.opens: list[str] = []

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        with self.lock:
            self.cats.append(path)
            first = self.left > 0
            self.left -= 1
        if first:
            self.barrier.wait(PATIENCE)
        return self.data[start:end]

    def open(self, path: str, mode: str = "rb") -> IO[bytes]:
        self.opens.append(path)
        return io.BytesIO(self.data)


class Failing(Store):
    def cat_file(self, path: str, start: int, end: int) -> bytes:
        raise PermissionError("no ranges here")


def files_of(store: Any, count: int) -> list[SourceFile]:
    return [SourceFile(Remote(store), f"mail/{n}.eml", f"{n}.eml") for n in range(count)]


def test_files_of_a_store_are_read_at_once_and_come_in_order() -> None:
    store = Store(b"To: you", together=AT_ONCE)
    found = list(read_ahead(files_of(store, 3 * AT_ONCE)))
    assert [file.name for file in found] == [f"{n}.eml" for n in range(3 * AT_ONCE)]
    assert {file.open().read() for file in found} == {b"To: you"}


def test_a_small_file_costs_one_call() -> None:
    store = Store(b"To: you")
    for file in read_ahead(files_of(store, 5)):
        file.open().read()
    assert len(store.cats) == 5
    assert store.opens == []


def test_no_more_files_are_ahead_of_the_reader_than_are_read_at_once() -> None:
    store = Store(b"To: you")
    ahead = read_ahead(files_of(store, 4 * AT_ONCE))
    next(ahead)
    ahead.close()
    assert len(store.cats) <= AT_ONCE + 1


@pytest.mark.parametrize("size", [WHOLE, WHOLE + 1, 10 * WHOLE])
def test_a_large_file_is_left_to_its_reader(size: int) -> None:
    [file] = read_ahead(files_of(Store(b"x" * size), 1))
    assert not isinstance(file.fs, Fetched)
    assert len(file.open().read()) == size


def test_a_file_that_cannot_be_read_ahead_is_left_to_its_reader() -> None:
    [file] = read_ahead(files_of(Failing(b"To: you"), 1))
    assert file.open().read() == b"To: you"


def test_files_of_the_disk_are_not_read_ahead() -> None:
    file = SourceFile(object(), "mail/1.eml", "1.eml")
    assert list(read_ahead([file])) == [file]


def test_mails_of_a_store_and_a_mail_that_is_gone_are_rows_in_order() -> None:
    root = UPath(f"memory://{uuid4().hex}")
    for n in range(9):
        (root / f"{n}.eml").write_bytes(b"Subject: %d\n\n%s" % (n, b"long " * (WHOLE if n == 4 else 1)))
    source = open_source(root, columns=["subject"])
    root.fs.rm(f"{root.path}/5.eml")
    rows = [row for batch in source.batches() for row in batch.to_pylist()]
    assert [row["subject"] for row in rows] == ["0", "1", "2", "3", "4", None, "6", "7", "8"]
    assert "no longer exists" in rows[5]["defect"]
