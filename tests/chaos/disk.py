"""A store that fails: a full disk, and errors on reading and writing, at every point."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from functools import partial

from tests.chaos.acts import fail_at, full_from
from tests.chaos.bench import Bench
from tests.chaos.machine import STORE, WRITES
from tests.chaos.points import Act, Point
from tests.chaos.results import Case, Result
from tests.chaos.tries import Tries


def full(bench: Bench) -> Iterator[Case]:
    """From one point on the disk is full, until the next try."""
    for number, seed in bench.chosen(bench.writes):
        act = full_from(number, errno.ENOSPC)
        yield partial(_broken, bench, "disk full", bench.writes[number], seed, act, WRITES)


def failing(bench: Bench) -> Iterator[Case]:
    """One read or write fails."""
    for number, seed in bench.chosen(bench.store):
        act = fail_at(number, errno.EIO)
        yield partial(_broken, bench, "store error", bench.store[number], seed, act, STORE)


def _broken(bench: Bench, kind: str, point: Point, seed: int, act: Act, kinds: frozenset[str]) -> Result:
    """One case. That the first try goes through is fine: what failed was then not needed."""
    place = bench.machine.case(seed)
    tries = Tries(bench.machine, place)
    first = tries.note(bench.machine.start(place, act, kinds).join())
    wrong = [f"the broken try ended for good: {first.error}"] if first.terminal else []
    trial = int(point.stage == "plan")
    return bench.close(kind, str(point), seed, tries, wrong, trial=trial)
