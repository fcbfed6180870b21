"""What the runs of a month have paid, by DAG."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

#: The first month there is a page for.
_FIRST = (2000, 1)


class Month(NamedTuple):
    """A month of the calendar, in UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, text: str) -> Month:
        """The month `2026-11`."""
        year, number = text.split("-")
        return cls(int(year), int(number))

    @classmethod
    def at(cls, moment: float) -> Month:
        """The month of *moment* (epoch seconds)."""
        then = datetime.fromtimestamp(moment, UTC)
        return cls(then.year, then.month)

    @property
    def text(self) -> str:
        return f"{self.year}-{self.number:02}"

    @property
    def name(self) -> str:
        return f"{calendar.month_name[self.number]} {self.year}"

    @property
    def before(self) -> Month:
        return self if self == _FIRST else self._by(-1)

    @property
    def after(self) -> Month:
        return self._by(1)

    @property
    def span(self) -> tuple[datetime, datetime]:
        """Its first moment, and that of the next month."""
        return self.start, self.after.start

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    def _by(self, months: int) -> Month:
        year, month = divmod(12 * self.year + self.number - 1 + months, 12)
        return Month(year, month + 1)


class Reported(Protocol):
    """What a report says of its run: rows, and what this run has paid in USD."""

    @property
    def answered(self) -> int: ...
    @property
    def this_run(self) -> Decimal: ...


@dataclass(frozen=True, kw_only=True)
class Sum:
    """*runs* with a report, their *answered* rows, and the USD that they have *paid*; *unknown* runs have no report."""

    runs: int = 0
    answered: int = 0
    paid: Decimal = Decimal(0)
    unknown: int = 0

    def plus(self, other: Sum) -> Sum:
        return Sum(
            runs=self.runs + other.runs,
            answered=self.answered + other.answered,
            paid=self.paid + other.paid,
            unknown=self.unknown + other.unknown,
        )


def sums_of(reports: Iterable[tuple[str, Reported | None]]) -> dict[str, Sum]:
    """The sums by DAG, the dearest first. *reports*: the DAG of each run, and its report, None where it has none."""
    found: dict[str, Sum] = {}
    for dag_id, report in reports:
        one = Sum(unknown=1) if report is None else Sum(runs=1, answered=report.answered, paid=report.this_run)
        found[dag_id] = found.get(dag_id, Sum()).plus(one)
    return dict(sorted(found.items(), key=lambda pair: (-pair[1].paid, pair[0])))


def total(sums: Mapping[str, Sum]) -> Sum:
    """All of *sums* together."""
    whole = Sum()
    for one in sums.values():
        whole = whole.plus(one)
    return whole
