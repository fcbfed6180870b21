"""Where the files of a source lie: the local disk, or another store through fsspec.

What is wrong with one file or folder is an UnopenedError: it is gone, may not be read, or is no file. What is wrong with
the store is raised as it comes, or as a StoreError.

On the local disk only regular files are opened, part by part of their path, so that none of it can be a link. A link is
followed where what it leads to is allowed, by the path it leads to.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from airflow_provider_claude.errors import StoreError
from airflow_provider_claude.sources.files.allowed import Allowed, Location
from airflow_provider_claude.sources.files.file import UnopenedError

_GONE = "it was listed, but no longer exists, or is a link to nothing"
_DENIED = "the workers' user may not read it"

#: What is wrong with one file or folder, and not with the disk.
_WHY = {
    errno.ENOENT: _GONE,
    errno.ENOTDIR: _GONE,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ELOOP: "it is a link that leads to nothing that may be read",
    errno.ENXIO: "it is not a regular file",
    errno.ENODEV: "it is not a regular file",
    errno.EISDIR: "it is a folder",
    errno.ENAMETOOLONG: "its path is too long",
}

#: What opening says where a part of the path is a link.
_LINKED = frozenset({errno.ELOOP, errno.ENOTDIR})

#: A folder on the way: it need not be readable.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC

#: Bytes of a path that are walked at once where links in it do no harm; the system takes 4,096.
_STRIDE = 3_000


def why_unopened(error: Exception) -> str | None:
    """What is wrong with one file or folder, where *error* comes from that; None where the store failed."""
    if isinstance(error, UnopenedError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return _GONE
    return _WHY.get(error.errno or 0) if isinstance(error, OSError) else None


@contextmanager
def _one_file() -> Iterator[None]:
    try:
        yield
    except OSError as e:
        if why := why_unopened(e):
            raise UnopenedError(why) from e
        raise


class Disk:
    """The local disk, of which links are followed to what is *allowed*. Its paths are absolute and resolved."""

    async_impl = False

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed

    def invalidate_cache(self) -> None:
        """Nothing is kept."""

    def info(self, path: str) -> dict[str, Any]:
        return {"name": path, "type": _type(os.stat(path).st_mode)}  # noqa: PTH116 - a path is a text here

    def ls(self, path: str, detail: bool = True) -> list[dict[str, Any]]:  # noqa: FBT001, FBT002 - fsspec's
        """What is in the folder *path*. A link is a `file` where it leads to one, or `astray`: where one cannot be looked for."""
        handle = _opened(path, _FILE | os.O_DIRECTORY, stride=_STRIDE)
        try:
            with os.scandir(handle) as entries:
                return [self._entry(f"{path.rstrip('/')}/{entry.name}", entry) for entry in entries]
        finally:
            os.close(handle)

    def _entry(self, path: str, entry: os.DirEntry[str]) -> dict[str, Any]:
        if entry.is_symlink():
            is_file = self._is_link_to_file(path)
            return {"name": path, "type": "other" if is_file is False else "file", "astray": is_file is None}
        if entry.is_dir(follow_symlinks=False):
            return {"name": path, "type": "directory"}
        return {"name": path, "type": "file" if entry.is_file(follow_symlinks=False) else "other"}

    def _is_link_to_file(self, path: str) -> bool | None:
        """Whether the link *path* leads to a regular file; None where that is not allowed, not there or denied."""
        target = self._target(path)
        try:
            return None if target is None else stat.S_ISREG(os.stat(target).st_mode)  # noqa: PTH116 - as above
        except OSError as e:
            if why_unopened(e):
                return None
            raise

    def _target(self, path: str) -> str | None:
        """Where the link *path* leads; None where that is not allowed."""
        location = Location.local(path)
        return location.path if self._allowed.admits(location) else None

    def open(self, path: str, mode: str = "rb") -> IO[bytes]:
        with _one_file():
            try:
                return _steady(path)
            except OSError as e:
                target = self._target(path) if e.errno in _LINKED else None
                if target is None or target == path:
                    raise
                return _steady(target)


def _type(mode: int) -> str:
    return "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def _opened(path: str, flags: int, stride: int = 0) -> int:
    """A descriptor of *path*, opened in pieces of *stride* bytes or single parts: its length has no limit."""
    *above, last = _pieces(path, stride)
    folder = os.open("/", _FOLDER)
    try:
        for piece in above:
            below = os.open(piece, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(last, flags, dir_fd=folder)
    finally:
        os.close(folder)


def _pieces(path: str, stride: int) -> list[str]:
    """The parts of *path*, put together as far as they have no more than *stride* bytes."""
    pieces: list[str] = []
    size = stride
    for part in filter(None, path.split("/")):
        length = len(os.fsencode(part)) + 1 if stride else 1
        if size + length > stride:
            pieces.append(part)
            size = length
        else:
            pieces[-1] += f"/{part}"
            size += length
    return pieces or ["."]


def _steady(path: str) -> IO[bytes]:
    raw = open(path, "rb", buffering=0, opener=lambda name, _: _opened(name, _FILE))  # noqa: SIM115
    found = os.fstat(raw.fileno())
    if not stat.S_ISREG(found.st_mode):
        raw.close()
        raise UnopenedError("it is not a regular file")
    return Steady(raw, found)  # type: ignore[return-value]


class Steady(io.RawIOBase):
    """The regular file *raw*, as it *was* when it was opened. Raises UnopenedError where it has changed meanwhile."""

    def __init__(self, raw: io.FileIO, was: os.stat_result) -> None:
        super().__init__()
        self._raw, self._was, self._place = raw, was, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """No more than it had when it was opened: a file that is written to could have no end."""
        count = self._raw.readinto(memoryview(buffer)[: max(0, self._was.st_size - self._place)]) or 0
        self._place += count
        self._check()
        return count

    def _check(self) -> None:
        now = os.fstat(self._raw.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._was.st_size, self._was.st_mtime_ns):
            raise UnopenedError("it changed while it was read: wait until it is written whole")

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._was.st_size}[whence]
        self._place = self._raw.seek(start + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def close(self) -> None:
        self._raw.close()
        super().close()


class Remote:
    """A store through fsspec."""

    def __init__(self, fs: Any) -> None:
        self._fs = fs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fs, name)

    def open(self, path: str, mode: str = "rb") -> IO[bytes]:
        with _of_store(path):
            return _Stream(self._fs.open(path, mode), path)  # type: ignore[return-value]


@contextmanager
def _of_store(path: str) -> Iterator[None]:
    """What a store says of *path*: it often gives no number to distinguish its failures from faults in a file."""
    try:
        yield
    except OSError as e:
        if why := why_unopened(e):
            raise UnopenedError(why) from e
        raise StoreError(f"{path} could not be read from its store ({str(e)[:300]}). Nothing was sent.") from e


class _Stream(io.RawIOBase):
    """A *stream* of a store's file *path*."""

    def __init__(self, stream: Any, path: str) -> None:
        super().__init__()
        self._stream, self._path = stream, path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._stream.seekable())

    def readinto(self, buffer: Any) -> int:
        with _of_store(self._path):
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self._stream.tell())

    def close(self) -> None:
        self._stream.close()
        super().close()
