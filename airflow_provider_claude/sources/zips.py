"""zip archives, through the standard library. (APPNOTE.TXT)"""

from __future__ import annotations

import io
import struct
import zipfile
from typing import IO

from airflow_provider_claude.sources.files import SourceFile
from airflow_provider_claude.sources.members import Budget, Contents, Files

#: The longest list of contents, in bytes: it is read at once.
_MAX_LIST = 32 << 20

_READ = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})


def contents(file: SourceFile) -> Contents:
    stream = file.open()
    size = stream.seek(0, io.SEEK_END)
    budget = Budget(file.name, size)
    _check_list(stream, size, budget)
    archive = zipfile.ZipFile(stream)
    infos: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.is_dir():
            continue
        if info.flag_bits & 1 or info.compress_type not in _READ:
            raise budget.refused(f"{info.filename!r:.80} in it is encrypted, or compressed in a way that is not read")
        infos[budget.take(info.filename, info.file_size)] = info
    if sum(info.compress_size for info in infos.values()) > size:
        raise zipfile.BadZipFile("its files lie on top of each other")
    return Contents(_Zip(archive, f"{file.path}/", infos), tuple(sorted(infos)))


def _check_list(stream: IO[bytes], size: int, budget: Budget) -> None:
    """Raise SourceError where the list of contents, which is read at once, is too long. (APPNOTE 4.3.14, 4.3.16)"""
    stream.seek(max(0, size - (1 << 16) - 100))
    tail = stream.read()
    short, long = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x06")
    length = 0
    if 0 <= long <= len(tail) - 48:
        (length,) = struct.unpack_from("<Q", tail, long + 40)
    elif 0 <= short <= len(tail) - 16:
        (length,) = struct.unpack_from("<I", tail, short + 12)
    if length > _MAX_LIST:
        raise budget.refused(f"its list of contents has {length:,} bytes")
    stream.seek(0)


class _Zip(Files):
    """The files of a zip archive, by their paths below *base*."""

    def __init__(self, archive: zipfile.ZipFile, base: str, infos: dict[str, zipfile.ZipInfo]) -> None:
        self._archive, self._infos, self._base = archive, infos, base

    def open(self, path: str, mode: str = "rb") -> IO[bytes]:
        return self._archive.open(self._infos[path.removeprefix(self._base)])
