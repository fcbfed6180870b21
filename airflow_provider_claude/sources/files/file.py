"""One file of a source: where it lies, what its name says it holds, and its bytes."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from posixpath import splitext
from typing import IO, Any, cast
from urllib.parse import unquote

import pyarrow as pa

from airflow_provider_claude.core.legible import legible
from airflow_provider_claude.sources.files.formats import COMPRESSED, SUFFIXES
from airflow_provider_claude.sources.files.magic_bytes import HEAD, compression_of, kind_of

#: Bytes decompressed at a time; as many are lost at most where a compressed file is cut short.
_BUFFER = 1 << 16

#: A null, as the name of a folder.
_NULL = "__HIVE_DEFAULT_PARTITION__"


class WrongKindError(ValueError):
    """The bytes of a file are of another kind than its name says."""


class UnopenedError(ValueError):
    """One file cannot be opened, or not be read to its end; its store is well."""


class UnreachableError(ValueError):
    """Any number of files cannot be reached: what is in a folder, or behind some place of an archive."""


def shown(name: str) -> str:
    """The *name* of a file with what would act instead of show written out, as `⟨U+000A⟩`; bytes that are no UTF-8, too.

    Two names are never shown as one.
    """
    return legible(name.translate(_WRITTEN_OUT))


#: What `legible` leaves as it is, and what it begins with.
_WRITTEN_OUT = {ord(one): f"⟨U+{ord(one):04X}⟩" for one in "\t\n⟨"}


class BeyondBoundsError(ValueError):
    """What is in a file would take more than is given to it, or does not say how much it takes."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: where it is on its store, and its *name* for people (relative, with `/`).

    *kind* is its format where its place says more than its name, as in a Maildir.
    """

    fs: Any
    path: str
    name: str
    kind: str | None = None

    def open(self) -> IO[bytes]:
        """The bytes as stored."""
        return io.BufferedReader(self.fs.open(self.path, "rb"), 1 << 20)

    def open_any(self) -> IO[bytes]:
        """The bytes, decompressed where they are compressed, or where the name says so."""
        stored = cast("io.BufferedReader", self.open())
        head = stored.peek(HEAD)
        if not head and self.suffixes[1]:
            stored.close()
            raise WrongKindError(f"it is empty, which no {self.suffixes[1]} is")
        match compression_of(head) or self.suffixes[1]:
            case ".gz":
                return cast("IO[bytes]", gzip.GzipFile(fileobj=stored))
            case ".zst":
                return io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(stored), "zstd"), _BUFFER)
            case _:
                return stored

    def open_plain(self) -> IO[bytes]:
        """The same, of a text. Raises WrongKindError where the first bytes are those of something else."""
        stream = cast("io.BufferedReader", self.open_any())
        kind = kind_of(stream.peek(HEAD)[:HEAD])
        if kind is not None:
            stream.close()
            raise WrongKindError(f"it is {kind}, whatever its name says")
        return stream

    @property
    def suffixes(self) -> tuple[str, str]:
        """The suffix of the format, and the suffix of the compression, in lower case; `""` where there is none."""
        stem, suffix = splitext(self.name.lower().strip())
        return (splitext(stem)[1], suffix) if suffix in COMPRESSED else (suffix, "")

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
        if "=" not in self.path:
            return {}
        pairs = (part.partition("=") for part in PurePosixPath(self.path).parts[:-1] if "=" in part)
        return {_text(name): None if value == _NULL else _text(value) for name, _, value in pairs if name}

    @property
    def format(self) -> str | None:
        """The format by its folder and name; None where they have none."""
        if self.kind is not None:
            return self.kind
        if self.path.endswith(".mbox/mbox"):  # as Apple Mail exports a mailbox
            return "mbox"
        return SUFFIXES.get(self.suffixes[0])


def _text(quoted: str) -> str:
    """What a part of a path stands for."""
    return unquote(quoted).encode("utf-8", "replace").decode()


#: What decoders say, and what it means.
_MEANINGS = (
    (
        "requires too much memory",
        "it was compressed with a window of more than 128 MB (zstd --long): compress it without",
    ),
    ("CRC check failed", "its checksum is wrong: the text read from it may be wrong"),
    ("Checksum mismatch", "its checksum is wrong: the text read from it may be wrong"),
    ("doesn't match checksum", "its checksum is wrong: the text read from it may be wrong"),
    ("Compressed file ended before", "it was cut: what is compressed in it has no end"),
    ("Truncated compressed stream", "it was cut: what is compressed in it has no end"),
    ("Not a gzipped file", "the data is not gzip"),
    ("Unknown frame descriptor", "the data is not zstd"),
)


def meaning(error: Exception) -> str:
    """What *error*, of a decoder, means for a file."""
    said = str(error).partition("\n")[0][:200]
    return next((f"{means}; {said}" for words, means in _MEANINGS if words in said), said)


_BROKEN = (
    pa.ArrowException,
    EOFError,
    zlib.error,
    UnicodeError,
    WrongKindError,
    UnopenedError,
    UnreachableError,
    BeyondBoundsError,
    tarfile.TarError,
    zipfile.BadZipFile,
)


def is_broken_content(error: Exception) -> bool:
    """Whether *error* comes from what is in a file, rather than from the store it lies on.

    A store's failure carries an errno and may pass; a decoder's does not, and would come again. A shortage of memory says
    nothing about the file, though Arrow's is an ArrowException.
    """
    if isinstance(error, MemoryError):
        return False
    if isinstance(error, OSError):
        return error.errno is None
    return isinstance(error, _BROKEN)
