"""Numbered records of a folder: of several writers of the next number exactly one wins, and the others look again.

active.3.json    releases/2.json    1.intent.json    1.lease.2.json    budgets/<scope>/00004.json
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_claude.store.records.reader import STORE, Reader
from airflow_provider_claude.store.records.record import Record, write_new_record, write_record

if TYPE_CHECKING:
    from upath import UPath

_R = TypeVar("_R", bound=Record)


@dataclass(frozen=True)
class RecordSequence(Generic[_R]):
    """The records `<prefix>N<suffix>` of *folder*, N from 1, written with at least so many *digits*."""

    folder: UPath
    kind: type[_R]
    prefix: str = ""
    suffix: str = ".json"
    digits: int = 1
    reader: Reader = STORE

    def numbers(self, names: Iterable[str] | None = None) -> list[int]:
        """The numbers there are, ascending. *names*: the names in the folder, where they are known."""
        name = re.compile(re.escape(self.prefix) + r"(\d+)" + re.escape(self.suffix))
        found = map(name.fullmatch, self.reader.names(self.folder) if names is None else names)
        return sorted(int(match[1]) for match in found if match)

    def file(self, number: int) -> UPath:
        return self.folder / f"{self.prefix}{number:0{self.digits}d}{self.suffix}"

    def read(self, number: int) -> _R | None:
        """Record *number*, None where there is none."""
        return self.reader.read(self.file(number), self.kind)

    def all(self) -> list[_R]:
        """The records there are, in order."""
        return [record for number in self.numbers() if (record := self.read(number)) is not None]

    def last(self) -> int:
        """The highest number, 0 where there is none."""
        return max(self.numbers(), default=0)

    def latest(self) -> tuple[int, _R | None]:
        """The highest number, and its record: None where it was removed meanwhile. (0, None) where there is none."""
        number = self.last()
        return number, self.read(number) if number else None

    def write_new(self, number: int, record: _R) -> bool:
        """Write *record* as *number* unless there is one already; whether it was written."""
        return write_new_record(self.file(number), record)

    def overwrite(self, number: int, record: _R) -> None:
        """Write *record* in place of *number*. For its own writer."""
        write_record(self.file(number), record)

    def append(self, record: _R) -> int:
        """Write *record* as the next free number; returns the number."""
        number = self.last() + 1
        while not self.write_new(number, record):
            number += 1
        return number
