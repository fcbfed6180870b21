"""Files in archives, and how much of them is read at most."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

from airflow_provider_claude.errors import SourceError

#: Files in one archive, all their bytes, and how many times the archive's own size these may be beyond _ALWAYS.
_MAX_MEMBERS = 200_000
_MAX_BYTES = 200 << 30
_MAX_RATIO = 200
_ALWAYS = 64 << 20

_NESTED = re.compile(r".*\.(?:zip|tar|tgz|tar\.\w{2,4}|7z|rar)", re.IGNORECASE | re.DOTALL)


class Files:
    """The part of a store's interface that reading takes."""

    def ls(self, path: str, detail: bool = True) -> list[dict[str, Any]]:  # noqa: FBT001, FBT002 - fsspec's
        raise FileNotFoundError(path)


class Lost(Files):
    """Stands for files that cannot be read, for the reason that *error* gives."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def open(self, path: str, mode: str = "rb") -> IO[bytes]:
        raise self._error


class Contents(NamedTuple):
    """The files in an archive, by their paths in it; *fs* opens them. *damage* says why there may be more.

    *skipped* are the names of links, pipes and devices in it.
    """

    fs: Files
    names: tuple[str, ...]
    damage: str | None = None
    skipped: tuple[str, ...] = ()


class Budget:
    """What of an archive of *size* bytes is read at most."""

    def __init__(self, name: str, size: int) -> None:
        self._name, self._size = name, size
        self._names: set[str] = set()
        self._bytes = 0

    def take(self, member: str, size: int) -> str:
        """The path of *member*. Raises SourceError where it is not to be read."""
        path = member.removeprefix("./")
        parts = PurePosixPath(path).parts
        if path.startswith("/") or ".." in parts or "\\" in path or "\0" in path or not parts:
            raise self.refused(f"the name of a file in it, {member!r:.80}, leads out of it")
        if _NESTED.fullmatch(path) and not any(part.startswith((".", "_")) for part in parts):
            raise self.refused(f"it holds another archive, {path!r:.80}")
        if path in self._names:
            raise self.refused(f"it holds {path!r:.80} twice")
        self._names.add(path)
        self._bytes += size
        if len(self._names) > _MAX_MEMBERS or self._bytes > min(_MAX_BYTES, _ALWAYS + _MAX_RATIO * self._size):
            raise self.refused(f"{len(self._names):,} of its files have {self._bytes:,} bytes, out of {self._size:,}")
        return path

    def refused(self, why: str) -> SourceError:
        return SourceError(
            f"The archive {self._name} is not read: {why}. Unpack it and write the folder of its files as source."
        )
