"""What was found at a source's path, before a row is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from airflow_provider_claude.errors import JobError

#: If there is no file at a source's path. `fail`: the scan fails. `empty`: the run continues with 0 rows.
MissingSource = Literal["fail", "empty"]

#: Foreign files that are named; beyond, they are counted.
_NAMED = 20


def check_missing(value: MissingSource) -> MissingSource:
    """*value*. Raises JobError unless it is one of MissingSource."""
    if value not in get_args(MissingSource):
        raise JobError(f"missing_source is {value!r}: write 'fail', or 'empty' where a day without data is fine.")
    return value


class Origin(NamedTuple):
    """A *source* of some *format*, and whether it is *missing*. *foreign* are the first of so many *foreign_files* beside it."""

    source: str
    format: str
    missing: bool = False
    foreign_files: int = 0
    foreign: Sequence[str] = ()

    @classmethod
    def of(cls, source: str, kind: str, *, files: int, foreign: Sequence[str]) -> Origin:
        """That of a source of so many *files*."""
        return cls(source, kind, files == 0, len(foreign), [name[:200] for name in foreign[:_NAMED]])

    def notes(self) -> list[str]:
        """What a reader of the run has to know about it, one sentence each."""
        notes = [f'There was no file at {self.source}, and missing_source="empty" allows that.'] if self.missing else []
        return [*notes, self._set_aside()] if self.foreign_files else notes

    def _set_aside(self) -> str:
        more = self.foreign_files - len(self.foreign)
        names = ", ".join(map(repr, self.foreign)) + (f" and {more:,} more" if more else "")
        which = "1 file is" if self.foreign_files == 1 else f"{self.foreign_files:,} files are"
        return f"{which} there that do not belong to the source, and were not read: {names}."
