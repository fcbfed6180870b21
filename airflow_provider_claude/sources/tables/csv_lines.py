"""The lines of a CSV file as text: read once, with flags of its character set, and put back to be read again."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, NoReturn, cast

from airflow_provider_claude.sources.charset.decoding import Decoded, decode, escaped, lookup, unescaped
from airflow_provider_claude.sources.files.file import is_broken_content

#: The longest record that is read, in characters.
MAX_RECORD = 16 << 20

# The reader's bound on one field is a setting of the process, and low: 131,072 characters.
csv.field_size_limit(MAX_RECORD + 1)

#: Byte order marks of character sets in which a line end is more than one byte; the longer ones first.
_WIDE_MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_WIDE = {"utf-16le": "utf-16-le", "utf-16be": "utf-16-be", "utf_32": "utf-32", "utf_32_le": "utf-32-le"}
_LOOKED_AT = 64


class TooLongError(ValueError):
    """A record is longer than MAX_RECORD characters."""


class Lines:
    """The lines of *stream*, in *encoding*; None is UTF-8, or what a byte order mark says. Such a mark before a line is no text:
    it stands there where files were put behind each other.

    *held* are those that `feed` gave since `release`, as they lie in the file, *size* their characters, and *flags* what is
    noted of them. Where they hold bytes that are no UTF-8, *is_escaped*, what comes of them is for `unescape`.
    """

    def __init__(self, stream: IO[bytes], encoding: str | None) -> None:
        self.held: list[str] = []
        self.flags: list[str] = []
        self.size = 0
        self.is_escaped = False
        self._back: deque[str] = deque()
        buffered = cast("io.BufferedReader", stream)
        self._wide = _wide(buffered.peek(_LOOKED_AT)[:_LOOKED_AT], encoding)
        self._encoding = None if lookup(encoding or "utf-8") == "utf-8" else encoding
        self._readline = self._opened(buffered).readline

    def _opened(self, stream: io.BufferedReader) -> io.TextIOWrapper:
        """Bytes that are no UTF-8 are kept escaped, and those of a named set as if they were Latin-1, until `text`."""
        if self._wide:
            return io.TextIOWrapper(stream, self._wide, errors="replace", newline="")
        if self._encoding:
            return io.TextIOWrapper(stream, "latin-1", newline="")
        return io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")

    def feed(self) -> Iterator[str]:
        """The text of each line, for a parser of records. Raises TooLongError."""
        back, held = self._back, self.held
        while line := back.popleft() if back else self._readline(MAX_RECORD + 1):
            held.append(line)
            self.size += len(line)
            if self.size > MAX_RECORD:
                raise TooLongError
            yield line if line.isascii() else self._noted(line).lstrip("\ufeff")

    def release(self) -> None:
        """Forget the lines that are held: their record is read."""
        self.held.clear()
        self.size = 0
        self.is_escaped = False
        if self.flags:
            self.flags.clear()

    def put_back(self, lines: Iterable[str]) -> None:
        """Have *lines*, as they lie in the file, read again before all others."""
        self._back.extendleft(reversed(list(lines)))

    def next(self) -> str:
        """The next line as it lies in the file; empty at the end, and where the file breaks off."""
        if self._back:
            return self._back.popleft()
        try:
            return self._readline(MAX_RECORD + 1)
        except Exception as e:
            if not is_broken_content(e):
                raise
            self._fail_later(e)
            return ""

    def peek(self) -> str:
        line = self.next()
        if line:
            self._back.appendleft(line)
        return line

    def text(self, line: str) -> str:
        """The text of *line*, which is as it lies in the file."""
        return line if line.isascii() else self._decoded(line)[0].lstrip("\ufeff")

    def unescape(self, fields: Sequence[str]) -> list[str]:
        """The texts of *fields*, each of which may be in another character set."""
        read = [decode(unescaped(field)) if escaped(field) else Decoded(field) for field in fields]
        self.flags.extend(flag for one in read for flag in one.flags)
        return [one.text for one in read]

    def _noted(self, line: str) -> str:
        if not self._encoding and not self._wide:
            self.is_escaped |= escaped(line)
            return line
        text, flags = self._decoded(line)
        self.flags.extend(flags)
        return text

    def _decoded(self, line: str) -> Decoded:
        if self._wide:
            return Decoded(line, ("undecodable_bytes",) if "\ufffd" in line else ())
        if self._encoding:
            return decode(line.encode("latin-1"), self._encoding)
        return decode(unescaped(line)) if escaped(line) else Decoded(line)

    def _fail_later(self, error: Exception) -> None:
        """Have the *error* raised where `feed` comes to it."""

        def fail(_: int = -1) -> NoReturn:
            raise error

        self._readline = fail


def _wide(start: bytes, encoding: str | None) -> str | None:
    """The codec of a file that starts with *start*, where a line end is more than one byte in it."""
    for mark, codec in _WIDE_MARKS.items():
        if start.startswith(mark):
            return codec
    named = _WIDE.get(lookup(encoding) or "") if encoding else None
    if named or encoding or len(start) < 4:
        return named
    zeros = start[::2].count(0), start[1::2].count(0)
    if zeros[1] > len(start) * 0.3 and not zeros[0]:
        return "utf-16-le"
    return "utf-16-be" if zeros[0] > len(start) * 0.3 and not zeros[1] else None
