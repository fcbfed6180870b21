"""How a CSV file is laid out: what comes before the header, the delimiter, and the names of the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_claude.sources.tables.csv_lines import Lines

_DELIMITERS = ",;\t|"

#: Lines and characters that are looked at for the delimiter.
_SAMPLE_LINES, _SAMPLE = 60, 1 << 16

#: Excel's line with the delimiter, before the header.
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form:
    """The *delimiter*, the names of the columns, None where there is no header, and how many *lines* come before the rows."""

    delimiter: str
    header: list[str] | None
    lines: int


def read_form(lines: Lines) -> Form:
    """The form of the file, whose header is read with it. Raises what reading does."""
    skipped, given = _skip_to_header(lines)
    delimiter = given or _delimiter(_sample(lines))
    reader = csv.reader(lines.feed(), delimiter=delimiter, strict=True)
    header = next(reader, None)
    if header and lines.is_escaped:
        header = lines.unescape(header)
    skipped += len(lines.held)
    lines.release()
    return Form(delimiter, header or None, skipped)


def _skip_to_header(lines: Lines) -> tuple[int, str | None]:
    """Skip what is no header: how many lines that were, and the delimiter that one of them named."""
    skipped, given = 0, None
    while line := lines.next():
        text = lines.text(line)
        if match := _SEPARATOR.fullmatch(text) if given is None else None:
            given = match[1]
        elif text.strip(f' \r\n"{_DELIMITERS}'):
            lines.put_back([line])
            break
        skipped += 1
    return skipped, given


def _sample(lines: Lines) -> list[str]:
    """The first lines, which are read again."""
    taken: list[str] = []
    while len(taken) < _SAMPLE_LINES and sum(map(len, taken)) < _SAMPLE and (line := lines.next()):
        taken.append(line)
    lines.put_back(taken)
    return [lines.text(line) for line in taken]


def _delimiter(sample: Sequence[str]) -> str:
    """The delimiter by which the header has most fields, and most rows as many as the header."""
    return max(_DELIMITERS, key=lambda delimiter: _fitness(sample, delimiter))


def _fitness(sample: Sequence[str], delimiter: str) -> tuple[bool, float, int]:
    records = _records(sample, delimiter)
    if not records:
        return False, 0.0, 0
    width = len(records[0])
    share = sum(len(record) == width for record in records[1:]) / max(1, len(records) - 1)
    return width > 1, share, width


def _records(sample: Sequence[str], delimiter: str) -> list[list[str]]:
    """The records of *sample*; the last is left out where more may follow, as it may be cut."""
    try:
        records = [record for record in csv.reader(sample, delimiter=delimiter) if record]
    except csv.Error:
        return []
    return records[:-1] if len(sample) >= _SAMPLE_LINES and len(records) > 2 else records
