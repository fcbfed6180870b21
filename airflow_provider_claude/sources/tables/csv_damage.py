"""Distinguishes the rows of a CSV file from the text in them, where its quotes do not.

A line is judged by how likely it is that a line of *text* looks like a row by accident: it has as many fields as the header,
and, where an id should be, something that looks like the ids before it, or even is the next in their series.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

#: A run of lines that is less likely text than this is rows again; so many of them at the end of a file are.
RESUMED, RESUMED_AT_END = 0.02, 0.1

#: A field whose lines are less likely text than this holds rows that two stray quotes made one field.
GLUED = 1e-6

#: How likely it is that a line of text has one more delimiter, has something like an id, or opens a quote after one.
_DELIMITED, _LIKE_AN_ID, _LIKE_A_WORD, _OPENED = 0.3, 0.1, 0.5, 0.05
_NEXT_IN_SERIES, _LATER_IN_SERIES = 0.001, 0.3

#: How much more likely text has a line that is no row than damage has.
_NO_ROW = 35.0

#: How many ids show what an id looks like.
_TELLING = 10

_NUMBERED = re.compile(r"(\D*)(\d{1,18})")
_CLASSES = ((re.compile(r"\d"), r"\d"), (re.compile(r"[^\W\d_]"), r"[^\W\d_]"), (re.compile(r"\s"), r"\s"))


class Series(NamedTuple):
    """Ids that count up: `<prefix><number>`, by *step* at most."""

    prefix: str
    last: int
    step: int

    def number(self, item_id: str) -> int | None:
        match = _NUMBERED.fullmatch(item_id.strip())
        return int(match[2]) if match and match[1] == self.prefix else None


class Looks(NamedTuple):
    """How likely a line of text looks so by accident (1.0: it is no row), its id, and whether a quote is left open in it."""

    chance: float
    item_id: str | None = None
    is_open: bool = False


@dataclass(slots=True)
class Likeness:
    """What rows look like: so many fields, by *delimiter*, and the *recent* ids, the field at *id_at* (None: there is none)."""

    delimiter: str
    width: int
    id_at: int | None
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=50))
    _shape: re.Pattern[str] = re.compile("")
    _shape_of: tuple[str, ...] = ()

    def series(self) -> Series | None:
        """The series that the recent ids are, if they are one."""
        return series_of(self.recent)

    def looks(self, line: str, series: Series | None, after: int) -> Looks:
        """How much *line*, *after* lines behind the last good row, looks like a row."""
        fields, is_open = parse_line(line, self.delimiter)
        if not fields or (len(fields) > self.width if is_open else len(fields) != self.width):
            return Looks(1.0)
        whole = len(fields) - is_open
        chance = _DELIMITED ** (whole if is_open else whole - 1) * (_OPENED if is_open else 1.0)
        if self.id_at is None or self.id_at >= whole:
            return Looks(chance, None, is_open)
        item_id = fields[self.id_at]
        by_id = self.id_chance(item_id, series, after)
        return Looks(1.0 if by_id >= 1 else chance * by_id, item_id, is_open)

    def id_chance(self, item_id: str, series: Series | None, after: int) -> float:
        """How likely text has *item_id* where an id is expected; 1.0 where it is none."""
        if not item_id.strip() or len(item_id) > 200:
            return 1.0
        if series is not None and (number := series.number(item_id)) is not None:
            if number <= series.last:
                return 1.0
            near = number <= series.last + 4 * series.step * (after + 1) and series.step <= 100
            return _NEXT_IN_SERIES if near else _LATER_IN_SERIES
        if not self.recent:
            return 1.0 if re.search(r"\s", item_id) else _LIKE_A_WORD
        return self._class_chance(item_id)

    def _class_chance(self, item_id: str) -> float:
        if not self._is_in_shape(item_id):
            return 1.0
        telling = all(re.search(r"\d", one) and not re.search(r"\s", one) for one in self.recent)
        return _LIKE_AN_ID if telling else _LIKE_A_WORD

    def is_text(self, line: str) -> bool:
        """Whether *line*, a record by itself, begins with nothing like an id, as a line of text does."""
        if self.id_at is None or len(self.recent) < _TELLING:
            return False
        fields, _ = parse_line(line, self.delimiter)
        return len(fields) <= self.id_at or self.is_no_id(fields[self.id_at])

    def is_no_id(self, item_id: str) -> bool:
        """Whether *item_id* is unlike the ids before it, if there are enough of them."""
        if self._shape.fullmatch(item_id) or self._is_in_shape(item_id):
            return self._goes_back(item_id)
        return len(self.recent) >= _TELLING

    def is_unlike(self, item_id: str) -> bool:
        """Whether *item_id* has another shape than all recent ids, if there are enough of them."""
        return len(self.recent) >= _TELLING and not self._is_in_shape(item_id)

    def is_worded(self, item_id: str) -> bool:
        """Whether *item_id* is of several words, as none of the recent ids is, if there are enough of them."""
        if " " not in item_id.strip() or len(self.recent) < _TELLING:
            return False
        return not any(" " in one.strip() for one in self.recent)

    def _is_in_shape(self, item_id: str) -> bool:
        """Whether *item_id* is like the recent ids."""
        if self._shape_of != (recent := tuple(self.recent)):
            self._shape, self._shape_of = _shape(recent), recent
        return self._shape.fullmatch(item_id) is not None

    def _goes_back(self, item_id: str) -> bool:
        """Whether *item_id* comes before the last one of a series."""
        last = self.recent[-1] if self.recent else ""
        if not (item_id.isdecimal() and last.isdecimal() and int(item_id[:18]) <= int(last[:18])):
            return False
        return len(self.recent) >= _TELLING and self.series() is not None

    def starts_row(self, line: str, series: Series | None, after: int) -> bool:
        """Whether a row may begin at *line*, however damaged: how rows are counted that cannot be read."""
        if not line.strip():
            return False
        fields, _ = parse_line(line, self.delimiter)
        if self.id_at is None or not self.recent:
            return True
        return len(fields) > self.id_at and self.id_chance(fields[self.id_at], series, after) < 1

    def glued_rows(self, lines: Sequence[str], following: Callable[[], str]) -> Glued | None:
        """What the record of *lines*, which is whole by its quotes, looks like where these quotes are stray; None for a row.

        *following* gives the line behind it.
        """
        bare = _without_stray_quotes(lines)
        if bare is None or not all(self._is_whole(line) for line in (bare[-1], bare[0])):
            return None
        series = self.series() or self._series_in(bare)
        ends = [self.looks(bare[at], series, len(bare)) for at in (0, -1)]
        if any(one.chance >= 1 for one in ends):
            return None
        chance, rows = 1.0, 1
        if series is not None and (first := series.number(ends[0].item_id or "")) is not None:
            series = series._replace(last=first)
        for line in bare[1:]:
            seen = self.looks(line, series, 0)
            chance *= _NO_ROW if seen.chance >= 1 else seen.chance
            rows += seen.chance < 1
            if series is not None and seen.item_id and (number := series.number(seen.item_id)) is not None:
                series = series._replace(last=max(series.last, number))
            if chance > 1 / GLUED:
                return None
        sure = self._goes_on(series, following())
        chance *= {True: _NEXT_IN_SERIES, False: 1 / GLUED, None: 1.0}[sure]
        return Glued(rows, sure is True) if chance < GLUED else None

    def _series_in(self, lines: Sequence[str]) -> Series | None:
        """The series that *lines* continue or form, before the first of them, if they were rows."""
        if self.id_at is None:
            return None
        found = (parse_line(line, self.delimiter)[0] for line in lines)
        ids = [fields[self.id_at] for fields in found if len(fields) == self.width]
        series = series_of([*self.recent, *ids])
        first = series.number(ids[0]) if series else None
        return series._replace(last=first - 1) if series and first is not None else None

    def _is_whole(self, line: str) -> bool:
        fields, is_open = parse_line(line, self.delimiter)
        return len(fields) == self.width and not is_open

    def _goes_on(self, series: Series | None, following: str) -> bool | None:
        """Whether the id in the line *following* a record continues the *series* in that record; None: unknown."""
        if series is None or self.id_at is None:
            return None
        fields, _ = parse_line(following, self.delimiter)
        number = series.number(fields[self.id_at]) if len(fields) > self.id_at else None
        return None if number is None else number > series.last


def series_of(ids: Collection[str]) -> Series | None:
    """The series that *ids*, three at least, are."""
    matches = [_NUMBERED.fullmatch(item_id.strip()) for item_id in ids]
    if len(matches) < 3 or not all(matches):
        return None
    numbers = [int(match[2]) for match in matches if match]
    steps = [after - before for before, after in pairwise(numbers)]
    prefixes = {match[1] for match in matches if match}
    return Series(prefixes.pop(), numbers[-1], max(steps)) if len(prefixes) == 1 and min(steps) > 0 else None


class Glued(NamedTuple):
    """*rows* that two stray quotes made one record; *sure* where the series of the ids proves it."""

    rows: int
    sure: bool


def parse_line(line: str, delimiter: str) -> tuple[list[str], bool]:
    """The fields of *line* by itself, and whether the last is left open by a quote; no fields where it is no CSV."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), []), False
    except csv.Error as e:
        if "unexpected end" not in str(e):
            return [], False
    return next(csv.reader([line], delimiter=delimiter), []), True


def _without_stray_quotes(lines: Sequence[str]) -> list[str] | None:
    """*lines* without the quote that opens the field of several lines, and without the one that closes it."""
    first, last = lines[0], lines[-1]
    if first.count('"') % 2 == 0 or any('"' in line for line in lines[1:-1]):
        return None
    opened, closed = first.rfind('"'), last.find('"')
    bare = first[:opened] + first[opened + 1 :], last[:closed] + last[closed + 1 :]
    return [bare[0], *lines[1:-1], bare[1]]


def _shape(ids: Collection[str]) -> re.Pattern[str]:
    """What matches ids like *ids*: of the kinds of characters in them, with those that all have, of about their length."""
    kinds = [_classes(one) for one in ids] or [set()]
    needed = "".join(f"(?=.*{kind})" for kind in sorted(set.intersection(*kinds)))
    lengths = [len(one) for one in ids] or [0]
    allowed = "|".join(sorted(set.union(*kinds))) or r"\Z"
    return re.compile(f"{needed}(?:{allowed}){{{min(lengths) // 2},{2 * max(lengths)}}}", re.DOTALL)


def _classes(text: str) -> set[str]:
    return {next((name for kind, name in _CLASSES if kind.match(char)), re.escape(char)) for char in text[:200]}
