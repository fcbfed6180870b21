"""How long batches and cancels have taken in earlier runs, and what is assumed of them before there were any."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: "Most batches finish within 1 hour" (https://platform.claude.com/docs/en/build-with-claude/batch-processing).
ASSUMED_MEDIAN_SECONDS = 30 * 60.0
ASSUMED_LATE_SECONDS = 60 * 60.0

#: A cancel is usually quick (25 s were seen), but no time is promised: this is assumed at first, and at least.
ASSUMED_CANCEL_SECONDS = 120.0
LEAST_CANCEL_SECONDS = 30.0

#: Batches count as similar within this factor of size and so many hours around the clock, if there are enough of them.
SIMILAR_FACTOR = 4
SIMILAR_HOURS = 3
ENOUGH = 5


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A batch of *requests* requests, created in local *hour* (0 to 23), ended by itself after *minutes*."""

    requests: int
    hour: int
    minutes: float


@dataclass(frozen=True)
class BatchTimes:
    """What was *measured* of earlier batches, in any order. Those that were cancelled or expired are not among them."""

    measured: Iterable[Measured] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "measured", tuple(self.measured))

    def median_seconds(self, requests: int, hour: int) -> float:
        """How long a batch of *requests* created in local *hour* usually takes."""
        return self._rank(0.5, requests, hour, ASSUMED_MEDIAN_SECONDS)

    def late_seconds(self, requests: int, hour: int) -> float:
        """How long a late batch takes: nine of ten take no longer."""
        return self._rank(0.9, requests, hour, ASSUMED_LATE_SECONDS)

    def _rank(self, share: float, requests: int, hour: int, assumed: float) -> float:
        similar = [one for one in self.measured if _is_similar(one, requests, hour)]
        known = similar if len(similar) >= ENOUGH else self.measured
        return _at_rank(share, [60.0 * one.minutes for one in known], assumed)


def cancel_seconds(seconds: Iterable[float]) -> float:
    """How long a cancel takes, with care: of earlier ones that took *seconds*, 95 of 100 took no longer."""
    return max(_at_rank(0.95, list(seconds), ASSUMED_CANCEL_SECONDS), LEAST_CANCEL_SECONDS)


def _is_similar(one: Measured, requests: int, hour: int) -> bool:
    apart = abs(one.hour - hour) % 24
    return (
        max(one.requests, requests) <= SIMILAR_FACTOR * min(one.requests, requests)
        and min(apart, 24 - apart) <= SIMILAR_HOURS
    )


def _at_rank(share: float, values: Sequence[float], assumed: float) -> float:
    """The least of *values* that is not below *share* of them, *assumed* where there are none."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else assumed
