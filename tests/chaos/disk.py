"""A store that fails: a full disk, and errors on reading and writing, at every point."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from tests.chaos.acts import fail_at, full_from
from tests.chaos.bench import Bench, first_of_each_like
from tests.chaos.courses import BATCHES, STORED, Course
from tests.chaos.kills import places
from tests.chaos.machine import BREAKS, STORE, WRITES
from tests.chaos.points import Act, Point
from tests.chaos.results import Case, Result
from tests.chaos.tries import Tries


def full(bench: Bench) -> Iterator[Case]:
    """From one point on the disk is full, until the next try."""
    for number, seed in bench.chosen(bench.course(BATCHES).writes):
        act = full_from(number, errno.ENOSPC)
        point = bench.course(BATCHES).writes[number]
        yield partial(_broken, bench, Broken("disk full", BATCHES, point), seed, act, WRITES)


def failing(bench: Bench) -> Iterator[Case]:
    """One read or write fails."""
    yield from _failing(bench, "store error", BATCHES)


def failing_objects(bench: Bench) -> Iterator[Case]:
    """One request to the object store fails."""
    yield from _failing(bench, "store error, objects", STORED)


def lost_replies(bench: Bench) -> Iterator[Case]:
    """The store has created an object, and its reply is lost: the worker gets an error, or its client asks again and hears that
    the object is there already.
    """
    points = bench.course(STORED).points
    created = [
        n for n in first_of_each_like(points) if points[n].kind == "done" and points[n].name.startswith("create ")
    ]
    for place, number in enumerate(created[:1] if bench.short else created[:: bench.step]):
        for error, heard in ((errno.EIO, "heard of an error, "), (errno.EEXIST, "heard that it is there, ")):
            broken = Broken("lost reply", STORED, points[number], heard)
            yield partial(_broken, bench, broken, bench.seeds[place % len(bench.seeds)], fail_at(number, error), BREAKS)


def _failing(bench: Bench, kind: str, course: Course) -> Iterator[Case]:
    for number, seed in places(course, list(bench.chosen(bench.course(course).store))):
        act = fail_at(number, errno.EIO)
        point = bench.course(course).store[number]
        yield partial(_broken, bench, Broken(kind, course, point), seed, act, STORE)


class Broken(NamedTuple):
    """The course of a case, and where it is struck. *how*: what the worker hears where the store has done as it was asked."""

    kind: str
    course: Course
    point: Point
    how: str = ""


def _broken(bench: Bench, broken: Broken, seed: int, act: Act, kinds: frozenset[str]) -> Result:
    """One case. That the first try goes through is fine: what failed was then not needed."""
    place = bench.machine.case(seed, course=broken.course)
    tries = Tries(bench.machine, place)
    first = tries.note(bench.machine.start(place, act, kinds).join())
    wrong = [f"the broken try ended for good: {first.error}"] if first.terminal else []
    trial = int(broken.point.stage == "plan" and not broken.how)
    return bench.close(broken.kind, f"{broken.how}{broken.point}", seed, tries, wrong, trial=trial)
