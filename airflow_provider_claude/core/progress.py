"""How far long work is, in a line from time to time: how much is done, how fast, and how long the rest takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_claude.core.times import duration

#: Is given how many more are done, each time some are.
Seen = Callable[[int], None]

#: Seconds between two lines.
EVERY = 30.0


def unseen(count: int) -> None:
    """Say nothing: for work that is not watched."""


@dataclass
class Progress:
    """Says through *say* how many *what* are done of *total* (None where that is not known), at most every *every* seconds.

    *clock* gives seconds, from any start.
    """

    say: Callable[[str], None]
    clock: Callable[[], float]
    what: str
    total: int | None = None
    every: float = EVERY

    def __post_init__(self) -> None:
        self._done, self._began = 0, self.clock()
        self._said = self._began

    def add(self, count: int) -> None:
        """*count* more are done."""
        self._done += count
        now = self.clock()
        if now - self._said >= self.every:
            self._said = now
            self.say(line(self._done, self.total, now - self._began, self.what))


def line(done: int, total: int | None, seconds: float, what: str) -> str:
    """`40,000 of 100,000 rows scanned, 1,333 a second, about 45 s left`."""
    rate = done / seconds if seconds > 0 else 0.0
    of = f"{done:,}" if total is None else f"{done:,} of {total:,}"
    said = f"{of} {what}, {_rate(rate)}"
    return said if not total or not rate else f"{said}, about {duration(max(total - done, 0) / rate)} left"


def _rate(rate: float) -> str:
    return f"{rate:,.0f} a second" if rate >= 10 else f"{60 * rate:,.0f} a minute"
