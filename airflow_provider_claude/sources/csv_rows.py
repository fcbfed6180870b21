"""CSV with a header line, through the standard library's strict reader.

The delimiter is the one of `, ; tab |` that occurs most in the header. A broken row costs itself; an unclosed
quote costs the lines up to where it was noticed, and says which. Rows count from 1, without header and blank lines.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import chain
from typing import IO, TYPE_CHECKING, cast

from airflow_provider_claude.sources.charset import attempt, decode, escaped, unescaped
from airflow_provider_claude.sources.files import SourceFile, is_broken_content
from airflow_provider_claude.sources.rows import Row, Wanted, broken, named, region

if TYPE_CHECKING:
    from _csv import Reader

_DELIMITERS = ",;\t|"

#: The longest line that is read, in characters. Beyond it, or in a longer field, the file counts as broken off:
#: what follows is the inside of a field as likely as rows.
MAX_LINE = 16 << 20

# The reader's bound on one field is a setting of the process, and low: 131,072 characters.
csv.field_size_limit(MAX_LINE)


class _TooLongError(ValueError):
    pass


def columns(file: SourceFile) -> list[str] | None:
    """The names in the header of *file*; None where there is none, or it cannot be read."""
    try:
        with file.open_plain() as stream:
            return _header(_reader(stream))
    except Exception as e:
        if not _is_broken(e):
            raise
        return None


def rows(file: SourceFile, wanted: Wanted) -> Iterator[Row]:
    """The rows of *file*; where it breaks off, those before and one defect for the rest."""
    number = 0
    try:
        with file.open_plain() as stream:
            reader = _reader(stream)
            header = _header(reader)
            for row in _rows(reader, header or [], file, wanted):
                yield row
                number += 1
    except Exception as e:
        if not _is_broken(e):
            raise
        what = f"the file cannot be read as CSV from row {number + 1} on ({e})."
        yield region(f"{file.name}#{number + 1}", "unreadable_file", what, None)


def _is_broken(error: Exception) -> bool:
    return isinstance(error, csv.Error | _TooLongError) or is_broken_content(error)


def _reader(stream: IO[bytes]) -> Reader:
    """A reader of *stream*. Bytes that are no UTF-8 are kept escaped, for their row alone to answer for."""
    buffered = cast("io.BufferedReader", stream)
    if buffered.peek(2)[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise UnicodeError("it is UTF-16: save it as UTF-8")
    text = io.TextIOWrapper(buffered, "utf-8-sig", errors="surrogateescape", newline="")
    lines = _bounded(text)
    first = next(lines, "")
    return csv.reader(chain([first], lines), delimiter=max(_DELIMITERS, key=first.count), strict=True)


def _bounded(text: IO[str]) -> Iterator[str]:
    while line := text.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise _TooLongError(f"a line is longer than {MAX_LINE:,} characters")
        yield line


def _header(reader: Reader) -> list[str] | None:
    """The names of the columns; what is neither UTF-8 nor Windows-1252 is read byte by byte."""
    header = next(reader, None)
    return [decode(unescaped(name))[0] if escaped(name) else name for name in header] if header else None


def _rows(reader: Reader, header: list[str], file: SourceFile, wanted: Wanted) -> Iterator[Row]:
    number = 1
    while True:
        ref, first = f"{file.name}#{number}", reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as e:
            if "field larger than" in str(e):
                raise
            yield broken(ref, "broken_row", f"{_lines(first, reader.line_num)} cannot be read as CSV ({e}).")
            number += 1
            continue
        if fields is None:
            return
        if fields:
            yield _row(fields, header, ref, _lines(first, reader.line_num), wanted)
            number += 1


def _lines(first: int, last: int) -> str:
    return f"line {first}" if last <= first else f"lines {first} to {last}"


def _row(fields: list[str], header: list[str], ref: str, lines: str, wanted: Wanted) -> Row:
    if len(fields) != len(header):
        what = f"{lines} has {len(fields)} fields where the header has {len(header)}."
        return broken(ref, "broken_row", what)
    if not any(map(escaped, fields)):
        return named(wanted, ref, dict(zip(header, fields, strict=True)))
    texts = _decoded(fields)
    if None in texts:
        return broken(ref, "bad_charset", f"{lines} is neither UTF-8 nor Windows-1252.")
    return named(wanted, ref, dict(zip(header, texts, strict=True)), ("charset_guessed",))


def _decoded(fields: list[str]) -> list[str | None]:
    return [attempt(unescaped(field), "cp1252") if escaped(field) else field for field in fields]
