"""The account's token bucket, shared by all sync lanes of one connection on this machine.

It lives in a small file of the system's folder for temporary files, locked for the moment of each look. Over machines
nothing is shared but what the API's headers tell: give the tasks an Airflow pool with one slot there.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from airflow_provider_claude.core.plan.limits import AccountLimits
from airflow_provider_claude.core.settle.bucket import Buckets, Use

#: The shortest wait, in seconds, before the bucket is looked at again.
_BLINK = 0.002


class Meters:
    """The buckets of *account*. *reserve*: the share of the limits that is left to others."""

    def __init__(self, account: str, limits: AccountLimits, *, reserve: float, now: Callable[[], float]) -> None:
        self._path = _folder() / f"{hashlib.sha256(account.encode()).hexdigest()[:24]}.buckets"
        self._now = now
        self._fresh = Buckets.full(limits, reserve=reserve, now=now())
        self.limits = limits

    async def admit(self, use: Use) -> None:
        """Return when *use* may be sent; it is drawn by then."""
        while (seconds := self._draw(use)) > 0:  # noqa: ASYNC110 - other processes draw, too
            await asyncio.sleep(max(seconds, _BLINK))

    def _draw(self, use: Use) -> float:
        with self._open() as (buckets, save):
            now = self._now()
            seconds = buckets.wait(use, now)
            if seconds <= 0:
                save(buckets.drawn(use, now))
            return seconds

    def correct(self, estimated: Use, used: Use) -> None:
        """Put right what *estimated* was when it is known what was *used*."""
        with self._open() as (buckets, save):
            save(buckets.corrected(estimated, used, self._now()))

    def heed(self, limits: AccountLimits, pace: float) -> None:
        """Go by *limits*, at *pace* (0 to 1) of what they allow."""
        if limits != self.limits:
            self.limits = limits
        with self._open() as (buckets, save):
            now = self._now()
            save(buckets.at_limits(limits, now).paced(pace, now))

    @contextmanager
    def _open(self) -> Iterator[tuple[Buckets, Callable[[Buckets], None]]]:
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield self._read(file), lambda buckets: _write(file, buckets)

    def _read(self, file: IO[bytes]) -> Buckets:
        file.seek(0)
        data = file.read()
        expected = len(self._fresh.numbers()) * 8
        if len(data) != expected:
            return self._fresh
        return Buckets.of_numbers(struct.unpack(f"<{expected // 8}d", data))


def _write(file: IO[bytes], buckets: Buckets) -> None:
    numbers = buckets.numbers()
    file.seek(0)
    file.truncate()
    file.write(struct.pack(f"<{len(numbers)}d", *numbers))
    file.flush()


def _folder() -> Path:
    """A folder of this user's alone: whoever could write there could stop the lane."""
    folder = Path(tempfile.gettempdir()) / f"airflow-claude-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user; remove it.")
    return folder
