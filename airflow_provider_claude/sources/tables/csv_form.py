"""How a CSV file is laid out: what comes before the header, the delimiter, and the names of the columns."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import NamedTuple

from airflow_provider_claude.sources.tables.csv_lines import Lines

_DELIMITERS = ",;\t|"

#: Lines and characters that are looked at for the delimiter, and the most characters of one line: a longer line is cut.
_SAMPLE_LINES, _SAMPLE, _SAMPLE_LINE = 60, 1 << 16, 1 << 20

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


class _Sample(NamedTuple):
    """The first lines of a file. *is_cut*: the last one is longer, and was cut."""

    lines: list[str]
    is_cut: bool


def _sample(lines: Lines) -> _Sample:
    """The first lines, which are read again."""
    taken: list[str] = []
    while len(taken) < _SAMPLE_LINES and sum(map(len, taken)) < _SAMPLE and (line := lines.next()):
        taken.append(line)
    lines.put_back(taken)
    is_cut = bool(taken) and len(taken[-1]) > _SAMPLE_LINE
    return _Sample([lines.text(line[:_SAMPLE_LINE]) for line in taken], is_cut)


def _delimiter(sample: _Sample) -> str:
    """The delimiter by which the header has most fields, and most rows as many as the header."""
    return max(_DELIMITERS, key=lambda delimiter: _fitness(sample, delimiter))


def _fitness(sample: _Sample, delimiter: str) -> tuple[bool, float, int]:
    records = _records(sample, delimiter)
    if not records:
        return False, 0.0, 0
    width = len(records[0])
    share = sum(len(record) == width for record in records[1:]) / max(1, len(records) - 1)
    return width > 1, share, width


def _records(sample: _Sample, delimiter: str) -> list[list[str]]:
    """The records of *sample*. The last one is left out where it is cut, or may be as more lines follow."""
    try:
        records = [record for record in csv.reader(sample.lines, delimiter=delimiter) if record]
    except csv.Error:
        return []
    if sample.is_cut:
        return records[:-1] or records
    return records[:-1] if len(sample.lines) >= _SAMPLE_LINES and len(records) > 2 else records
