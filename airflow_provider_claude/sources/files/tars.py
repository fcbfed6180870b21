"""tar archives, plain or compressed, through the standard library, as streams."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterator
from typing import IO, Any, cast

from airflow_provider_claude.sources.files.file import SourceFile, is_broken_content
from airflow_provider_claude.sources.files.members import Budget, Contents, Files

#: The longest header, in bytes: it is read at once.
_MAX_HEADER = 1 << 20

#: Zeros behind the end of an archive that are no reason to doubt it, in bytes.
_MAX_PADDING = 16 << 20

#: Files up to this size are kept in memory while they are read, larger ones on disk.
_IN_MEMORY = 32 << 20


class _Info(tarfile.TarInfo):
    """A member of a tar archive, whose headers are bounded, and which knows where the archive ends as it should."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> _Info:
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # not in the stubs
            cast("_TarFile", tar).whole = True
            raise

    def _proc_member(self, tar: tarfile.TarFile) -> Any:
        if not self.isreg() and self.size > _MAX_HEADER:
            raise tarfile.ReadError(f"a header has {self.size:,} bytes")
        return super()._proc_member(tar)  # type: ignore[misc]


class _TarFile(tarfile.TarFile):
    tarinfo = _Info
    whole = False
    members: list[tarfile.TarInfo]


class _Tar(Files):
    """The files of a tar archive, by their paths below its own. Those behind the last one read are reached by reading on."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._members: Iterator[tuple[str, IO[bytes]]] = iter(())
        self._last: tuple[str, bytes | Any] = ("", b"")

    def open(self, path: str, mode: str = "rb") -> IO[bytes]:
        name = path.removeprefix(f"{self._file.path}/")
        if self._last[0] != name:
            self._last = (name, self._found(name))
        kept = self._last[1]
        return io.BytesIO(kept) if isinstance(kept, bytes) else cast("IO[bytes]", open(kept.name, "rb"))  # noqa: PTH123 - the caller closes it

    def _found(self, name: str) -> bytes | Any:
        for members in (self._members, _members(self._file)):
            self._members = members
            for member, stream in members:
                if member == name:
                    return _kept(stream)
        raise EOFError(f"{name} is no longer in the archive")


def _kept(stream: IO[bytes]) -> bytes | Any:
    """The bytes of *stream*, or a file of them that is there as long as it is referred to."""
    data = stream.read(_IN_MEMORY + 1)
    if len(data) <= _IN_MEMORY:
        return data
    file = tempfile.NamedTemporaryFile(prefix="claude-")  # noqa: SIM115 - it is closed, and gone, with its last reference
    while data:
        file.write(data)
        data = stream.read(1 << 20)
    file.flush()
    return file


def _members(file: SourceFile) -> Iterator[tuple[str, IO[bytes]]]:
    with file.open_any() as stream, _TarFile.open(fileobj=stream, mode="r|") as tar:
        for info in tar:
            tar.members = []  # it keeps all it has seen
            if info.isreg() and (found := tar.extractfile(info)) is not None:
                yield info.name.removeprefix("./"), found


def contents(file: SourceFile) -> Contents:
    with file.open() as stored:
        budget = Budget(file.name, stored.seek(0, io.SEEK_END))
    names, skipped = list[str](), list[str]()
    damage = None
    try:
        with file.open_any() as stream, _TarFile.open(fileobj=stream, mode="r|") as tar:
            for info in tar:
                tar.members = []  # it keeps all it has seen
                _refuse(info, budget)
                if info.isreg():
                    names.append(budget.take(info.name, info.size))
                elif not info.isdir():
                    skipped.append(budget.take(info.name, 0))
            damage = _damage(tar)
    except Exception as e:
        if not is_broken_content(e) or not names:
            raise
        damage = str(e)
    return Contents(_Tar(file), tuple(names), damage, tuple(skipped))


def _refuse(info: tarfile.TarInfo, budget: Budget) -> None:
    """Raise SourceError for a file whose bytes are not in one piece behind its name."""
    if info.issparse() or info.islnk():
        raise budget.refused(f"{info.name!r:.80} in it is sparse, or a second name of another file")


def _damage(tar: tarfile.TarFile) -> str | None:
    """Why there may be more in *tar*, whose members were all seen; None where there is nothing but its end."""
    if not cast("_TarFile", tar).whole:
        return "the archive has no end: it was cut off"
    for _ in range(_MAX_PADDING >> 16):
        piece = cast("IO[bytes]", tar.fileobj).read(1 << 16)
        if not piece:
            return None
        if piece.strip(b"\0"):
            break
    return "there is more behind the end of the archive"
