"""The lease on an attempt of the sync lane: of all its workers, one sends.

A lease is a numbered record; any worker may take the next number once the latest has run out. Its holder renews it, and stops
sending when it could not: a suspended worker may resume with a lease that has run out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from airflow_provider_claude.core.active_run import SKEW_SECONDS
from airflow_provider_claude.core.sync.concurrency import CEILING
from airflow_provider_claude.core.times import parse_time
from airflow_provider_claude.errors import PendingError
from airflow_provider_claude.masking import masked
from airflow_provider_claude.stages.sync.lane_state import LaneState
from airflow_provider_claude.store import LeaseRecord, ShardFolder

_log = logging.getLogger(__name__)

#: How long a lease holds without being renewed, and how often it is.
LEASE_SECONDS = 90.0
RENEW_SECONDS = 20.0

#: How many requests a worker may have open or unwritten until it records the number.
UNDER_WAY = 2 * int(CEILING)


class Lease:
    """A lease that is held. Raises PendingError when made while another holds.

    `under_way` is the most requests that are sent and not written at a time, `unsure` counts those that ended without an
    answer and may have been paid, `rate_limited` those that the API has refused because the account was busy (429); all go on
    record whenever the lease is renewed.
    """

    def __init__(self, shard: ShardFolder, attempt: int, clock: Callable[[], str]) -> None:
        self._attempt, self._clock = attempt, clock
        self.under_way, self.unsure, self.rate_limited = UNDER_WAY, 0, 0
        self._leases = shard.leases(attempt)
        number, latest = self._leases.latest()
        if latest is not None and (left := _left(latest, self._now())) > 0:
            raise PendingError(_held(shard, attempt), left)
        self.number = number + 1
        self._record = self._until(LEASE_SECONDS, 0)
        if not self._leases.write_new(self.number, self._record):
            raise PendingError(_held(shard, attempt), LEASE_SECONDS)

    def _now(self) -> datetime:
        return parse_time(self._clock())

    def _until(self, seconds: float, done: int) -> LeaseRecord:
        return LeaseRecord(
            attempt=self._attempt,
            number=self.number,
            until=(self._now() + timedelta(seconds=seconds)).isoformat(),
            done=done,
            unsure=self.unsure,
            under_way=self.under_way,
            rate_limited=self.rate_limited,
            ended=seconds < 0,
        )

    @property
    def over(self) -> bool:
        """Whether another worker may hold it, because it was not renewed in time."""
        return self._now() >= parse_time(self._record.until)

    def renew(self, done: int) -> None:
        """Hold it for longer, and record that *done* requests are answered."""
        self._write(LEASE_SECONDS, done)

    def give_back(self, done: int) -> None:
        """Release it, so that the next worker can take it at once."""
        self._write(-SKEW_SECONDS, done)

    def _write(self, seconds: float, done: int) -> None:
        if self.over:
            return
        record = self._until(seconds, done)
        self._leases.overwrite(self.number, record)
        self._record = record


async def keep_renewed(lease: Lease, done: Callable[[], int], state: LaneState) -> None:
    """Renew *lease* until cancelled, with what *done* returns. End the lane where the lease ran out."""
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            await asyncio.to_thread(lease.renew, done())
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            _log.warning("The lease of the attempt could not be renewed: %s", masked(str(error)))
        if lease.over:
            state.end(lease_over())


def lease_over(pause: float = RENEW_SECONDS) -> PendingError:
    """The error of a worker whose lease ran out; a retry is worth it in *pause* seconds."""
    return PendingError("The lease on this attempt ran out; a retry resumes it.", pause)


def _left(lease: LeaseRecord, now: datetime) -> float:
    """Seconds until no worker relies on *lease* any more."""
    return (parse_time(lease.until) - now).total_seconds() + SKEW_SECONDS


def _held(shard: ShardFolder, attempt: int) -> str:
    return (
        f"Shard {shard.number}, attempt {attempt}: a worker is processing it in the sync lane. If it died, its lease runs out "
        "by itself. Nothing is asked twice."
    )
