"""Rate limits: one token bucket for each meter, time passed in.

Cache reads do not count as input tokens, batches do not draw on the Messages limits. Input is drawn when a message
arrives, output when it is answered. The real API may enforce shorter windows than a minute: see *burst*.
Source: https://platform.claude.com/docs/en/api/rate-limits
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from airflow_provider_claude.simulator.http_errors import RateLimitedError
from airflow_provider_claude.simulator.world.bucket import MINUTE, Bucket, meter_headers
from airflow_provider_claude.simulator.world.other_traffic import Others


@dataclass(frozen=True, slots=True)
class Tier:
    """Limits a minute, and how many batched requests may wait at once."""

    requests: int
    input_tokens: int
    output_tokens: int
    batch_calls: int
    queued: int
    count_calls: int


#: `unlimited` keeps the meters running, but none of them ends.
TIERS = {
    "start": Tier(1_000, 2_000_000, 400_000, 1_000, 200_000, 2_000),
    "build": Tier(5_000, 5_000_000, 1_000_000, 2_000, 300_000, 4_000),
    "scale": Tier(10_000, 10_000_000, 2_000_000, 4_000, 500_000, 8_000),
    "unlimited": Tier(10**9, 10**12, 10**12, 10**9, 10**12, 10**9),
}
_NUMBERS = tuple(Tier.__dataclass_fields__)


def limited(tier: str, numbers: Mapping[str, int]) -> Tier:
    """The tier of this name, with these numbers instead of its own.

    Raises ValueError for an unknown tier or limit, and for a limit below 1.
    """
    if tier not in TIERS:
        raise ValueError(f"tier {tier!r} is none of {', '.join(TIERS)}")
    for name, number in numbers.items():
        if name not in _NUMBERS:
            raise ValueError(f"limit {name!r} is none of {', '.join(_NUMBERS)}")
        if number < 1:
            raise ValueError(f"limit {name} must be at least 1 a minute, got {number}")
    return replace(TIERS[tier], **numbers)


def parse_limits(text: str) -> dict[str, int]:
    """Read limits as written on the command line: `requests=600,input_tokens=300000`.

    Raises ValueError.
    """
    try:
        numbers = {name: int(number) for name, _, number in (part.partition("=") for part in text.split(","))}
    except ValueError as error:
        raise ValueError(f"limits {text!r} are not NAME=NUMBER,... with names of {', '.join(_NUMBERS)}") from error
    limited("unlimited", numbers)
    return numbers


class Limits:
    """The meters of one organization.

    *numbers*: limits instead of the tier's · *burst*: seconds of its limit each bucket holds · *others*: who else
    draws on the Messages meters. Raises ValueError for invalid numbers.
    """

    def __init__(
        self,
        tier: str,
        numbers: Mapping[str, int] | None = None,
        burst: float = MINUTE,
        others: Others | None = None,
    ) -> None:
        if not 0 < burst < math.inf:
            raise ValueError(f"burst must be seconds above 0, got {burst}")
        self.name = tier
        self.numbers = dict(numbers or {})
        self.burst = burst
        self.others = others or Others()
        self.tier = limited(tier, self.numbers)
        self.batches = Bucket(self.tier.batch_calls, burst)
        self.counts = Bucket(self.tier.count_calls, burst)
        self.requests = Bucket(self.tier.requests, burst)
        self.input = Bucket(self.tier.input_tokens, burst)
        self.output = Bucket(self.tier.output_tokens, burst)

    def describe(self) -> dict[str, int]:
        """All limits in numbers."""
        return asdict(self.tier)

    def catch_up(self, now: float) -> None:
        """Let the others have what they took until *now*."""
        self.others.catch_up(self.requests, self.input, self.output, now)

    def call(self, bucket: Bucket, now: float) -> None:
        """Count one HTTP request.

        Raises RateLimitedError with `retry-after`.
        """
        self.catch_up(now)
        _need(bucket, 1, now, "requests")
        bucket.draw(1, now)

    def admit(self, input_tokens: int, now: float) -> None:
        """Draw the uncached input tokens of a message, if it may start.

        Raises RateLimitedError with `retry-after`.
        """
        self.catch_up(now)
        _need(self.input, input_tokens, now, "input tokens")
        _need(self.output, 1, now, "output tokens")
        self.input.draw(input_tokens, now)

    def spend(self, output_tokens: int, now: float) -> None:
        """Draw what a message said."""
        self.catch_up(now)
        self.output.draw(output_tokens, now)

    def headers(self, bucket: Bucket, now: float) -> dict[str, str]:
        """The headers of a call that is drawn from *bucket*; Messages show their token meters too."""
        self.catch_up(now)
        shown = bucket.headers("requests", now)
        if bucket is not self.requests:
            return shown
        limit, size = self.input.limit + self.output.limit, self.input.size + self.output.size
        left = max(0.0, self.input.level(now)) + max(0.0, self.output.level(now))
        return {
            **shown,
            **meter_headers("tokens", limit, size, left, now),
            **self.input.headers("input-tokens", now),
            **self.output.headers("output-tokens", now),
        }


def _need(bucket: Bucket, amount: float, now: float, what: str) -> None:
    wait = bucket.wait(amount, now)
    if wait > 0:
        raise RateLimitedError(
            f"This request would exceed your organization's rate limit of {bucket.limit:,} {what} per minute.",
            headers={"retry-after": str(math.ceil(wait))},
        )
