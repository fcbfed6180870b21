"""The search for the next row in the lines of a damaged CSV file."""

from __future__ import annotations

from collections import deque
from itertools import chain, islice

from airflow_provider_claude.sources.tables.csv_damage import RESUMED, RESUMED_AT_END, Likeness, Series, parse_line
from airflow_provider_claude.sources.tables.csv_lines import MAX_RECORD, Lines

#: Lines of a record that is too long which are parsed to see whether they are rows.
_LOOKED_AT = 10_000

#: The most lines that the rest of a text is taken to have, where a row follows and where the file ends.
LINES_OF_TEXT, LINES_AT_END = 500, 50

#: Lines of which some are rows for certain, if any are.
_RUN = 50


class Search:
    """Looks through *lines* for rows by their *likeness*. What it reads beyond its finds it puts back, or leaves in `pending`."""

    def __init__(self, lines: Lines, likeness: Likeness) -> None:
        self._lines, self._likeness = lines, likeness

    def to_next_row(self, pending: deque[str]) -> tuple[int, int]:
        """Skip lines of *pending*, then of the file, up to the next row: how many, and how many rows begin in them."""
        skipped, started, series = 0, 0, self._likeness.series()
        while not self.goes_on(pending, skipped + 1):
            if not (line := pending.popleft() if pending else self._lines.next()):
                break
            skipped += 1
            started += self._likeness.starts_row(self._lines.text(line), series, skipped + 1)
        return skipped, started

    def goes_on(self, pending: deque[str], skipped: int) -> bool:
        """Whether *pending*, more lines of which are read where it takes them, begins with what is hardly text."""
        chance, series = 1.0, self._likeness.series()
        for at in range(skipped, skipped + _RUN):
            if at - skipped == len(pending):
                if not (more := self._lines.next()):
                    return at > skipped and chance < RESUMED_AT_END
                pending.append(more)
            line = self._lines.text(pending[at - skipped])
            if at > skipped and not line.strip():
                continue
            looks = self._likeness.looks(line, series, at)
            chance *= looks.chance
            if looks.chance >= 1 or chance < RESUMED or looks.is_open:
                return chance < RESUMED
        return False

    def ends_quoted(self) -> bool:
        """Whether a quote closes in the line that is held, or behind it before the next row: that of the text it is from.

        Rows of several lines are passed over: their quotes open and close where a field does.
        """
        seen, pending = list(self._lines.held), deque[str]()
        found = self._closes_alone(seen, pending)
        while not found and len(seen) < LINES_OF_TEXT and not self.goes_on(pending, len(seen)):
            if not self._take(seen, pending):
                break
            found = self._closes_alone(seen, pending)
        self._lines.put_back([*seen[1:], *pending])
        return found

    def _closes_alone(self, seen: list[str], pending: deque[str]) -> bool:
        """Whether the last of the lines *seen* has a quote that opens or closes no field. The row it opens is *seen*, too."""
        if seen[-1].count('"') % 2 == 0:
            return False
        record = self._lines.text(seen[-1])
        if not parse_line(record, self._likeness.delimiter)[1]:
            return True
        while len(seen) < LINES_OF_TEXT and self._take(seen, pending):
            record += self._lines.text(seen[-1])
            if seen[-1].count('"') % 2:
                return len(parse_line(record, self._likeness.delimiter)[0]) != self._likeness.width
        return True

    def _take(self, seen: list[str], pending: deque[str]) -> bool:
        """Move the next line to those *seen*; False where there is none, or they are longer than a text can be."""
        if sum(map(len, seen)) > MAX_RECORD:
            return False
        if line := pending.popleft() if pending else self._lines.next():
            seen.append(line)
        return bool(line)

    def is_in_series(self, held: list[str]) -> bool:
        """Whether the lines after the first of *held* continue the series of the ids."""
        if self._likeness.series() is None:
            return False
        pending = deque(islice(held, 1, _RUN + 10))
        there = len(pending)
        found = self.goes_on(pending, 1)
        self._lines.put_back(list(pending)[there:])
        return found

    def past_quotes(self, held: list[str]) -> tuple[int, int, int]:
        """Read on behind *held* to where as many quotes are closed as were opened: the lines, rows in them, and quotes."""
        skipped, started, quotes, series = 0, 0, 0, self._likeness.series()
        for line in chain(held, iter(self._lines.next, "")):
            quotes += line.count('"')
            skipped += line.endswith(("\n", "\r"))
            started += self._starts_row(line, series, skipped)
            if skipped >= len(held) and line.endswith(("\n", "\r")) and quotes % 2 == 0:
                break
        return skipped, started, quotes

    def _starts_row(self, line: str, series: Series | None, skipped: int) -> bool:
        """Whether a row may begin at *line*; looked at closely only in the first of many lines."""
        if skipped > _LOOKED_AT:
            return self._likeness.delimiter in line
        return self._likeness.starts_row(line[:1000], series, skipped)
