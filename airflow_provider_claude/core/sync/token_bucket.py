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

Several lanes share the buckets of an account. A request is drawn when its lane asks for it, before its wait: later
requests wait behind it, so that large requests get their turn among small ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.errors import JobError

#: No pace is below this: a lane that sends nothing never learns that there is room again.
MIN_PACE = 0.05

#: The largest share of the limits that may be left to others.
MAX_RESERVE = 0.9

#: A bucket holds at most what the limit brings in a second, as the API may count by the second.
_HELD = 1 / 60

#: A shorter wait (seconds) is none: epoch seconds in floats hardly resolve it.
_BLINK = 1e-6

#: A bucket owes at most what its limit brings in so many seconds: the API's headers show a larger debt.
DEBT_SECONDS = 60.0

#: The longest that buckets are closed at once, in seconds. A last look that is further ahead was taken by another clock.
CLOSED_SECONDS = 60.0

#: How many numbers are stored: the pace, three shares, and two of each bucket.
_NUMBERS = 10

#: Buckets that were not used for this many seconds are stale.
FORGOTTEN_SECONDS = 600.0


class Use(NamedTuple):
    """Amounts of the three meters: requests, input tokens not read from a cache, and output tokens."""

    requests: float = 0.0
    input: float = 0.0
    output: float = 0.0

    def __sub__(self, other: Use) -> Use:
        return Use(self.requests - other.requests, self.input - other.input, self.output - other.output)


NOTHING = Use()


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

    def at_most(self, level: float) -> Bucket:
        """Holding no more than *level*."""
        return self if self.level <= level else replace(self, level=level)

    def faster(self, factor: float) -> Bucket:
        """With *factor* times the rate."""
        return replace(self, rate=self.rate * factor)

    def closed(self, until: float) -> Bucket:
        """Empty, and without a refill before *until*; one that is closed for longer stays so."""
        return replace(self, level=min(self.level, 0.0), at=max(self.at, until))


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """The three meters of one account, of whose *limits* (a minute) the share *reserve* is left to others.

    *pace*, MIN_PACE to 1, is how much of the rest is used now. *full*: the most that the API's own meters have shown as
    left, in shares of a minute's limits, 0 where they showed nothing.
    """

    requests: Bucket
    input: Bucket
    output: Bucket
    pace: float = 1.0
    full: Use = NOTHING

    @classmethod
    def fresh(cls, limits: AccountLimits, *, reserve: float, now: float) -> Buckets:
        """Buckets for *limits*, full at *now*.

        Raises JobError for a reserve outside 0 to 0.9.
        """
        if not 0 <= reserve <= MAX_RESERVE:
            raise JobError(
                f"reserve is {reserve!r}: write the share of the account's limits that is left to others, "
                f"from 0 (nothing) to {MAX_RESERVE}, such as 0.2."
            )
        return cls._of(limits, reserve=reserve, held=[(math.inf, now)] * 3)

    @classmethod
    def stored(cls, numbers: Sequence[float], limits: AccountLimits, *, reserve: float, now: float) -> Buckets:
        """What `numbers` returned, as it is at *now*, with these *limits* and this *reserve*.

        Fresh buckets replace invalid or stale numbers. An impossible debt or moment is cut down to one that passes.
        """
        if len(numbers) != _NUMBERS or not all(map(math.isfinite, numbers)):
            return cls.fresh(limits, reserve=reserve, now=now)
        pace, full, held = numbers[0], Use(*numbers[1:4]), list(zip(numbers[4::2], numbers[5::2], strict=True))
        possible = MIN_PACE <= pace <= 1 and min(full) >= 0 and max(full) <= 1
        if not possible or now - max(at for _, at in held) > FORGOTTEN_SECONDS:
            return cls.fresh(limits, reserve=reserve, now=now)
        known = [(level, at if at <= now + CLOSED_SECONDS else now) for level, at in held]
        return cls._of(limits, reserve=reserve, held=known, pace=pace, full=full)

    @classmethod
    def _of(
        cls,
        limits: AccountLimits,
        *,
        reserve: float,
        held: Iterable[tuple[float, float]],
        pace: float = 1.0,
        full: Use = NOTHING,
    ) -> Buckets:
        """Buckets of what was *held* (level, at), as far as it fits."""
        a_minute = Use(float(limits.requests), float(limits.input_tokens), float(limits.output_tokens))
        requests, input_, output = (
            _bucket(limit, reserve=reserve, pace=pace, level=level, at=at)
            for limit, (level, at) in zip(a_minute, held, strict=True)
        )
        return cls(requests=requests, input=input_, output=output, pace=pace, full=full)

    def numbers(self) -> tuple[float, ...]:
        """What is to be stored: the pace, the most that was left, and each level with its moment.

        Limits and reserve are not among them: each lane has its own.
        """
        held = (number for bucket in self._meters() for number in (bucket.level, bucket.at))
        return (self.pace, *self.full, *held)

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

    def at_most(self, left: Iterable[float | None]) -> Buckets:
        """Holding no more than is *left* in the API's own buckets (None: unknown): others have drawn on them, too."""
        meters = [
            bucket if most is None else bucket.at_most(most) for bucket, most in zip(self._meters(), left, strict=True)
        ]
        return replace(self, requests=meters[0], input=meters[1], output=meters[2])

    def paced(self, share: float, now: float) -> Buckets:
        """With the rates at *share* (MIN_PACE to 1) of their full height from *now* on, whatever the pace was before."""
        pace = min(1.0, max(MIN_PACE, share))
        if pace == self.pace:
            return self
        meters = [bucket.refilled(now).faster(pace / self.pace) for bucket in self._meters()]
        return replace(self, requests=meters[0], input=meters[1], output=meters[2], pace=pace)

    def closed(self, seconds: float, now: float) -> Buckets:
        """Empty, and without a refill for *seconds* (CLOSED_SECONDS at most), as the API has no room until then."""
        until = now + min(max(0.0, seconds), CLOSED_SECONDS)
        meters = [bucket.refilled(now).closed(until) for bucket in self._meters()]
        return replace(self, requests=meters[0], input=meters[1], output=meters[2])

    def _meters(self) -> tuple[Bucket, Bucket, Bucket]:
        return self.requests, self.input, self.output


def _bucket(limit: float, *, reserve: float, pace: float, level: float, at: float) -> Bucket:
    """A capacity of at least 1 lets a request through at all; whole amounts keep the limit even so."""
    capacity = max(1.0, min(reserve, _HELD) * limit)
    level = min(capacity, max(level, -capacity - limit * DEBT_SECONDS / 60))
    return Bucket(rate=pace * (1 - reserve) * limit / 60, capacity=capacity, level=level, at=at)
