"""The account's meters as token buckets: when a request may be sent, so that the API never has to refuse one.

The API refills its buckets without pause, and may enforce a limit over less than a minute
(https://platform.claude.com/docs/en/api/rate-limits). So ours hold little, about what one second brings, and refill
by the share of the limit that is not reserved for others. In any w seconds no more is let through than

    max(capacity, the largest amount) + rate · w

and in any 60 s never more than the limit, as long as no single amount is above the capacity, or above what is reserved
of the limit. What a request uses is known only from its answer: an estimate is drawn before and corrected after. What
is given back then may be drawn again at once, so these bounds hold for what was drawn less what was given back: high
estimates for many requests under way let through more at the moment of their answers, low ones are a debt that is paid
before the next request.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from airflow_provider_claude.core.plan.limits import AccountLimits
from airflow_provider_claude.errors import JobError, StateError

#: No pace is below this: who sends nothing at all never learns that there is room again.
MIN_PACE = 0.05

#: The largest share of the limits that may be left to others.
MAX_RESERVE = 0.9

#: A bucket holds at most what the limit brings in a second, as the API may count by the second.
_HELD = 1 / 60

#: A shorter wait (seconds) is none: epoch seconds in floats hardly tell such moments apart.
_BLINK = 1e-6


class Use(NamedTuple):
    """Amounts of the three meters: requests, input tokens not read from a cache, and output tokens."""

    requests: float
    input: float
    output: float

    def __sub__(self, other: Use) -> Use:
        return Use(self.requests - other.requests, self.input - other.input, self.output - other.output)


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """One meter: *level* is what it held at *at* (epoch seconds); it gains *rate* a second up to *capacity*."""

    rate: float
    capacity: float
    level: float
    at: float

    def refilled(self, now: float) -> Bucket:
        """The bucket at *now*. An earlier moment than the last changes nothing: clocks of workers differ a little."""
        if now <= self.at:
            return self
        return replace(self, level=min(self.capacity, self.level + (now - self.at) * self.rate), at=now)

    def wait(self, amount: float, now: float) -> float:
        """Seconds from *now* until *amount* may be drawn; one above the capacity waits for a full bucket."""
        bucket = self.refilled(now)
        seconds = (min(amount, self.capacity) - bucket.level) / self.rate
        return bucket.at - now + seconds if seconds >= _BLINK else 0.0

    def drawn(self, amount: float, now: float) -> Bucket:
        """Without *amount*, below zero if need be. A negative amount is given back, as far as it fits."""
        bucket = self.refilled(now)
        return replace(bucket, level=min(self.capacity, bucket.level - amount))


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """The three meters of one account, of whose *limits* (a minute) the share *reserve* is left to others.

    *pace*, MIN_PACE to 1, is how much of the rest is used now.
    """

    requests: Bucket
    input: Bucket
    output: Bucket
    limits: Use
    reserve: float
    pace: float = 1.0

    @classmethod
    def full(cls, limits: AccountLimits, *, reserve: float, now: float) -> Buckets:
        """Buckets for *limits*, full at *now*.

        Raises JobError for a reserve outside 0 to 0.9.
        """
        if not 0 <= reserve <= MAX_RESERVE:
            raise JobError(
                f"reserve is {reserve!r}: write the share of the account's limits that is left to others, "
                f"from 0 (nothing) to {MAX_RESERVE}, such as 0.2."
            )
        return cls._of(_a_minute(limits), reserve=reserve, pace=1.0, held=[(math.inf, now)] * 3)

    @classmethod
    def of_numbers(cls, numbers: Sequence[float]) -> Buckets:
        """What `numbers` returned.

        Raises StateError for what cannot be that.
        """
        if len(numbers) != 11 or not all(map(math.isfinite, numbers)):
            raise StateError(
                f"The buckets of the account are stored as {list(numbers)!r}, which is not 11 numbers. Remove them where "
                "they are stored: full ones take their place."
            )
        limits, (reserve, pace), held = numbers[:3], numbers[3:5], numbers[5:]
        return cls._of(Use(*limits), reserve=reserve, pace=pace, held=zip(held[::2], held[1::2], strict=True))

    @classmethod
    def _of(cls, limits: Use, *, reserve: float, pace: float, held: Iterable[tuple[float, float]]) -> Buckets:
        """Buckets of what was *held* (level, at), as far as it fits."""
        requests, input_, output = (
            _bucket(limit, reserve=reserve, pace=pace, level=level, at=at)
            for limit, (level, at) in zip(limits, held, strict=True)
        )
        return cls(requests=requests, input=input_, output=output, limits=limits, reserve=reserve, pace=pace)

    def numbers(self) -> tuple[float, ...]:
        """Everything that is to be stored: limits, reserve, pace, and each level with its moment."""
        held = (number for bucket in self._meters() for number in (bucket.level, bucket.at))
        return (*self.limits, self.reserve, self.pace, *held)

    def wait(self, use: Use, now: float) -> float:
        """Seconds from *now* until *use* may be drawn: the longest wait of the three meters."""
        return max(bucket.wait(amount, now) for bucket, amount in zip(self._meters(), use, strict=True))

    def drawn(self, use: Use, now: float) -> Buckets:
        """Without *use*, below zero if need be; what is negative is given back, as far as it fits."""
        return replace(
            self,
            requests=self.requests.drawn(use.requests, now),
            input=self.input.drawn(use.input, now),
            output=self.output.drawn(use.output, now),
        )

    def corrected(self, estimated: Use, used: Use, now: float) -> Buckets:
        """After an answer: *estimated* was drawn for the request, and *used* is what it took."""
        return self.drawn(used - estimated, now)

    def at_limits(self, limits: AccountLimits, now: float) -> Buckets:
        """With other limits from *now* on; the levels stay, as far as they fit."""
        return self._changed(_a_minute(limits), self.pace, now)

    def paced(self, share: float, now: float) -> Buckets:
        """With the rates at *share* (MIN_PACE to 1) of their full height from *now* on, whatever the pace was before."""
        return self._changed(self.limits, min(1.0, max(MIN_PACE, share)), now)

    def _changed(self, limits: Use, pace: float, now: float) -> Buckets:
        if (limits, pace) == (self.limits, self.pace):
            return self
        meters = [bucket.refilled(now) for bucket in self._meters()]
        return self._of(limits, reserve=self.reserve, pace=pace, held=[(one.level, one.at) for one in meters])

    def _meters(self) -> tuple[Bucket, Bucket, Bucket]:
        return self.requests, self.input, self.output


def _a_minute(limits: AccountLimits) -> Use:
    return Use(float(limits.requests), float(limits.input_tokens), float(limits.output_tokens))


def _bucket(limit: float, *, reserve: float, pace: float, level: float, at: float) -> Bucket:
    """A capacity of at least 1 lets a request through at all; whole amounts keep the limit even so."""
    capacity = max(1.0, min(reserve, _HELD) * limit)
    return Bucket(rate=pace * (1 - reserve) * limit / 60, capacity=capacity, level=min(level, capacity), at=at)
