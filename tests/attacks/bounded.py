"""Runs an act of `acts` in a process of its own, bounded in memory and time.

All of them are forked from one process that has imported what they need, so that each costs some hundredths of a second.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

#: Bytes that an act may have, and seconds of CPU.
MEMORY = 2 << 30
SECONDS = 10

_STARTING = multiprocessing.get_context("forkserver")
_STARTING.set_forkserver_preload(["tests.attacks.warm"])


class Done(NamedTuple):
    """What an act returned, and the most memory it had, in megabytes."""

    value: Any
    megabytes: int


def within_bounds(act: Callable[..., Any], *arguments: Any) -> Any:
    """What *act* returns. Fails where it raises, takes more than MEMORY or SECONDS, or is killed."""
    return measured(act, *arguments).value


def measured(act: Callable[..., Any], *arguments: Any, memory: int = MEMORY) -> Done:
    ours, theirs = _STARTING.Pipe(duplex=False)
    process = _STARTING.Process(target=_bounded, args=(theirs, memory, act, arguments))
    process.start()
    theirs.close()
    try:
        found = ours.recv()
    except EOFError:
        found = None
    process.join()
    assert found is not None, f"{act.__name__} was ended by signal {-(process.exitcode or 0)}: it took too much"
    if isinstance(found, BaseException):
        raise found
    return Done(*found)


def _bounded(result: Connection, memory: int, act: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    try:
        value = act(*arguments)
    except BaseException as error:  # noqa: BLE001 - it is raised again by who waits for it
        result.send(error)
    else:
        result.send((value, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10))
