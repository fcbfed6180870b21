"""The scaled clock: simulated seconds since the Unix epoch, never going backwards.

Only this module reads real time; everything else is given `now`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Simulated time.

    *speed*: simulated seconds per real second. *start*: simulated epoch seconds at birth (default: now).
    """

    def __init__(
        self,
        speed: float = 1.0,
        *,
        start: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._simulated = time.time() if start is None else start
        self._real = monotonic()
        self._speed = speed

    @property
    def speed(self) -> float:
        """Simulated seconds per real second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if speed < 0:
            raise ValueError(f"speed must not be negative, got {speed}")
        self._simulated, self._real, self._speed = self.now(), self._monotonic(), speed

    def now(self) -> float:
        """Simulated seconds since the epoch."""
        return self._simulated + (self._monotonic() - self._real) * self._speed

    def advance(self, seconds: float) -> float:
        """Jump ahead by simulated *seconds* and return the new time."""
        if seconds < 0:
            raise ValueError(f"time goes forward only, got {seconds}")
        self._simulated += seconds
        return self.now()


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with microseconds and `Z`, as the API writes times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
