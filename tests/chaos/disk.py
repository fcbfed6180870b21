"""A store that fails: a full disk, and errors on reading and writing, at every point."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence

from tests.chaos.acts import fail_at, full_from
from tests.chaos.bench import Bench
from tests.chaos.machine import STORE, WRITES
from tests.chaos.points import Act, Point
from tests.chaos.results import Result
from tests.chaos.tries import Tries


def full(bench: Bench) -> Iterator[Result]:
    """From one point on the disk is full, until the next try."""
    for number in bench.chosen(bench.writes):
        yield _broken(bench, "disk full", bench.writes, number, full_from(number, errno.ENOSPC), WRITES)


def failing(bench: Bench) -> Iterator[Result]:
    """One read or write fails."""
    for number in bench.chosen(bench.store):
        yield _broken(bench, "store error", bench.store, number, fail_at(number, errno.EIO), STORE)


def _broken(bench: Bench, kind: str, points: Sequence[Point], number: int, act: Act, kinds: frozenset[str]) -> Result:
    """One case. That the first try goes through is fine: what failed was then not needed."""
    seed = bench.seed_of(number)
    place = bench.machine.case(seed)
    tries = Tries(bench.machine, place)
    first = tries.note(bench.machine.start(place, act, kinds).join())
    wrong = [f"the broken try ended for good: {first.error}"] if first.terminal else []
    trial = int(points[number].stage == "plan")
    return bench.close(kind, f"{number:03d} {points[number]}", seed, tries, wrong, trial=trial)
