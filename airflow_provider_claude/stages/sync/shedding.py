"""Shedding: unsent requests that are not urgent go to a batch, if the account is busy and there is time for one."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_claude.stages.sync.request import Request

_log = logging.getLogger(__name__)

#: Seconds for which the lane has to have been slow before it sheds requests.
PATIENCE_SECONDS = 120.0

#: Below this pace, as a share of the limits that are ours, the lane is slow.
_SLOW = 0.5


@dataclass(kw_only=True)
class Shedding:
    """Whether the lane sheds requests. It may begin until *until* (epoch seconds of *now*).

    Other moments are in seconds of a clock that is never set, such as `time.monotonic`.
    """

    until: float = -math.inf
    now: Callable[[], float]
    is_on: bool = False
    _slow_since: float | None = None

    def leaves(self, request: Request) -> bool:
        """Whether *request* goes to a batch."""
        return self.is_on and not request.urgent

    def refused(self, at: float) -> bool:
        """The API had no room for a request at *at*. Returns whether shedding begins with it."""
        self._slow_since = self._slow_since or at
        return self._begins(at)

    def paced(self, pace: float, at: float) -> bool:
        """The rate limiter set *pace*, 0 to 1, at *at*. Returns whether shedding begins with it."""
        self._slow_since = None if pace >= _SLOW else self._slow_since or at
        return self._begins(at)

    def _begins(self, at: float) -> bool:
        slow = self._slow_since is not None and at - self._slow_since >= PATIENCE_SECONDS
        if not slow or self.is_on or self.now() >= self.until:
            return False
        _log.info("The account is busy: unsent requests that are not urgent go back to the batch lane")
        self.is_on = True
        return True
