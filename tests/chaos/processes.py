"""A try of a worker as a forked process, and how it ended."""

from __future__ import annotations

import os
import pickle
import select
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_claude.errors import Terminal, Transient

#: Real seconds a try may take.
_PATIENCE = 120.0

#: Children that have not been waited for.
_ALIVE: set[int] = set()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """*error* is the name of what was raised, empty where the try went through; *value* what it returned."""

    killed: bool = False
    error: str = ""
    terminal: bool = False
    store: bool = False
    retry_after: float = 0.0
    text: str = ""
    value: Any = None

    @property
    def done(self) -> bool:
        return not self.killed and not self.error


class Child:
    """A forked process that does *work* and tells how it went."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _live(work, write)
        _ALIVE.add(self.pid)
        os.close(write)
        self._ended = False

    def stopped(self) -> bool:
        """Wait until it stands still, or has ended; whether it stands still."""
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        self._ended = not os.WIFSTOPPED(status)
        if self._ended:
            _ALIVE.discard(self.pid)
        return not self._ended

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def join(self) -> Outcome:
        """Its end; it is killed where it takes too long."""
        data, until = b"", time.monotonic() + _PATIENCE
        while select.select([self._read], [], [], max(0.0, until - time.monotonic()))[0]:
            chunk = os.read(self._read, 1 << 16)
            if not chunk:
                break
            data += chunk
        else:
            self._end()
            return Outcome(error="Hang", terminal=True, text=f"It took more than {_PATIENCE:.0f} s and was killed.")
        self._end(kill=False)
        outcome: Outcome = pickle.loads(data) if data else Outcome(killed=True)
        return outcome

    def _end(self, *, kill: bool = True) -> None:
        if kill and not self._ended:
            os.kill(self.pid, signal.SIGKILL)
        if not self._ended:
            os.waitpid(self.pid, 0)
            self._ended = True
            _ALIVE.discard(self.pid)
        os.close(self._read)


def end_all() -> None:
    """Kill the children that are still there."""
    for pid in list(_ALIVE):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        _ALIVE.discard(pid)


def in_child(work: Callable[[], Any]) -> Any:
    """What *work* returns in a forked process. Raises RuntimeError with its traceback where it fails."""
    outcome = Child(work).join()
    if not outcome.done:
        raise RuntimeError(outcome.text or "the child was killed")
    return outcome.value


def _live(work: Callable[[], Any], write: int) -> None:
    """The life of a child. Never returns."""
    try:
        outcome = Outcome(value=work())
    except BaseException as error:  # noqa: BLE001 - told to the parent
        outcome = _of(error)
    with os.fdopen(write, "wb") as stream:
        pickle.dump(outcome, stream)
    os._exit(0)


def _of(error: BaseException) -> Outcome:
    wait = error.retry_after if isinstance(error, Transient) else None
    return Outcome(
        error=type(error).__name__,
        terminal=isinstance(error, Terminal),
        store=isinstance(error, OSError),
        retry_after=wait or 0.0,
        text="".join(traceback.format_exception(error)),
    )
