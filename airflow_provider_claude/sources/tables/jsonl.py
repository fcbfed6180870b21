r"""JSON Lines: one object a line. Strings as they are, null as null, anything else as its own JSON text.

Rows are named by the number of their line, from 1; blank lines are no rows. A column that a row lacks is null there. Numbers
keep their digits; `NaN` and `Infinity` are read, as many programs write them. Half of a character that is written as two
(`\ud83d`) becomes U+FFFD, flagged. Of a name that an object has twice the last value counts, flagged: programs differ about it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO

import msgspec

from airflow_provider_claude.core.scan.lost_rows import UNREADABLE
from airflow_provider_claude.sources.charset.decoding import LOSS, decode, lookup
from airflow_provider_claude.sources.files.file import SourceFile, is_broken_content, meaning
from airflow_provider_claude.sources.rows.batches import Row, Wanted, broken, named, region
from airflow_provider_claude.sources.tables import json_text
from airflow_provider_claude.sources.tables.recoded import utf8, wide_set

#: The longest line that is read, in bytes.
MAX_LINE = 64 << 20

#: Lines of more columns than these are read name by name.
_MANY = 500

_BOM = b"\xef\xbb\xbf"
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRING = msgspec.json.Decoder(str)

#: The flag of a row whose object has a wanted name twice.
TWICE = "name_twice"

#: An escape of a character of ASCII: names of ASCII can be spelled with it.
_ASCII_ESCAPE = re.compile(rb"\\u00[2-7]")

#: A name, or an element of an array, with an escape in it: it may be another spelling of a name that is there already.
_ESCAPED_NAME = re.compile(rb'[{,]\s*"[^"\\]*\\')

_ARRAY = re.compile(rb"\s*\[\s*(\{|\Z)")

_MEMBER = re.compile(rb'\s*"[^"\\]*"\s*:')

#: A last line that an object does not end in.
_IS_CUT = re.compile(rb"\s*\{(?:.*[^}\s])?[ \t]*", re.DOTALL)

#: How much of a line is read to see whether it only opens an object.
_OPENED = 64

_HINT = "write one object a line, for instance with `jq -c '.[]'` for an array and `jq -c .` for objects."
_HALVES = re.compile("[\ud800-\udfff]")


def columns(
    file: SourceFile, sought: frozenset[str], encoding: str | None = None, sample: int = 1000
) -> list[str] | None:
    """The names of the columns of *file*, in the order they come: all in its first *sample* objects, and as many
    more objects as it takes to find those *sought*. None where not one line of it is an object.
    """
    found: dict[str, None] = {}
    try:
        for number, names in enumerate(_names(file, encoding), 1):
            found.update(dict.fromkeys(names))
            if number >= sample and sought <= found.keys():
                break
    except Exception as e:
        if not is_broken_content(e):
            raise
    return list(found) or None


def rows(file: SourceFile, wanted: Wanted) -> Iterator[Row]:
    """The rows of *file*; where it breaks off, those before and one defect for the rest."""
    number, before = 0, b""
    try:
        with file.open_plain() as stream:
            charset, lines = _lines(stream, wanted.encoding)
            reader = _Reader(wanted, charset)
            for number, line in enumerate(lines, 1):
                if line.isspace() or not line:
                    continue
                if what := _no_lines(line, before):
                    yield region(f"{file.name}#{number}", UNREADABLE, what, None)
                    return
                row = reader.row(line, f"{file.name}#{number}")
                yield _cut_short(row) if before and row.defect and _is_cut(line) else row
                before = line[:_OPENED]
    except Exception as e:
        if not is_broken_content(e):
            raise
        what = f"the file cannot be read from line {number + 1} on ({meaning(e)})."
        yield region(f"{file.name}#{number + 1}", UNREADABLE, what, None)


def _is_cut(line: bytes) -> bool:
    """Whether an object begins in *line*, and neither ends."""
    return len(line) <= MAX_LINE and _IS_CUT.fullmatch(line) is not None


def _cut_short(row: Row) -> Row:
    """What a last line means in which an object begins and does not end."""
    return region(row.ref, UNREADABLE, "the file ends inside this line, which holds no whole object: it was cut.", None)


def _no_lines(line: bytes, before: bytes) -> str | None:
    """Why a file has no object a line, where *line* comes after *before*, none for the first."""
    if not before and _ARRAY.match(line):
        return f"the file is a JSON array, not JSON Lines: {_HINT}"
    if before.strip() == b"{" and _MEMBER.match(line):
        return f"the file has objects of several lines, not JSON Lines: {_HINT}"
    return None


def _lines(stream: IO[bytes], encoding: str | None) -> tuple[str | None, Iterator[bytes]]:
    """The lines, each cut one byte past MAX_LINE, and the character set they are in: None for UTF-8."""
    wide = wide_set(stream, encoding)
    if wide is not None or encoding is None or lookup(encoding) == "utf-8":
        return None, _cut(stream if wide is None else utf8(stream, wide))
    return encoding, _cut(stream)


def _cut(stream: IO[bytes]) -> Iterator[bytes]:
    line = stream.readline(MAX_LINE + 1)
    while line:
        yield line.removeprefix(_BOM)
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE + 1)
        line = stream.readline(MAX_LINE + 1)


def _names(file: SourceFile, encoding: str | None) -> Iterator[Iterable[str]]:
    """The names in each object of *file*."""
    with file.open_plain() as stream:
        charset, lines = _lines(stream, encoding)
        for line in lines:
            try:
                yield _OBJECT.decode(decode(line, charset).text if charset else line)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                with suppress(ValueError, RecursionError):  # rows() states the defect
                    yield [_HALVES.sub("\ufffd", name) for name, _ in json_text.members(decode(line, charset).text)]


class _Reader:
    """Makes rows of lines in *charset*, None for UTF-8."""

    def __init__(self, wanted: Wanted, charset: str | None) -> None:
        self._wanted, self._charset = wanted, charset
        self._names = frozenset(wanted.with_id)
        self._quoted = [msgspec.json.encode(name) for name in wanted.with_id]
        self._any_escape = not all(map(str.isascii, wanted.with_id))

    def row(self, line: bytes, ref: str) -> Row:
        if len(line) > MAX_LINE:
            return broken(ref, "broken_row", f"the line is longer than {MAX_LINE:,} bytes.")
        if self._charset is None and not self._is_odd(line):
            try:
                return named(self._wanted, ref, self._fields(line))
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                pass
        return self._second_look(line, ref)

    def _is_odd(self, line: bytes) -> bool:
        """Whether a name may be in *line* twice. Where there are many, each would be sought in all of it."""
        if len(self._quoted) > _MANY:
            return True
        for name in self._quoted:
            if line.count(name) > 1:
                return True
        escaped = b"\\u" in line if self._any_escape else _ASCII_ESCAPE.search(line) is not None
        return escaped and _ESCAPED_NAME.search(line) is not None

    def _fields(self, line: bytes) -> dict[str, str | None]:
        values = _OBJECT.decode(line)
        return {name: _text(bytes(values[name])) for name in self._wanted.with_id if name in values}

    def _second_look(self, line: bytes, ref: str) -> Row:
        text, flags = decode(line, self._charset)
        try:
            members = [member for member in json_text.members(text) if member[0] in self._names]
        except (ValueError, RecursionError) as e:
            return self._no_object(text, ref, flags, e)
        fields = {name: _slow_text(value) for name, value in members}
        whole = {name: None if value is None else _HALVES.sub("\ufffd", value) for name, value in fields.items()}
        raised = [LOSS] * (whole != fields) + [TWICE] * (len(fields) < len(members))
        return named(self._wanted, ref, whole, tuple(dict.fromkeys([*flags, *raised])))

    def _no_object(self, text: str, ref: str, flags: tuple[str, ...], error: Exception) -> Row:
        several = json_text.objects(text)
        if several is None or several > 1:
            return region(ref, "broken_row", "the line has several objects: write one a line.", several)
        return broken(ref, "broken_row", f"the line is not a JSON object ({error}).")._replace(flags=flags)


def _text(data: bytes) -> str | None:
    if data.startswith(b'"'):
        return _STRING.decode(data)
    return None if data == b"null" else data.decode()


def _slow_text(raw: str) -> str | None:
    if raw.startswith('"'):
        text: str = json.loads(raw)
        return text
    return None if raw == "null" else raw
