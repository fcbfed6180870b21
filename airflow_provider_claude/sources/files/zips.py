"""zip archives, through the standard library. (APPNOTE.TXT)"""

from __future__ import annotations

import errno
import io
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from airflow_provider_claude.sources.files.file import SourceFile
from airflow_provider_claude.sources.files.members import Budget, Contents, Files

#: The longest list of contents, in bytes: it is read at once.
_MAX_LIST = 32 << 20

_READ = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})


def contents(file: SourceFile) -> Contents:
    stream = file.open()
    size = stream.seek(0, io.SEEK_END)
    budget = Budget(file.name, size)
    stream.seek(max(0, size - (1 << 16) - 100))
    end = _End.of(stream.read())
    if end.length > _MAX_LIST:
        raise budget.refused(f"its list of contents has {end.length:,} bytes")
    with _damage():
        archive = zipfile.ZipFile(stream)
    if len(archive.infolist()) % end.modulus != end.files:
        raise zipfile.BadZipFile(f"it lists {len(archive.infolist()):,} of {end.files:,} files")
    infos: dict[str, zipfile.ZipInfo] = {}
    skipped: list[str] = []
    for info in archive.infolist():
        if info.filename.endswith("/"):
            continue
        if info.flag_bits & 1 or info.compress_type not in _READ:
            raise budget.refused(f"{info.filename!r:.80} in it is encrypted, or compressed in a way that is not read")
        if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG}:
            skipped.append(budget.take(info.filename, 0))
            continue
        infos[budget.take(info.filename, info.file_size)] = info
    if sum(info.compress_size for info in infos.values()) > size:
        raise zipfile.BadZipFile("its files lie on top of each other")
    return Contents(_Zip(archive, f"{file.path}/", infos), tuple(sorted(infos)), skipped=tuple(skipped))


class _End(NamedTuple):
    """What the end of a zip archive says: how many files there are, and how long the list of them is, in bytes."""

    files: int
    length: int
    modulus: int

    @classmethod
    def of(cls, tail: bytes) -> _End:
        """That in *tail*, the last bytes of an archive; nothing where there is none. (APPNOTE 4.3.14, 4.3.16)"""
        short, long = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x06")
        if 0 <= long <= len(tail) - 48:
            files, length = struct.unpack_from("<QQ", tail, long + 32)
            return cls(files, length, 1 << 64)
        if 0 <= short <= len(tail) - 16:
            files, length = struct.unpack_from("<HI", tail, short + 10)
            return cls(files, length, 1 << 16)
        return cls(0, 0, 1)


@contextmanager
def _damage() -> Iterator[None]:
    """Reports as damage what the standard library takes for something else, such as a future version."""
    try:
        yield
    except (NotImplementedError, RuntimeError, ValueError, struct.error) as e:
        raise zipfile.BadZipFile(str(e)) from e
    except OSError as e:
        if e.errno != errno.EINVAL:  # an offset before the beginning
            raise
        raise zipfile.BadZipFile("it names offsets that are not in it") from e


class _Zip(Files):
    """The files of a zip archive, by their paths below *base*."""

    def __init__(self, archive: zipfile.ZipFile, base: str, infos: dict[str, zipfile.ZipInfo]) -> None:
        self._archive, self._infos, self._base = archive, infos, base

    def open(self, path: str, mode: str = "rb") -> IO[bytes]:
        with _damage():
            return self._archive.open(self._infos[path.removeprefix(self._base)])
