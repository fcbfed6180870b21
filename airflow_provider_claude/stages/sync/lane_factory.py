"""The connection to an account, and the factory of the lanes on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from airflow_provider_claude.core.sync.concurrency import CEILING
from airflow_provider_claude.stages.sync.journal import Journal
from airflow_provider_claude.stages.sync.lease import Lease
from airflow_provider_claude.stages.sync.rate_limiter import RateLimiter
from airflow_provider_claude.stages.sync.request import Api, Pace
from airflow_provider_claude.stages.sync.sender import Lane
from airflow_provider_claude.store import LanesRecord


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A connection to an account. *account* identifies it, for the rate limits that lanes share on this machine."""

    account: str
    connect: Callable[[], AbstractAsyncContextManager[Api]]


@dataclass(kw_only=True)
class LaneFactory:
    """Makes the lanes of a task, as its parameters say.

    :param open_connection: reads the connection; called when there is something to send.
    :param now: the time in epoch seconds.
    :param in_flight: the most concurrent requests.
    :param shed: send the remaining rows that are not urgent by batch if the lane has to slow down for minutes.
    """

    open_connection: Callable[[], Connection]
    now: Callable[[], float]
    in_flight: int = int(CEILING)
    shed: bool = False
    _lane: Lane | None = None
    _refused: int = 0
    _stopped: bool = False

    def maker(self, lanes: LanesRecord, *, shed: bool = True) -> Callable[[Journal, Lease], Lane]:
        """Makes lanes for a run that was planned with *lanes*. *shed*: whether batches can take the remaining rows."""

        def make(journal: Journal, lease: Lease) -> Lane:
            connection, self._refused = self.open_connection(), self.rate_limited
            due = lanes.due
            self._lane = Lane(
                connect=connection.connect,
                rate_limiter=RateLimiter(connection.account, lanes.limits, reserve=lanes.reserve, now=self.now),
                tokens=lanes.tokens,
                pace=Pace(
                    until=due if due is not None and due > self.now() else None,
                    in_flight=self.in_flight,
                    reserve=lanes.reserve,
                    shed_until=_shed_until(lanes) if self.shed and shed else -math.inf,
                ),
                now=self.now,
                journal=journal,
                lease=lease,
            )
            if self._stopped:
                self._lane.stop()
            return self._lane

        return make

    @property
    def rate_limited(self) -> int:
        """How many requests of its lanes the API has refused because the account was busy (429)."""
        return self._refused + (0 if self._lane is None else self._lane.rate_limited)

    def stop(self) -> None:
        """End the lane that is running, or the next one at its start; see Lane.stop."""
        self._stopped = True
        if self._lane is not None:
            self._lane.stop()


def _shed_until(lanes: LanesRecord) -> float:
    """The last moment at which there is time for a batch, and for the sync lane to catch it."""
    if lanes.due is None:
        return math.inf
    return lanes.due - lanes.late_seconds - lanes.lead_seconds
