"""The files a source path stands for, in a fixed order, on any store.

A path is a file, a folder (searched to the bottom) or a glob. In a folder or a glob, whatever has a part starting
with `.` or `_` is not data and is skipped: `_SUCCESS`, `.part-0.crc`, `_temporary/…`; so are symbolic links.
Names are relative to the folder, or to the part of the glob before its first wildcard.

A folder, or a glob in a folder that exists, may hold nothing: an empty night is fine. What does not exist raises.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import pyarrow as pa

from airflow_provider_claude.errors import SourceError

if TYPE_CHECKING:
    from upath import UPath

#: Formats by suffix; `.gz` and `.zst` may follow any of them but Parquet's.
SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".eml": "eml",
    ".mbox": "mbox",
}

FORMATS = tuple(dict.fromkeys(SUFFIXES.values()))

#: Bytes decompressed at a time; as many are lost at most where a compressed file is cut short.
_BUFFER = 1 << 16

#: A null, as the name of a folder.
_NULL = "__HIVE_DEFAULT_PARTITION__"

_COMPRESSED = {".gz", ".zst"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: where it is on its store, and its *name* for people (relative, with `/`)."""

    fs: Any
    path: str
    name: str

    def open(self) -> IO[bytes]:
        """The bytes as stored."""
        return io.BufferedReader(self.fs.open(self.path, "rb"), 1 << 20)

    def open_plain(self) -> IO[bytes]:
        """The bytes, decompressed where the name says that they are compressed."""
        stored = self.open()
        match PurePosixPath(self.path).suffix:
            case ".gz":
                return cast("IO[bytes]", gzip.GzipFile(fileobj=stored))
            case ".zst":
                return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(stored), "zstd"), _BUFFER)
            case _:
                return stored

    def lines(self) -> Iterator[bytes]:
        """Its lines, decompressed, as far as it can be read; long ones in pieces."""
        with self.open_plain() as stream:
            try:
                while line := stream.readline(_BUFFER):
                    yield line
            except Exception as e:
                if not is_broken_content(e):
                    raise

    @property
    def partitions(self) -> dict[str, str | None]:
        """The columns that its folders are named for, as Hive names them: `year=2026/month=11/`."""
        pairs = (part.partition("=") for part in PurePosixPath(self.path).parts[:-1] if "=" in part)
        return {unquote(name): None if value == _NULL else unquote(value) for name, _, value in pairs if name}

    @property
    def format(self) -> str | None:
        suffixes = [s for s in PurePosixPath(self.name).suffixes if s not in _COMPRESSED]
        return SUFFIXES.get(suffixes[-1].lower()) if suffixes else None


def is_broken_content(error: Exception) -> bool:
    """Whether *error* comes from what is in a file, rather than from the store it lies on.

    A store's failure carries an errno and may pass; a decoder's does not, and would come again.
    """
    if isinstance(error, OSError):
        return error.errno is None
    return isinstance(error, pa.ArrowException | EOFError | zlib.error | UnicodeError)


def find_files(path: UPath) -> list[SourceFile]:
    """The files *path* stands for, sorted by name. Raises SourceError where there is no such thing."""
    fs, root = path.fs, str(path.fs._strip_protocol(path.path))  # noqa: SLF001 - fsspec's own way to a bare path
    fs.invalidate_cache()
    if fs.isfile(root):
        return [SourceFile(fs, root, PurePosixPath(root).name)]
    if fs.isdir(root):
        return _named(fs, root, [name for name, info in fs.find(root, detail=True).items() if not _is_link(info)])
    if not re.search(r"[*?\[]", root):
        raise SourceError(f"There is no source at {path}: looked for a file, a folder and a glob of that name.")
    base = re.split(r"[^/]*[*?\[]", root, maxsplit=1)[0].rstrip("/")
    if base and not fs.isdir(base):
        raise SourceError(f"There is no source at {path}: its folder {base} does not exist.")
    found = fs.glob(root, detail=True)
    return _named(fs, base, [name for name, info in found.items() if info["type"] == "file" and not _is_link(info)])


def _is_link(info: dict[str, Any]) -> bool:
    """Whether a name on a local disk stands for what lies elsewhere, which whoever fills the folder may have chosen."""
    return bool(info.get("islink"))


def _named(fs: Any, base: str, paths: Iterable[str]) -> list[SourceFile]:
    start = len(base.rstrip("/")) + 1
    files = (SourceFile(fs, path, path[start:]) for path in sorted(paths))
    return [file for file in files if not re.search(r"(^|/)[._]", file.name)]


def format_of(files: Sequence[SourceFile], path: UPath) -> str | None:
    """The one format of *files*, None where there are none. Raises SourceError where it is not clear."""
    by_format = {file.format: file.name for file in files}
    if len(by_format) > 1 or None in by_format:
        found = ", ".join(f"{name!r} ({kind or 'unknown'})" for kind, name in by_format.items())
        raise SourceError(
            f"{path} is not of one format that its file names tell: {found}. "
            f"Say format= one of {', '.join(FORMATS)}, or use a glob that matches only the files meant."
        )
    return next(iter(by_format), None)
