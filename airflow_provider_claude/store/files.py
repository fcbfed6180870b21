"""Files of a store: written whole or not at all, first come first served where only one may win.

On a local disk a file is written under a temporary name and renamed, or linked where it must be new. On an object
store it is one PUT of a finished local file, or a conditional one. The module `access` sets who may read local files.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from airflow_provider_claude.errors import JobError, StateError
from airflow_provider_claude.store.access import granted, make_folder
from airflow_provider_claude.store.store_errors import LOCAL, answering

if TYPE_CHECKING:
    from upath import UPath


#: What a file is called on a local disk until it is whole: of a killed worker such a file stays.
_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}\.tmp")


def is_local(path: UPath) -> bool:
    return path.protocol in LOCAL


def exists(path: UPath) -> bool:
    """Whether there is a file or folder *path*. Never from a listing cache; raises where the store does not say it.

    `UPath.exists` says no where the question itself fails (fsspec's AbstractFileSystem.exists).
    """
    path.fs.invalidate_cache()
    try:
        with answering("look for", path):
            Path(path.path).stat() if is_local(path) else path.fs.info(path.path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def list_names(directory: UPath) -> list[str]:
    """The names in *directory*, sorted, without unfinished files; none where there is no such directory. Never from a
    listing cache; raises where the store does not answer.
    """
    return [name for name in all_names(directory) if not _UNFINISHED.fullmatch(name)]


def all_names(directory: UPath) -> list[str]:
    """The same with unfinished files, which only cleaning up is for.

    `UPath.iterdir` first asks whether it is a folder, and an object store that fails to say so says no (fsspec's
    AbstractFileSystem.isdir).
    """
    directory.fs.invalidate_cache()
    here = directory.path.strip("/")
    try:
        if is_local(directory):
            return sorted(entry.name for entry in Path(directory.path).iterdir())
        with answering("list", directory):
            found = directory.fs.ls(directory.path, detail=False)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name.rstrip("/").rsplit("/", 1)[-1] for name in found if name.strip("/") != here)


def entries(directory: UPath) -> dict[str, int | None]:
    """What is in *directory* by name, sorted: the bytes of files that are whole, None for folders. One listing, never from a
    cache.
    """
    directory.fs.invalidate_cache()
    here = directory.path.strip("/")
    try:
        with answering("list", directory):
            found = directory.fs.ls(directory.path, detail=True)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    names = {entry["name"].strip("/"): entry["size"] if entry["type"] == "file" else None for entry in found}
    pairs = [(name.rsplit("/", 1)[-1], names[name]) for name in sorted(names) if name != here]
    return {name: size for name, size in pairs if not _UNFINISHED.fullmatch(name)}


def tree(directory: UPath) -> dict[str, str]:
    """Every whole file below *directory*, by its path in it, with a stamp that differs once the file is written again: its size,
    time and tag. One listing, never from a cache; empty where there is no such folder.
    """
    directory.fs.invalidate_cache()
    root = directory.path.rstrip("/")
    found = _local_tree(root) if is_local(directory) else _remote_tree(directory, root)
    return {name: stamp for name, stamp in found if not _UNFINISHED.fullmatch(name.rsplit("/", 1)[-1])}


def _local_tree(root: str) -> Iterator[tuple[str, str]]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = f"{folder}/{name}"
            with suppress(FileNotFoundError):
                facts = os.stat(path)  # noqa: PTH116 - a Path for each of thousands costs more than the call
                yield path[len(root) + 1 :], f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ino}"


#: What the stores of fsspec call the time and the tag of a file.
_STAMPS = ("size", "mtime", "created", "LastModified", "last_modified", "updated", "ETag", "etag", "generation")


def _remote_tree(directory: UPath, root: str) -> Iterator[tuple[str, str]]:
    try:
        with answering("list", directory):
            found = directory.fs.find(directory.path, detail=True)
    except (FileNotFoundError, NotADirectoryError):
        return
    for path, facts in found.items():
        name = path.strip("/")[len(root.strip("/")) + 1 :]
        if name:
            yield name, " ".join(str(facts.get(key, "")) for key in _STAMPS)


#: Bytes of a file that is read whole. Records have kilobytes, plans and reports of large runs some megabytes.
MOST_BYTES = 100_000_000


def read_whole(path: UPath) -> bytes:
    """The bytes of the file *path*, which another user may have put there: on a local disk no link is followed, and no pipe is
    waited for.

    Raises StateError where it is no file of its own, or has more than MOST_BYTES; FileNotFoundError, and the store's own error.
    """
    with answering("read", path):
        return _read_local(path) if is_local(path) else path.read_bytes()


def _read_local(path: UPath) -> bytes:
    try:
        handle = os.open(path.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as e:
        if e.errno in {errno.ELOOP, errno.ENXIO}:  # a link; a socket
            raise StateError(f"{path} is no file, and was not read.") from e
        raise
    with os.fdopen(handle, "rb") as stream:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MOST_BYTES:
            raise StateError(f"{path} is no file of at most {MOST_BYTES:,} bytes, and was not read.")
        return stream.read(MOST_BYTES)


def write_bytes(path: UPath, data: bytes) -> None:
    with atomic_output(path) as stream:
        stream.write(data)


def write_new(path: UPath, data: bytes) -> bool:
    """Write *data* as *path* unless there is such a file already; whether it was written.

    Of several writers at once exactly one gets True, as far as the store can promise it: a local disk by a hard link,
    S3, Google Cloud Storage and Azure by a conditional PUT (fsspec's `create` mode). `store.check_store` tests a store.
    A store whose fsspec implementation only looks first leaves a gap of one round trip.

    The answer to a write can be lost: the client asks again, and finds a file, its own. So no two writers may have the same
    *data* (`write_new_record` sees to it), and a file that holds *data* is this writer's.
    """
    if is_local(path):
        return _link_new(path, data)
    try:
        with answering("write", path):
            path.fs.pipe_file(path.path, data, mode="create")
    except NotImplementedError as e:
        raise JobError(
            f"{path}: this store cannot create a file exclusively ({e}). Two writers at once would pay twice. "
            "Write a work folder (work) on a local disk, Amazon S3, Google Cloud Storage or Azure."
        ) from e
    except Exception as e:
        held = _held(path)
        if held is None and not isinstance(e, FileExistsError):
            raise
        return held == data
    return True


def _held(path: UPath) -> bytes | None:
    """What is in the file *path*, None where there is none. A refusal has many forms: servers answer 412 or 409, with and
    without the condition that failed, and s3fs makes errors of several types of them.
    """
    try:
        with answering("read", path):
            held: bytes = path.fs.cat_file(path.path)
    except FileNotFoundError:
        return None
    return held


def _link_new(path: UPath, data: bytes) -> bool:
    """Write *data* as the local *path*, unless there is such a file; whether it was written.

    A network file system can carry out a link and lose the answer, too.
    """
    local = Path(path.path)
    with _temporary(path) as (stream, name):
        stream.write(data)
        _sync(stream, name)
        try:
            os.link(name, local)
        except FileExistsError:
            if not local.exists() or not name.samefile(local):
                return False
        _sync(stream, local.parent)
    return True


@contextmanager
def atomic_output(path: UPath) -> Iterator[IO[bytes]]:
    """A binary file that becomes *path* when the block ends well, and leaves nothing behind when it does not."""
    with output_of_choice(path) as (stream, keep_as):
        yield stream
        keep_as(path)


@contextmanager
def output_of_choice(path: UPath) -> Iterator[tuple[IO[bytes], Callable[[UPath], None]]]:
    """A binary file, and what keeps it, once, as *path* or as another beside it. Not kept, it leaves nothing behind."""
    with _temporary(path) as (stream, name):
        yield stream, lambda chosen: _keep(stream, name, chosen)


def _keep(stream: IO[bytes], name: Path, path: UPath) -> None:
    _sync(stream, name)
    if is_local(path):
        name.replace(path.path)
        _sync(stream, Path(path.path).parent)
    else:
        with answering("write", path):
            path.fs.put_file(str(name), path.path)


@contextmanager
def _temporary(path: UPath) -> Iterator[tuple[IO[bytes], Path]]:
    """A temporary file, beside *path* where that is local. Gone after the block, unless it was renamed."""
    directory = Path(path.parent.path) if is_local(path) else None
    if directory is not None:
        make_folder(directory)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=directory)
    try:
        with os.fdopen(handle, "w+b") as stream:
            if directory is not None:
                os.fchmod(stream.fileno(), granted().file)
            yield stream, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _sync(stream: IO[bytes], path: Path) -> None:
    """Sync *stream*, which its user may have closed, to the disk as *path*; or the names in the folder *path*.

    A power cut must not remove a record.
    """
    if not stream.closed:
        stream.flush()
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: UPath) -> None:
    """Remove the file or folder *path*; it is no error where there is none, or another worker removes it meanwhile."""
    while exists(path):
        with suppress(FileNotFoundError):
            _remove(path)


def _remove(path: UPath) -> None:
    if is_local(path) and Path(path.path).is_dir():
        shutil.rmtree(path.path)
    else:
        with answering("remove", path):
            path.fs.rm(path.path, recursive=True)
