"""An mbox file as a stream of mails, known by the file's name and their position in it, from 1.

A mail starts at a line `From …` at the start of the file or after a blank line. Writers put `>` before such
lines in a mail; one of them is taken off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from airflow_provider_claude.sources.eml import MAX_MAIL, mail_row
from airflow_provider_claude.sources.files import SourceFile, is_broken_content
from airflow_provider_claude.sources.rows import Row, Wanted, region

_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def rows(file: SourceFile, wanted: Wanted) -> Iterator[Row]:
    for number, raw in enumerate(_mails_or_error(file), 1):
        ref = f"{file.name}#{number}"
        if isinstance(raw, Exception):
            yield region(ref, "unreadable_file", f"the file cannot be read from mail {number} on ({raw}).", None)
        else:
            yield mail_row(_QUOTED.sub(rb"\1", raw.rstrip(b"\r\n")), ref, wanted)


def _mails_or_error(file: SourceFile) -> Iterator[bytes | Exception]:
    """The mails of *file*; where it breaks off, those before and the error."""
    try:
        with file.open_plain() as stream:
            yield from _mails(stream)
    except Exception as e:
        if not is_broken_content(e):
            raise
        yield e


def _mails(stream: IO[bytes]) -> Iterator[bytes]:
    """The mails as they lie in the file, each with its `From ` line and cut one byte past MAX_MAIL."""
    lines: list[bytes] = []
    size, after_blank = 0, True
    while line := stream.readline(MAX_MAIL):
        if after_blank and line.startswith(b"From ") and lines:
            yield b"".join(lines)[: MAX_MAIL + 1]
            lines, size = [], 0
        if size <= MAX_MAIL:
            lines.append(line)
            size += len(line)
        after_blank = not line.strip(b"\r\n")
    if lines:
        yield b"".join(lines)[: MAX_MAIL + 1]
