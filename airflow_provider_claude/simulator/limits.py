"""Rate limits: one token bucket for each meter, refilled without pause, time passed in.

Cache reads do not count as input tokens, batches do not draw on the Messages limits.
Source: https://platform.claude.com/docs/en/api/rate-limits
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from airflow_provider_claude.simulator.clock import timestamp
from airflow_provider_claude.simulator.errors import RateLimitedError


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


class Bucket:
    """A bucket of *limit* a minute that starts full. Amounts and levels in its own unit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._level = float(limit)
        self._at = -math.inf

    def __repr__(self) -> str:
        return f"<Bucket {self._level:.0f} of {self.limit} a minute>"

    def level(self, now: float) -> float:
        """What is left at *now*."""
        if now > self._at:
            self._level = min(self.limit, self._level + min(60.0, now - self._at) * self.limit / 60)
            self._at = now
        return self._level

    def draw(self, amount: float, now: float) -> None:
        """Take *amount*, below zero if need be: output is known only after the fact."""
        self.level(now)
        self._level -= amount

    def wait(self, amount: float, now: float) -> float:
        """Seconds until *amount* could be taken."""
        missing = min(amount, self.limit) - self.level(now)
        return max(0.0, missing * 60 / self.limit)

    def headers(self, name: str, now: float) -> dict[str, str]:
        """`anthropic-ratelimit-<name>-*`; token meters show what remains to the nearest thousand."""
        left = max(0, math.floor(self.level(now)))
        shown = round(left, -3) if name.endswith("tokens") else left
        reset = now + (self.limit - left) * 60 / self.limit
        start = f"anthropic-ratelimit-{name}"
        return {
            f"{start}-limit": str(self.limit),
            f"{start}-remaining": str(shown),
            f"{start}-reset": timestamp(reset).split(".", maxsplit=1)[0] + "Z",
        }


class Limits:
    """The meters of one organization."""

    def __init__(self, tier: str) -> None:
        self.name = tier
        self.tier = TIERS[tier]
        self.batches = Bucket(self.tier.batch_calls)
        self.counts = Bucket(self.tier.count_calls)
        self.requests = Bucket(self.tier.requests)
        self.input = Bucket(self.tier.input_tokens)
        self.output = Bucket(self.tier.output_tokens)

    def call(self, bucket: Bucket, now: float) -> dict[str, str]:
        """Count one HTTP request; returns its headers.

        Raises RateLimitedError with `retry-after`.
        """
        _need(bucket, 1, now, "requests")
        bucket.draw(1, now)
        return bucket.headers("requests", now)

    def admit(self, input_tokens: int, now: float) -> None:
        """Whether a message of that many uncached input tokens may start.

        Raises RateLimitedError with `retry-after`.
        """
        _need(self.input, input_tokens, now, "input tokens")
        _need(self.output, 1, now, "output tokens")

    def spend(self, input_tokens: int, output_tokens: int, now: float) -> dict[str, str]:
        """Draw what a message used; returns the token headers."""
        self.input.draw(input_tokens, now)
        self.output.draw(output_tokens, now)
        both = Bucket(self.input.limit + self.output.limit)
        both.draw(both.limit - max(0.0, self.input.level(now)) - max(0.0, self.output.level(now)), now)
        return {
            **both.headers("tokens", now),
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
