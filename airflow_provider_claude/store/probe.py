"""Whether a folder can be used: a small file is written into it, read back and deleted, before anything is paid for."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_claude.errors import ClaudeError, DestinationError
from airflow_provider_claude.store.access import check_private, check_writable
from airflow_provider_claude.store.files import is_local, remove, write_bytes
from airflow_provider_claude.store.store_errors import of_store, store_error

if TYPE_CHECKING:
    from upath import UPath

#: Bytes written on a local disk, so that one that is all but full is noticed; elsewhere a few do.
_LOCAL_BYTES = 1 << 20


def probe(folder: UPath, parameter: str) -> None:
    """Write, read and delete a small file in *folder*, which is made if need be. *parameter* is what a user calls it.

    Raises DestinationError where that cannot work, and says what to do; StoreError where it may later.
    """
    check_place(folder, parameter)
    file = folder / f"_claude_probe-{secrets.token_hex(8)}"  # readers skip such names
    data = b"\0" * (_LOCAL_BYTES if is_local(folder) else 64)
    with step(f"write to {parameter} {folder}"):
        _check_folder(folder)
        write_bytes(file, data)
    with step(f"read from {parameter} {folder}"):
        _check_same(file.read_bytes(), data)
    with step(f"remove a file from {parameter} {folder}"):
        remove(file)


def _check_folder(folder: UPath) -> None:
    """An object store takes a file below a file."""
    if not is_local(folder) and folder.fs.isfile(folder.path):
        raise NotADirectoryError(errno.ENOTDIR, "it is a file")


def _check_same(found: bytes, written: bytes) -> None:
    if found != written:
        raise OSError("what was written came back different")


@contextmanager
def step(what: str) -> Iterator[None]:
    """An error of a store in this block is one that says: "Cannot *what*", and what to do."""
    try:
        yield
    except Exception as e:
        if isinstance(e, ClaudeError) and not of_store(e):
            raise
        raise store_error(e, what) from e


def check_place(folder: UPath, parameter: str) -> None:
    """Raise DestinationError where *folder* is another place on each worker, others can change it, or this user cannot."""
    if not is_local(folder):
        return
    if not folder.path.startswith("/"):
        raise DestinationError(
            f"{parameter} is {str(folder)!r}, a relative path, which is another folder for each worker. Write an absolute "
            "path, or a URI such as s3://aws_default@bucket/folder."
        )
    check_private(Path(folder.path), parameter)
    check_writable(Path(folder.path), parameter)
