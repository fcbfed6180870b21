"""What strikes at a point: nothing, a kill, a stop, or an error of the store."""

from __future__ import annotations

import os
import signal

from tests.chaos.points import Act, Point


def nothing(_number: int, _point: Point) -> None:
    """The clean run."""


def kill_at(at: int) -> Act:
    """The process is gone, as by a power cut: no `finally` runs."""
    return _signal_at(at, signal.SIGKILL)


def stop_at(at: int) -> Act:
    """The process stands still until it is told to go on, as on a machine that hangs."""
    return _signal_at(at, signal.SIGSTOP)


def _signal_at(at: int, kind: signal.Signals) -> Act:
    def act(number: int, _point: Point) -> None:
        if number == at:
            os.kill(os.getpid(), kind)

    return act


def fail_at(at: int, error: int) -> Act:
    """One system call fails with the errno *error*."""

    def act(number: int, point: Point) -> None:
        if number == at:
            raise OSError(error, os.strerror(error), point.name)

    return act


def full_from(at: int, error: int) -> Act:
    """From here on nothing can be written any more; what removes something still works."""

    def act(number: int, point: Point) -> None:
        if number >= at and not point.name.startswith(("unlink", "remove", "rmdir")):
            raise OSError(error, os.strerror(error), point.name)

    return act
