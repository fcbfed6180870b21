"""A kill at every point of the night; and kills in a row, which meet the recovery itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import NamedTuple

from tests.chaos.acts import kill_at
from tests.chaos.bench import Bench, first_of_each_like
from tests.chaos.courses import BATCHES, OF_FIVE, STORED, Course
from tests.chaos.points import Point
from tests.chaos.processes import Child
from tests.chaos.results import Case, Result
from tests.chaos.tries import Tries

#: Of the points of another course that the main night passes as well, one of so many is tried.
_KNOWN = 4

#: Cases a seed of kills in a row, and the kills in each.
_ROWS, _KILLS = 8, 5


def each_point(bench: Bench) -> Iterator[Case]:
    """Killed once, at one of the points of a clean run: each with all seeds."""
    for course in (BATCHES, STORED):
        points = bench.course(course).points
        for number, seed in places(course, list(bench.chosen(points, all_seeds=True))):
            trial = int(trial_open(points, number))
            yield partial(_kill, bench, Struck(BATCHES.name, course, points[number], number, trial), seed)


def each_course(course: Course) -> Callable[[Bench], Iterator[Case]]:
    """Killed once, at one of the points of a clean run that takes *course*: each with one seed."""

    def cases(bench: Bench) -> Iterator[Case]:
        for one in (course,) if bench.short else (course, course.on_objects()):
            points = bench.course(one).points
            begins = next(n for n, point in enumerate(points) if point.stage.startswith(course.begins))
            found = [(begins + number, seed) for number, seed in bench.chosen(points[begins:])]
            found = _of_its_own(found, points, bench.course(STORED if one.stored else BATCHES).points)
            for number, seed in found[len(found) // 2 :: len(found)] if bench.short else places(one, found):
                trial = one.lost or int(points[number].stage.endswith("plan"))
                yield partial(_kill, bench, Struck(course.name, one, points[number], number, trial), seed)

    return cases


def _of_its_own(found: list[tuple[int, int]], points: Sequence[Point], main: Sequence[Point]) -> list[tuple[int, int]]:
    """Those *found* among *points* that the *main* night does not pass, and some of the others."""
    known = {point.like for point in main}
    return [one for place, one in enumerate(found) if place % _KNOWN == 0 or points[one[0]].in_main not in known]


def some(bench: Bench, kind: str, course: Course, most: tuple[int, int], stages: tuple[str, ...]) -> Iterator[Case]:
    """Killed once, at so many points of *course* in these *stages*, on the local disk and on the object store: one seed each."""
    for one, count in zip((course, course.on_objects()), most, strict=True):
        points = bench.course(one).points if count else []
        found = [number for number in first_of_each_like(points) if points[number].stage.startswith(stages)]
        for place in range(0, count, bench.step):
            number = found[(2 * place + 1) * len(found) // (2 * count)]
            struck = Struck(kind, one, points[number], number, one.lost, course.name)
            yield partial(_kill, bench, struck, bench.seeds[place % len(bench.seeds)])


def places(course: Course, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those *found* that are tried where *course* runs: on the object store each, on the local disk three of five."""
    return [one for place, one in enumerate(found) if course.stored or place % 5 not in OF_FIVE]


class Struck(NamedTuple):
    """A case of *kind*: the *course* is killed at its *point*, the one with this *number*. *trial*: see Bench.close. *of*: the
    night of its kind that it is.
    """

    kind: str
    course: Course
    point: Point
    number: int
    trial: int
    of: str = ""


def _kill(bench: Bench, struck: Struck, seed: int) -> Result:
    place = bench.machine.case(seed, course=struck.course)
    tries = Tries(bench.machine, place)
    first = tries.note(bench.machine.start(place, kill_at(struck.number)).join())
    wrong = [] if first.killed else [f"it was not killed: {first.error or 'it went through'}"]
    of = f"{struck.of}, " if struck.of else ""
    name = f"{of}{'objects ' if struck.course.stored else ''}{struck.number:03d} {struck.point}"
    return bench.close(struck.kind, name, seed, tries, wrong, trial=struck.trial)


def trial_open(points: Sequence[Point], number: int) -> bool:
    """Whether a worker that dies at this point has asked the trial, and its answer is not on record yet."""
    point = points[number]
    if point.stage != "plan":
        return False
    asked = next(n for n, one in enumerate(points) if one.name == "POST /v1/messages, answered")
    kept = next(n for n, one in enumerate(points) if one.kind == "done" and ".results." in one.name)
    return asked <= number < kept


def in_a_row(bench: Bench) -> Iterator[Case]:
    """Killed again and again, each time at a point that the seed picks; then left in peace."""
    for seed in bench.some_seeds:
        for row in range(1 if bench.short else _ROWS):
            yield partial(_row, bench, seed, row)


def _row(bench: Bench, seed: int, row: int) -> Result:
    chance = Random(f"{seed} {row}")
    place = bench.machine.case(seed)
    tries = Tries(bench.machine, place)
    moments = [chance.randrange(int(len(bench.points) / (1 + number / 4))) for number in range(_KILLS)]

    def start(number: int) -> Child:
        if number < len(moments):
            return bench.machine.start(place, kill_at(moments[number]))
        return bench.machine.start(place)

    wrong = tries.finish(start)
    struck = [moment for moment, one in zip(moments, tries.outcomes, strict=False) if one.killed]
    return bench.close("kills in a row", f"{row}: {struck}", seed, tries, wrong, trial=_open_trials(bench, struck))


def _open_trials(bench: Bench, struck: list[int]) -> int:
    """How many of these kills may have lost the trial's answer. Later tries pass other numbers: any in a plan may."""
    return sum(bench.points[number].stage in {"scan", "plan"} for number in struck)
