"""JSON Lines: one object a line. Strings as they are, null as null, anything else as its own JSON text.

Rows are named by the number of their line, from 1; blank lines are no rows. A column that a row lacks is null there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import msgspec

from airflow_provider_claude.sources.charset import attempt
from airflow_provider_claude.sources.files import SourceFile, is_broken_content
from airflow_provider_claude.sources.rows import Row, Wanted, broken, named, region

#: The longest line that is read, in bytes.
MAX_LINE = 64 << 20

_BOM = b"\xef\xbb\xbf"
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRING = msgspec.json.Decoder(str)


def columns(file: SourceFile, sought: frozenset[str], sample: int = 1000) -> list[str] | None:
    """The names of the columns of *file*, in the order they come: all in its first *sample* objects, and as many
    more objects as it takes to find those *sought*. None where not one line of it is an object.
    """
    found: dict[str, None] = {}
    try:
        for number, fields in enumerate(_objects(file), 1):
            found.update(dict.fromkeys(fields))
            if number >= sample and sought <= found.keys():
                break
    except Exception as e:
        if not is_broken_content(e):
            raise
    return list(found) or None


def rows(file: SourceFile, wanted: Wanted) -> Iterator[Row]:
    """The rows of *file*; where it breaks off, those before and one defect for the rest."""
    number = 0
    try:
        with file.open_plain() as stream:
            for number, line in enumerate(_lines(stream), 1):
                if line.strip():
                    yield _row(line, f"{file.name}#{number}", wanted)
    except Exception as e:
        if not is_broken_content(e):
            raise
        what = f"the file cannot be read from line {number + 1} on ({e})."
        yield region(f"{file.name}#{number + 1}", "unreadable_file", what, None)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines, each cut one byte past MAX_LINE."""
    line = stream.readline(MAX_LINE + 1).removeprefix(_BOM)
    while line:
        yield line
        while len(line) > MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE + 1)
        line = stream.readline(MAX_LINE + 1)


def _objects(file: SourceFile) -> Iterator[dict[str, msgspec.Raw]]:
    with file.open_plain() as stream:
        for line in _lines(stream):
            try:
                yield _OBJECT.decode(line)
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                continue  # rows() states the defect


def _row(line: bytes, ref: str, wanted: Wanted) -> Row:
    if len(line) > MAX_LINE:
        return broken(ref, "broken_row", f"the line is longer than {MAX_LINE:,} bytes.")
    try:
        return named(wanted, ref, _fields(line, wanted))
    except (msgspec.MsgspecError, RecursionError) as e:
        return broken(ref, "broken_row", f"the line is no JSON object ({e}).")
    except UnicodeError:
        return _guessed_row(line, ref, wanted)


def _guessed_row(line: bytes, ref: str, wanted: Wanted) -> Row:
    text = attempt(line, "cp1252")
    if text is None:
        return broken(ref, "bad_charset", "the line is neither UTF-8 nor Windows-1252.")
    try:
        fields = _fields(text.encode(), wanted)
    except (msgspec.MsgspecError, RecursionError) as e:
        return broken(ref, "broken_row", f"the line is no JSON object ({e}).")
    return named(wanted, ref, fields, ("charset_guessed",))


def _fields(line: bytes, wanted: Wanted) -> dict[str, str | None]:
    values = _OBJECT.decode(line)
    return {name: _text(values[name]) for name in wanted.with_id if name in values}


def _text(raw: msgspec.Raw) -> str | None:
    json = bytes(raw)
    if json.startswith(b'"'):
        return _STRING.decode(json)
    return None if json == b"null" else json.decode()
