"""One token bucket: refilled without pause, drawn below zero if need be, time passed in."""

from __future__ import annotations

import math
from functools import lru_cache

from airflow_provider_claude.simulator.world.clock import timestamp

#: Seconds of its limit a bucket holds unless asked otherwise.
MINUTE = 60.0
#: What a bucket may be short of and still serve: clocks are floats.
_GRAIN = 1e-3


class Bucket:
    """*limit* a minute, of which it holds what *burst* seconds bring; it starts full. Amounts in its own unit."""

    def __init__(self, limit: int, burst: float = MINUTE) -> None:
        self.limit = limit
        self.size = limit * burst / 60
        self._level = self.size
        self._at = -math.inf

    def __repr__(self) -> str:
        return f"<Bucket {self._level:.0f} of {self.size:.0f}, {self.limit} a minute>"

    def level(self, now: float) -> float:
        """What is left at *now*."""
        if now > self._at:
            self._level = min(self.size, self._level + (now - self._at) * self.limit / 60)
            self._at = now
        return self._level

    def draw(self, amount: float, now: float) -> None:
        """Take *amount*, below zero if need be: output is known only after the fact."""
        self.level(now)
        self._level -= amount

    def wait(self, amount: float, now: float) -> float:
        """Seconds until *amount* could be taken; what is more than the bucket holds needs it full."""
        missing = min(amount, self.size) - self.level(now)
        return missing * 60 / self.limit if missing > _GRAIN else 0.0

    def headers(self, name: str, now: float) -> dict[str, str]:
        """`anthropic-ratelimit-<name>-*`."""
        return meter_headers(name, self.limit, self.size, self.level(now), now)


def meter_headers(name: str, limit: int, size: float, level: float, now: float) -> dict[str, str]:
    """`anthropic-ratelimit-<name>-*`; token meters show what remains to the nearest thousand."""
    left = max(0, math.floor(level))
    start = f"anthropic-ratelimit-{name}"
    return {
        f"{start}-limit": str(limit),
        f"{start}-remaining": str(round(left, -3) if name.endswith("tokens") else left),
        f"{start}-reset": _seconds(int(now + (size - left) * 60 / limit)),
    }


@lru_cache(maxsize=1024)
def _seconds(at: int) -> str:
    return timestamp(at).partition(".")[0] + "Z"
