"""An object store for workers that are killed: it obeys conditional writes, and lives on when they do not.

As on S3 there are keys and no folders, a PUT is there whole or not at all, and of several conditional PUTs of a new key exactly
one wins (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html). The objects are files in one folder,
named by their keys; whatever asks for them goes through fsspec.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import fsspec
from fsspec.spec import AbstractFileSystem

PROTOCOL = "chaos"

Hit = Callable[[str, str], None]


def _nothing(_kind: str, _name: str) -> None:
    """No point is watched."""


class Objects(AbstractFileSystem):  # type: ignore[misc]
    """Its *folder*, and who is told of each request (*hit*), are those of the process."""

    protocol = PROTOCOL
    cachable = False
    folder = Path("/nonexistent")
    hit: Hit = staticmethod(_nothing)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        key = self._key(path)
        self._record("read", "list", key)
        found: dict[str, dict[str, Any]] = {}
        for name, size in self._names():
            if name == key:
                found[name] = {"name": name, "size": size, "type": "file"}
            elif not key or name.startswith(f"{key}/"):
                child, _slash, below = name.removeprefix(key).lstrip("/").partition("/")
                full = f"{key}/{child}".lstrip("/")
                kind = "directory" if below else "file"
                found.setdefault(full, {"name": full, "size": 0 if below else size, "type": kind})
        if not found:
            raise FileNotFoundError(path)
        return list(found.values()) if detail else list(found)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        key = self._key(path)
        self._record("read", "head", key)
        if (file := self._file(key)).exists():
            return {"name": key, "size": file.stat().st_size, "type": "file"}
        if any(name.startswith(f"{key}/") for name, _ in self._names()):
            return {"name": key, "size": 0, "type": "directory"}
        raise FileNotFoundError(path)

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        self._put(self._key(path), io.BytesIO(value), new=mode == "create")

    def put_file(self, lpath: str, rpath: str, mode: str = "overwrite", **_: Any) -> None:
        with Path(lpath).open("rb") as stream:
            self._put(self._key(rpath), stream, new=mode == "create")

    def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
        with self._open(rpath) as stream, Path(lpath).open("wb") as out:
            shutil.copyfileobj(stream, out)

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        with self._open(path1) as stream:
            self._put(self._key(path2), stream, new=False)

    def rm_file(self, path: str) -> None:
        key = self._key(path)
        self._record("write", "delete", key)
        self._file(key).unlink(missing_ok=True)
        self._record("done", "delete", key, ", done")

    def _rm(self, path: str) -> None:
        self.rm_file(path)

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """There are no folders."""

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """There are no folders."""

    def rmdir(self, path: str) -> None:
        """There are no folders."""

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        key = self._key(path)
        if mode != "rb":
            return _Upload(lambda data: self._put(key, io.BytesIO(data), new=False))
        self._record("read", "get", key)
        return self._file(key).open("rb")

    def _put(self, key: str, data: Any, *, new: bool) -> None:
        """Whole or not at all; where it has to be *new*, only one of many writers succeeds, the others get FileExistsError."""
        verb = "create" if new else "put"
        self._record("write", verb, key)
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=".part-")
        with os.fdopen(handle, "wb") as stream:
            shutil.copyfileobj(data, stream)
        try:
            (os.link if new else os.replace)(name, self._file(key))
        finally:
            Path(name).unlink(missing_ok=True)
        self._record("done", verb, key, ", done")

    def _names(self) -> Iterator[tuple[str, int]]:
        for entry in os.scandir(self.folder):
            if not entry.name.startswith(".part-"):
                with suppress(FileNotFoundError):  # another worker has removed it meanwhile
                    yield unquote(entry.name), entry.stat().st_size

    def _key(self, path: str) -> str:
        return str(self._strip_protocol(path)).strip("/")

    def _file(self, key: str) -> Path:
        return self.folder / quote(key, safe="")

    def _record(self, kind: str, verb: str, key: str, end: str = "") -> None:
        Objects.hit(kind, f"{verb} {key}{end}")


class _Upload(io.BytesIO):
    """What is written becomes an object when it is closed."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        super().__init__()
        self._finish = put

    def close(self) -> None:
        if not self.closed:
            self._finish(self.getvalue())
        super().close()


warnings.filterwarnings("ignore", "UPath 'chaos' filesystem not explicitly implemented", UserWarning)
fsspec.register_implementation(PROTOCOL, Objects, clobber=True)
