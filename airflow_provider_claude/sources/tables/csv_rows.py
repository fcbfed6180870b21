r"""CSV with a header line, through the standard library's strict reader.

`Form` says how a file is laid out, `Likeness` distinguishes its rows from the text in them. Rows count from 1, without header and
blank lines. What is damaged costs no more than it must:

    a row with too many or too few fields, a line that is no CSV   that row; `\"` is read as a quote where that makes it right
    text of several lines without quotes                           that row, and each line of it
    text of several lines whose quotes end too early or are gone   that row, as the lines behind it begin with nothing like an id
    a quote that never closes, or closes where none can be         the lines up to the next that looks like a row again
    two stray quotes, many rows apart, which make one long field   the rows in that field
    a record of more than MAX_RECORD characters                    that record
    the file ends inside a row, or a header with other columns     an unknown number of rows

The rows that begin in the damaged lines are counted, and the first row behind them has the flag `after_damage`. A row whose
id has blanks in it, as no id before, has the flag `id_like_text`: it may be a line of a text without quotes. A header that comes
again, maybe in another order, is no row, and those behind it are read by it.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO

from airflow_provider_claude.sources.files.file import SourceFile, is_broken_content, meaning
from airflow_provider_claude.sources.rows.batches import Row, Wanted, broken
from airflow_provider_claude.sources.tables.csv_damage import Likeness
from airflow_provider_claude.sources.tables.csv_form import read_form
from airflow_provider_claude.sources.tables.csv_lines import MAX_RECORD, Lines, TooLongError
from airflow_provider_claude.sources.tables.csv_position import Position
from airflow_provider_claude.sources.tables.csv_records import Records
from airflow_provider_claude.sources.tables.csv_search import LINES_AT_END, LINES_OF_TEXT, Search

#: Lines that one row with `\"` in it may have.
_ESCAPED_LINES = 1_000

#: The line with which some old programs end a file.
_END_OF_FILE = ["\x1a"]

#: Characters that are read again in search of rows, for each that is read: beyond, the file is called unreadable.
_MOST_AGAIN, _ALWAYS_AGAIN = 8, 128 << 20


def columns(file: SourceFile, encoding: str | None = None) -> list[str] | None:
    """The names in the header of *file*; None where there is none, or it cannot be read."""
    try:
        with file.open_plain() as stream:
            return read_form(Lines(stream, encoding)).header
    except Exception as e:
        if not _is_broken(e):
            raise
        return None


def rows(file: SourceFile, wanted: Wanted) -> Iterator[Row]:
    """The rows of *file*, and its defects; where it breaks off, those before and one defect for the rest."""
    table: _Table | None = None
    try:
        with file.open_plain() as stream:
            table = _Table(stream, file.name, wanted)
            yield from table.rows()
    except Exception as e:
        if not _is_broken(e):
            raise
        if table:
            yield from table.flushed()
        position = table.position if table else Position(file.name, 0)
        yield position.unreadable(f"the file cannot be read as CSV from row {position.number} on ({meaning(e)}).")


def _is_broken(error: Exception) -> bool:
    return isinstance(error, csv.Error | TooLongError) or is_broken_content(error)


class _Table:
    """One file, as it is read, up to *position*."""

    def __init__(self, stream: IO[bytes], name: str, wanted: Wanted) -> None:
        self._lines = Lines(stream, wanted.encoding)
        form = read_form(self._lines)
        header = form.header or []
        self.position = Position(name, form.lines)
        self._delimiter = form.delimiter
        self._likeness = Likeness(self._delimiter, len(header), None)
        self._records = Records(wanted, self.position, self._likeness, header)
        self._search = Search(self._lines, self._likeness)
        self._ended = not header
        self._last: Row | None = None
        self._has_texts = False
        self._read = self._again = 0

    def rows(self) -> Iterator[Row]:
        while not self._ended:
            yield from self._until_damage()
        yield from self.flushed()

    def _until_damage(self) -> Iterator[Row]:
        """The rows up to where lines were put back, so that the reader has to start again."""
        lines, held, position = self._lines, self._lines.held, self.position
        records, width = self._records, len(self._records.header)
        reader = csv.reader(lines.feed(), delimiter=self._delimiter, strict=True)
        while True:
            position.line += len(held)
            self._read += lines.size
            lines.release()
            try:
                fields = next(reader, None)
            except (csv.Error, TooLongError) as e:
                yield from self.flushed()
                yield from self._damaged(e)
                return
            if fields is None:
                self._ended = True
                return
            if lines.is_escaped:
                fields = lines.unescape(fields)
            if self._has_texts and len(held) == 1 and self._is_fragment(fields) and self._search.ends_quoted():
                yield from self._torn()
                return
            if len(fields) == width and (len(held) == 1 or not self._is_glued()):
                self._has_texts |= len(held) > 1
                whole, self._last = self._last, records.row(fields, lines.flags)
                if whole is not None:
                    yield whole
            elif fields and fields != _END_OF_FILE:
                yield from self.flushed()
                yield from self._misfit(fields)
                return

    def flushed(self) -> Iterator[Row]:
        """The last good row, which is held back until what follows shows that it was whole."""
        if self._last is not None:
            yield self._last
            self._last = None

    def _is_fragment(self, fields: Sequence[str]) -> bool:
        """Whether a record is a line of a text, whose row ended too early: only where texts have several lines."""
        if not fields or fields == self._records.header or '\\"' in self._lines.held[0]:
            return False
        id_at = self._likeness.id_at
        if id_at is not None and len(fields) == len(self._records.header):
            return bool(fields[id_at].strip()) and self._likeness.is_no_id(fields[id_at])
        return len(fields) != len(self._records.header) and self._likeness.is_text(
            self._lines.text(self._lines.held[0])
        )

    def _torn(self) -> Iterator[Row]:
        """Set the last row aside, whose text continues in the held lines, and continue at the next row."""
        if self._last is not None:
            what = "a quote is missing or too many: the text continues after the row."
            yield broken(self._last.ref, "broken_row", what)
            self._last = None
        yield from self._resumed(list(self._lines.held), "it is the rest of a text", started=0)

    def _misfit(self, fields: list[str]) -> Iterator[Row]:
        """What to make of a record that has not as many fields as the header, or has rows glued into one."""
        held, width = self._lines.held, len(self._records.header)
        if len(fields) == width:
            yield from self._glued()
        elif len(held) > 1 or '\\"' in held[0]:
            yield from self._damaged(ValueError(_misfits(fields, width)))
        elif len(fields) < width and not held[0].endswith(("\n", "\r")):
            yield self._cut()
        else:
            yield self.position.broken("broken_row", f"{self.position.lines(1)} {_misfits(fields, width)}.")
            self._records.suspect()
            self._forget(1)

    def _is_glued(self) -> bool:
        lines, most = self._lines, len(self._records.header) - 1
        if not most or lines.held[-1].count(self._delimiter) < most or lines.held[0].count('"') % 2 == 0:
            return False
        texts = [lines.text(line) for line in lines.held]
        self._found = self._likeness.glued_rows(texts, lambda: lines.text(lines.peek()))
        return self._found is not None

    def _glued(self) -> Iterator[Row]:
        found, held = self._found, self._lines.held
        what = "a field holds rows, as it does between two stray quotes"
        if found is not None and found.sure:
            yield from self._damaged(ValueError(what))
        elif found is not None:
            yield self._region(f"{self.position.lines(len(held))}: {what}.", found.rows)
            self._forget(len(held))

    def _damaged(self, error: Exception) -> Iterator[Row]:
        """What to make of the lines that are held, in which a quote is out of place, or which are too long for a row."""
        if isinstance(error, TooLongError):
            yield from self._too_long()
        elif (row := self._with_escapes()) is not None:
            yield row
        else:
            yield from self._resumed(list(self._lines.held), str(error))

    def _resumed(self, held: list[str], what: str, started: int = 1) -> Iterator[Row]:
        """Continue at the next line that looks like a row."""
        if started and len(held) == 1 and held[0].count('"') % 2 == 0:
            yield self.position.broken("broken_row", f"{self.position.lines(1)} cannot be read as CSV ({what}).")
            self._forget(1)
            return
        pending, skipped = deque(held[1:]), 1
        self._again += self._lines.size
        if self._again > _ALWAYS_AGAIN + _MOST_AGAIN * self._read:
            yield self._rest("quotes are out of place in so many lines that rows cannot be separated from text")
            return
        lines, rows = self._search.to_next_row(pending)
        skipped, started = skipped + lines, started + rows
        if not pending and not self._lines.peek() and "unexpected end" in what:
            yield self._rest("it ends inside a quoted field: it was cut, or a quote is missing")
            return
        most = LINES_OF_TEXT if pending or self._lines.peek() else LINES_AT_END
        if skipped > most * max(started, 1):
            yield self._rest("a quote is out of place, and rows cannot be separated from text")
            return
        self._lines.put_back(pending)
        if started:
            yield self._region(f"{self.position.lines(skipped)} cannot be read as CSV ({what}).", started)
        self._records.damaged()
        self._forget(skipped)

    def _too_long(self) -> Iterator[Row]:
        """Skip a record that is too long to be held: up to where as many quotes are closed as were opened."""
        held = list(self._lines.held)
        if self._search.is_in_series(held):
            yield from self._resumed(held, "a field is longer than a row can be")
            return
        skipped, started, quotes = self._search.past_quotes(held)
        what = f"{self.position.lines(skipped)}: a row is longer than {MAX_RECORD:,} characters"
        if quotes % 2:
            yield self._rest("a quote is not closed again, and what is behind it is longer than a row can be")
        elif started > 10 and started > 0.8 * skipped:
            yield self._region(f"{what}, and looks like many.", started)
        else:
            yield self.position.broken("oversize", f"{what}.")
        self._forget(skipped)

    def _with_escapes(self) -> Row | None:
        r"""The row that begins where the held lines do, if it is one with `\"` for a quote. What is behind it is put back."""
        held = list(self._lines.held)
        if not any('\\"' in line for line in held[:_ESCAPED_LINES]):
            return None
        self._lines.put_back(held)
        self._lines.release()
        feed = islice(self._lines.feed(), _ESCAPED_LINES)
        try:
            fields = next(csv.reader(feed, delimiter=self._delimiter, escapechar="\\", strict=True), [])
        except (csv.Error, TooLongError):
            fields = []
        id_at, taken = self._likeness.id_at, len(self._lines.held)
        if self._lines.is_escaped:
            fields = self._lines.unescape(fields)
        if len(fields) == len(self._records.header) and (
            id_at is None or self._likeness.id_chance(fields[id_at], None, 0) < 1
        ):
            row = self._records.row(fields, [*self._lines.flags, "backslash_escapes"])
            self._forget(taken)
            return row
        self._lines.put_back(list(self._lines.held))
        self._lines.release()
        list(islice(self._lines.feed(), len(held)))
        return None

    def _forget(self, lines: int) -> None:
        """The next row is *lines* lines further on; those that are held are done with."""
        self.position.line += lines
        self._lines.release()

    def _cut(self) -> Row:
        """The last line is less than a row, and has no end."""
        self._ended = True
        return self.position.unreadable(f"it ends inside a row, in {self.position.lines(1)}: it was cut.")

    def _rest(self, what: str) -> Row:
        self._ended = True
        return self.position.unreadable(f"{what}, from line {self.position.line + 1} on.")

    def _region(self, what: str, started: int) -> Row:
        self._records.damaged()
        return self.position.region(what, started)


def _misfits(fields: Sequence[str], width: int) -> str:
    return f"has {len(fields)} fields where the header has {width}"
