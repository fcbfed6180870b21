"""What all cases share: the machine, the points and the answers of a clean run, and how a case is closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.chaos import mails
from tests.chaos.check import Answers, Expected, look, read_rows, trial_paid_again
from tests.chaos.courses import BATCHES, STORED, Course
from tests.chaos.machine import BREAKS, STORE, WRITES, Machine
from tests.chaos.points import Point
from tests.chaos.results import Result
from tests.chaos.tries import Tries
from tests.chaos.warm import warm_up

#: Of so many points, the short form tries one.
_SHORT_STEP = 120

#: One finished night in so many is run again.
_ONCE_MORE = 4


@dataclass(frozen=True)
class Watched:
    """All that a clean run passes, and the answers it comes to.

    *points* are those at which a process can be killed; *writes* and *store* those at which the disk can be full and the
    store can fail.
    """

    passed: list[Point]
    answers: Answers

    @property
    def points(self) -> list[Point]:
        return self._of(BREAKS)

    @property
    def writes(self) -> list[Point]:
        return self._of(WRITES)

    @property
    def store(self) -> list[Point]:
        return self._of(STORE)

    def _of(self, kinds: frozenset[str]) -> list[Point]:
        return [point for point in self.passed if point.kind in kinds]


@dataclass(kw_only=True)
class Bench:
    """*step*: one of so many points is tried."""

    machine: Machine
    seeds: Sequence[int]
    short: bool = False
    step: int = 1
    _courses: dict[str, Watched] = field(default_factory=dict)
    _closed: int = 0

    def prepare(self) -> None:
        """Run the night without harm, and remember what it passes and what it comes to."""
        warm_up(self.machine)
        self.course(BATCHES)
        self.course(STORED)

    @property
    def points(self) -> list[Point]:
        """Those of the course that cases take now: on the local disk, or on the object store."""
        return self.course(self.machine.usual).points

    def course(self, course: Course) -> Watched:
        """A clean run of *course*; it is run once."""
        if course.name not in self._courses:
            self._courses[course.name] = self._passed(course)
        return self._courses[course.name]

    def _passed(self, course: Course) -> Watched:
        place = self.machine.case(self.seeds[0], course=course)
        outcome = self.machine.start(place, kinds=BREAKS | STORE).join()
        if not outcome.done:
            raise RuntimeError(f"A night without harm failed:\n{outcome.text}")
        answers = dict(read_rows(place).answers)
        wrong, _ = look(self.machine, place, Expected(texts=course.texts(), answers=answers, doubled=course.doubled))
        if wrong:
            raise RuntimeError(f"A night without harm is wrong: {wrong}")
        return Watched(outcome.value, answers)

    def expected(self, texts: mails.Mails | None = None, *, trial: int = 0) -> Expected:
        """What a night must come to: all of *texts*, answered as in the clean run where they are its texts."""
        course = self.machine.course
        answers = self.course(course).answers if texts is None else None
        asked = course.texts() if texts is None else texts
        return Expected(texts=asked, answers=answers, trial_again=trial, doubled=course.doubled)

    def chosen(self, points: Sequence[Point], *, all_seeds: bool = False) -> Iterator[tuple[int, int]]:
        """The numbers of the points to try, with the seeds: the first of each like, with one seed. With *all_seeds* the first
        of each like with all, and the last with one.
        """
        firsts = first_of_each_like(points)
        lasts = set({point.like: number for number, point in enumerate(points)}.values()) if all_seeds else set()
        found = sorted(lasts.union(firsts))
        for number in found[:: _SHORT_STEP if self.short else self.step]:
            if all_seeds and number in firsts and not self.short:
                yield from ((number, seed) for seed in self.seeds)
            else:
                yield number, self.seeds[number % len(self.seeds)]

    @property
    def some_seeds(self) -> Sequence[int]:
        """All seeds, or in the short form the first."""
        return self.seeds[:1] if self.short else self.seeds

    def close(
        self,
        kind: str,
        name: str,
        seed: int,
        tries: Tries,
        wrong: list[str],
        *,
        trial: int = 0,
        expected: Expected | None = None,
    ) -> Result:
        """Finish the night if it is not, look at all of it, and run it once more now and then, which must cost nothing."""
        if not wrong and not (tries.outcomes and tries.outcomes[-1].done):
            wrong = tries.finish()
        asked = expected or self.expected(trial=trial)
        found, books = ([], None) if wrong else look(self.machine, tries.place, asked)
        self._closed += 1
        if not wrong and not found and self._closed % _ONCE_MORE == 0:
            found = self._once_more(tries, asked, books["total"]["requests"] if books else 0)
        twice = books is not None and trial_paid_again(books) > 0
        return Result(
            kind=kind,
            name=name,
            seed=seed,
            tries=len(tries.outcomes),
            wrong=[*wrong, *found],
            trial_twice=twice,
            stored=tries.place.stored,
            notes=tries.notes,
            log=tries.log,
        )

    def _once_more(self, tries: Tries, expected: Expected, paid: int) -> list[str]:
        outcome = self.machine.start(tries.place).join()
        if not outcome.done:
            tries.outcomes.append(outcome)
            return [f"a finished night that is run again ends with {outcome.error}"]
        found, books = look(self.machine, tries.place, expected)
        if books["total"]["requests"] != paid:
            return [*found, f"a finished night that is run again pays {books['total']['requests'] - paid} requests"]
        return [f"run again: {one}" for one in found]


def first_of_each_like(points: Sequence[Point]) -> list[int]:
    """The numbers of these points, ascending."""
    return sorted({point.like: len(points) - 1 - place for place, point in enumerate(reversed(points))}.values())
