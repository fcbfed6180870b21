"""What the parts of a lane share: whether it still sends, the error that ends it, and a signal that something changed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from airflow_provider_claude.errors import PendingError


@dataclass(kw_only=True)
class LaneState:
    """*stopping*: nothing more is sent. *error*: what the lane raises at its end; the first one counts.

    *changed* wakes the scheduler: it looks again whether a request may start.
    """

    error: Exception | None = None
    stopping: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    def started(self) -> None:
        """The lane's event loop runs: from now on `stop` wakes it."""
        self._loop = asyncio.get_running_loop()

    def end(self, error: Exception | None = None) -> None:
        """Send nothing more, and raise *error* once the answers of all open requests are written."""
        self.error = self.error or error
        self.stopping = True
        self.changed.set()

    def stop(self) -> None:
        """End the lane, from a signal handler or another thread."""
        self.error = self.error or PendingError("The sync lane was stopped; a retry resumes it.", 1.0)
        self.stopping = True
        if self._loop is not None:
            with suppress(RuntimeError):  # its loop has ended
                self._loop.call_soon_threadsafe(self.changed.set)


def interrupted() -> PendingError:
    return PendingError("The sync lane was interrupted; a retry resumes it.", 1.0)
