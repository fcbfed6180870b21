"""How many requests may be under way at once: more, until the API slows down or pushes back.

    an answer in usual time     one more, up to the mark; beyond it GAIN more for every round of answers
    an answer that took long    as it is
    a push-back (429, 529)      half of it, which becomes the mark, once for all that come within BURST_SECONDS

It grows only while most of the slots are in use. Usual is below twice the baseline. The baseline follows fast answers
quickly and slow ones hardly: it lies low among the answers' times, near those of an API that has room. A plain minimum
would not do, for one short answer among long ones would make all others look slow; a plain mean would follow the overload
that it is there to show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from airflow_provider_claude.job.numbers import number

#: Requests under way at first, and at most.
START = 4.0
CEILING = 256.0

#: What the ceiling can be set to.
MOST = 10_000.0

#: A mark is not below this: a push-back among so few says nothing about how many there may be.
LEAST_MARK = 16.0

#: So many more may be under way after a round of answers beyond the mark.
GAIN = 4.0

#: An answer that took so many times the baseline says that the API is busy.
SLOW = 2.0

#: Push-backs within so many seconds of one that counted are the same one.
BURST_SECONDS = 5.0

#: By what part of the difference an answer moves the baseline down, and up.
_DOWN, _UP = 0.05, 0.005


@dataclass(frozen=True, kw_only=True)
class Concurrency:
    """*limit* requests may be under way, *floor* to *ceiling*. *baseline*: the usual seconds of an answer, if known.

    *mark*: up to here it grows fast. *pushed_at*: the last push-back that counted (seconds).
    """

    limit: float = START
    floor: float = 1.0
    ceiling: float = CEILING
    baseline: float | None = None
    mark: float = math.inf
    pushed_at: float = -math.inf

    @classmethod
    def up_to(cls, ceiling: float) -> Concurrency:
        """At the start, with at most *ceiling* requests under way at once.

        Raises JobError for a ceiling below 1, or above MOST.
        """
        number("in_flight", ceiling, 1, MOST)
        return cls(limit=min(START, ceiling), ceiling=ceiling)

    def answered(self, latency: float, under_way: int) -> Concurrency:
        """After an answer that took *latency* seconds, while *under_way* requests were under way, it included."""
        latency = max(0.0, latency)
        baseline = latency if self.baseline is None else self.baseline
        limit = self.limit
        if latency <= SLOW * baseline and under_way >= limit / 2:
            limit += 1 if limit < self.mark else min(1, GAIN / limit)
        part = _DOWN if latency < baseline else _UP
        return replace(self, limit=self._within(limit), baseline=baseline + part * (latency - baseline))

    def pushed_back(self, now: float) -> Concurrency:
        """After a 429 or 529 at *now* (seconds)."""
        if now < self.pushed_at + BURST_SECONDS:
            return self
        limit = self._within(self.limit / 2)
        return replace(self, limit=limit, mark=max(LEAST_MARK, limit), pushed_at=now)

    def _within(self, limit: float) -> float:
        return min(self.ceiling, max(self.floor, limit))
