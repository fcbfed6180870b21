"""The account's token buckets, shared by all sync lanes of one connection on this machine.

They live in a small file of the system's folder for temporary files, locked for the moment of each look. Lanes on
several machines share only the API's headers: give their tasks an Airflow pool with one slot.

If anything is wrong with the file, the lane continues: impossible contents are ignored, a lock that does not become free is
skipped, and a folder that cannot be used leaves each lane with its own buckets.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import stat
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.core.sync.pace import Headroom, fuller, least_share, limits_seen, pace_for
from airflow_provider_claude.core.sync.token_bucket import NOTHING, Buckets, Use

_log = logging.getLogger(__name__)

#: Tries to get the lock, and seconds between them. It is held for a moment: a process that holds it longer was stopped there.
_TRIES, _BLINK = 100, 0.001

#: The largest contents that are looked at, in bytes.
_MOST_BYTES = 4096


class RateLimiter:
    """The buckets of *account*, as one lane sees them.

    *limits*: the account's known limits, until the headers of its answers correct them. *reserve*: the share of the limits
    that is left to others. *now*: the time in epoch seconds, the same for all lanes of this machine.
    """

    def __init__(self, account: str, limits: AccountLimits, *, reserve: float, now: Callable[[], float]) -> None:
        self.limits, self._reserve, self._now = limits, reserve, now
        self._shared = _Shared(account)
        Buckets.fresh(limits, reserve=reserve, now=now())  # raises if the reserve is invalid

    def draw(self, use: Use) -> float:
        """Draw *use*, and return the seconds until the request may be sent."""
        with self._look() as look:
            seconds = look.buckets.wait(use, look.now)
            look.buckets = look.buckets.drawn(use, look.now)
        return seconds

    def give_back(self, use: Use) -> None:
        """*use* was drawn, and not used."""
        with self._look() as look:
            look.buckets = look.buckets.corrected(use, NOTHING, look.now)

    def settle(self, drawn: Use, used: Use, seen: Headroom) -> float:
        """Correct what was *drawn* once it is known what was *used*, and apply what the API says is left.

        Returns the pace, MIN_PACE to 1: how much of our share is used from now on.
        """
        self.limits = limits_seen(seen, self.limits)
        with self._look() as look:
            full = fuller(seen, look.buckets.full)
            pace = pace_for(least_share(seen, used, full), self._reserve)
            corrected = look.buckets.corrected(drawn, used, look.now).at_most(seen.left)
            look.buckets = replace(corrected.paced(pace, look.now), full=full)
        return pace

    def refused(self, drawn: Use, seconds: float) -> None:
        """The API had no room for the request that *drawn* was drawn for: no lane sends for *seconds*."""
        with self._look() as look:
            given_back = look.buckets.corrected(drawn, Use(drawn.requests), look.now)
            look.buckets = given_back.closed(seconds, look.now)

    def close(self) -> None:
        """Close the file. The next look opens it again."""
        self._shared.close()

    @contextmanager
    def _look(self) -> Iterator[_Look]:
        with self._shared.locked():
            now = self._now()
            look = _Look(Buckets.stored(self._shared.read(), self.limits, reserve=self._reserve, now=now), now)
            yield look
            self._shared.write(look.buckets.numbers())


@dataclass
class _Look:
    """The buckets at one moment; the caller may replace them."""

    buckets: Buckets
    now: float


class _Shared:
    """A few numbers that processes share by a file; where that fails, this process keeps them to itself."""

    def __init__(self, account: str) -> None:
        self._name = f"{hashlib.sha256(account.encode()).hexdigest()[:24]}.buckets"
        self._numbers: Sequence[float] = ()
        self._file: int | None = None
        self._alone = False
        self._tries, self._size = _TRIES, 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from changing the numbers meanwhile."""
        self._open()
        held = self._lock()
        try:
            yield
        finally:
            if held and self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def read(self) -> Sequence[float]:
        """The numbers, as they were last written; anything if something else has written there."""
        if self._file is not None:
            try:
                data = os.pread(self._file, _MOST_BYTES, 0)
            except OSError as error:
                self._go_without(error)
            else:
                self._size = len(data)
                return struct.unpack(f"<{self._size // 8}d", data) if self._size % 8 == 0 else ()
        return self._numbers

    def write(self, numbers: Sequence[float]) -> None:
        self._numbers = numbers
        if self._file is None:
            return
        data = struct.pack(f"<{len(numbers)}d", *numbers)
        try:
            os.pwrite(self._file, data, 0)
            if self._size != len(data):
                os.ftruncate(self._file, len(data))
        except OSError as error:
            self._go_without(error)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> None:
        """Open the file, again if it was removed: others would not find it."""
        if self._alone or (self._file is not None and os.fstat(self._file).st_nlink):
            return
        self.close()
        try:
            self._file = os.open(_folder() / self._name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            self._go_without(error)

    def _lock(self) -> bool:
        """Whether it is locked. A lock that did not get free in time is tried once from then on, until it is free."""
        if self._file is None:
            return False
        for _ in range(self._tries):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_BLINK)
            except OSError as error:
                self._go_without(error)
                return False
            else:
                self._tries = _TRIES
                return True
        self._tries = 1
        return False

    def _go_without(self, error: OSError) -> None:
        _log.warning(
            "The sync lanes here cannot share their rate limits; each follows the API's headers: %s",
            error,
        )
        self._alone = True
        self.close()


def _folder() -> Path:
    """A folder that only this user can write to: other writers could slow the lane down."""
    folder = Path(tempfile.gettempdir()) / f"airflow-claude-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise PermissionError(f"{folder} belongs to another user: remove it")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PermissionError(f"{folder} is open to other users, who may have changed what is in it: remove it")
    return folder
