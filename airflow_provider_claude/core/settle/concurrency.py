"""How many requests may be under way at once: more, little by little, until the API slows down or pushes back.

    an answer in usual time     limit + 1/limit: one more for every round of answers
    an answer that took long    as it is
    a push-back (429, 529)      half of it, and half the pace, once for all that come within BURST_SECONDS

Usual is below twice the baseline. The baseline follows fast answers quickly and slow ones hardly: it lies low among the
answers' times, near those of an API that has room. A plain minimum would not do, for one short answer among long ones
would make all others look slow; a plain mean would follow the overload that it is there to show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from airflow_provider_claude.core.settle.bucket import MIN_PACE
from airflow_provider_claude.errors import JobError

#: Requests under way at first, and at most.
START = 4.0
CEILING = 256.0

#: An answer that took so many times the baseline says that the API is busy.
SLOW = 2.0

#: Push-backs within so many seconds of one that counted are the same one.
BURST_SECONDS = 5.0

#: The pace gains a whole 1 in so many seconds.
RECOVERY_SECONDS = 60.0

#: By what part of the difference an answer moves the baseline down, and up.
_DOWN, _UP = 0.05, 0.005


@dataclass(frozen=True, kw_only=True)
class Concurrency:
    """*limit* requests may be under way, *floor* to *ceiling*. *baseline*: the usual seconds of an answer, if known.

    *pushed_at*: the last push-back that counted (epoch seconds), which set the pace to *slowed_to*.
    """

    limit: float = START
    floor: float = 1.0
    ceiling: float = CEILING
    baseline: float | None = None
    pushed_at: float = -math.inf
    slowed_to: float = 1.0

    @classmethod
    def up_to(cls, ceiling: float) -> Concurrency:
        """At the start, with at most *ceiling* requests under way at once.

        Raises JobError for a ceiling below 1.
        """
        if not ceiling >= 1:
            raise JobError(f"The most requests under way at once is {ceiling!r}: write 1 or more, such as 64.")
        return cls(limit=min(START, ceiling), ceiling=ceiling)

    def answered(self, latency: float, now: float) -> Concurrency:
        """After an answer that took *latency* seconds."""
        baseline = latency if self.baseline is None else self.baseline
        step = _DOWN if latency < baseline else _UP
        limit = self.limit + 1 / self.limit if latency < SLOW * baseline else self.limit
        return replace(self, limit=self._within(limit), baseline=baseline + step * (latency - baseline))

    def pushed_back(self, now: float) -> Concurrency:
        """After a 429 or 529 at *now*."""
        if now < self.pushed_at + BURST_SECONDS:
            return self
        slowed_to = max(MIN_PACE, self.pace(now) / 2)
        return replace(self, limit=self._within(self.limit / 2), pushed_at=now, slowed_to=slowed_to)

    def pace(self, now: float) -> float:
        """The share of the lane's rate to use at *now*, MIN_PACE to 1."""
        return min(1.0, self.slowed_to + max(0.0, now - self.pushed_at) / RECOVERY_SECONDS)

    def _within(self, limit: float) -> float:
        return min(self.ceiling, max(self.floor, limit))
