"""Two whole runs over one run folder: the one that is active keeps the other out, and is followed when it is done or dead."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from airflow_provider_claude.core.active_run import LEASE_SECONDS, ActiveRun
from airflow_provider_claude.errors import PendingError
from airflow_provider_claude.stages.active.enter import Active, Alive, enter
from tests.chaos.acts import kill_at, nothing, stop_at
from tests.chaos.bench import Bench
from tests.chaos.courses import Course
from tests.chaos.night import Night, Place
from tests.chaos.points import Act
from tests.chaos.processes import Child
from tests.chaos.results import Case, Result
from tests.chaos.tries import Tries

KIND = "two runs"

#: Real seconds between two tries of a run that has to wait, and for how many of them it waits.
_PAUSE, _PAUSES = 0.05, 1_000

#: What the run is told that has to wait for another.
_KEPT_OUT = "in use since"

Work = Callable[[Night], None]


def _is_alive(other: ActiveRun) -> bool:
    """Whether the process of *other* goes on, by the word of the operating system."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{other.process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _is_unknown(_other: ActiveRun) -> None:
    """As where Airflow cannot be asked: then only its lease tells."""


def _run(name: str, alive: Alive = _is_alive) -> Work:
    """A whole night that enters its run folder before each stage, as each task does, and leaves it at its end."""

    def work(night: Night) -> None:
        me = ActiveRun(dag_id="nightly", run_id=name, process=str(os.getpid()))
        active: list[Active] = []

        def mark(stage: str) -> None:
            night.mark(stage)
            active[:] = [enter(night.run, me, alive=alive, clock=night.clock)]

        replace(night, mark=mark).whole()
        active[0].close()

    return work


def _patient(name: str) -> Work:
    """The same; where it has to wait, it begins again a moment later."""

    def work(night: Night) -> None:
        for _ in range(_PAUSES):
            try:
                _run(name)(night)
            except PendingError:
                time.sleep(_PAUSE)
            else:
                return
        raise TimeoutError(f"run {name} was kept out for ever")

    return work


_COURSE = Course(name=KIND, work=_run("first"))


class Two(NamedTuple):
    """Two runs at *place*; the first is struck at its point *number*."""

    bench: Bench
    place: Place
    tries: Tries
    number: int

    def first(self, act: Act, alive: Alive = _is_alive) -> Child:
        return self.bench.machine.start(self.place, act, work=_run("first", alive))

    def second(self, alive: Alive = _is_alive) -> Child:
        return self.bench.machine.start(self.place, work=_run("second", alive))

    def kept_out(self, alive: Alive = _is_alive) -> list[str]:
        """The second run has to wait, and is told for whom. No time passes meanwhile."""
        second = self.second(alive).join()
        self.tries.outcomes.append(second)
        if second.error == "PendingError" and _KEPT_OUT in second.text and "run first of nightly" in second.text:
            return []
        return [f"the second run was not kept out: {second.error or 'it went through'}"]

    def followed(self, alive: Alive = _is_alive) -> list[str]:
        """The second run comes to its end, and no other keeps it out."""
        before = len(self.tries.outcomes)
        wrong = self.tries.finish(lambda _: self.second(alive))
        kept_out = any(_KEPT_OUT in one.text for one in self.tries.outcomes[before:])
        return [*wrong, *(["the second run was kept out by one that is over"] if kept_out else [])]

    @property
    def trial(self) -> int:
        return int(self.bench.course(self.bench.machine.course).points[self.number].stage == "plan")


def at_once(bench: Bench) -> Iterator[Case]:
    for seed in bench.some_seeds:
        for number, how in enumerate(_WAYS[:1] if bench.short else _WAYS):
            yield partial(_case, bench, how, seed, number)


def _case(bench: Bench, how: Callable[[Two], list[str]], seed: int, way: int) -> Result:
    course = _COURSE.on_objects() if (seed + way) % 2 else _COURSE
    points = bench.course(course).points
    entered = next(n for n, point in enumerate(points) if point.name.endswith("active.1.json, done"))
    number = Random(f"two runs {seed} {way}").randrange(entered, len(points) - 20)
    place = bench.machine.case(seed, course=course)
    two = Two(bench, place, Tries(bench.machine, place), number)
    wrong = how(two)
    trial = two.trial if how is not _one_after_the_other else 0
    title = (how.__doc__ or "").split(".")[0]
    return bench.close(KIND, f"{title}, {number:03d} {points[number]}", seed, two.tries, wrong, trial=trial)


def _one_after_the_other(two: Two) -> list[str]:
    """kept out. The first run stands still for a moment; the second waits for it, and finds all done."""
    first = two.first(stop_at(two.number))
    if not first.stopped():
        return [f"the first run was not stopped: {two.tries.note(first.join()).error}"]
    wrong = two.kept_out()
    first.go_on()
    ended = two.tries.note(first.join())
    return wrong + ([] if ended.done else [f"the first run ended with {ended.error}"]) + two.followed()


def _dead(two: Two) -> list[str]:
    """killed, and known to be. The second run follows at once."""
    two.tries.note(two.first(kill_at(two.number)).join())
    return two.followed()


def _silent(two: Two) -> list[str]:
    """killed, and not known to be. The second run follows when the lease of the first is over."""
    two.tries.note(two.first(kill_at(two.number)).join())
    wrong = two.kept_out(_is_unknown)
    two.bench.machine.advance(LEASE_SECONDS + 60.0)
    return [*wrong, *two.followed(_is_unknown)]


def _woken(two: Two) -> list[str]:
    """stopped for longer than its lease. The second run has done all when the first goes on."""
    first = two.first(stop_at(two.number), _is_unknown)
    if not first.stopped():
        return [f"the first run was not stopped: {two.tries.note(first.join()).error}"]
    wrong = two.kept_out(_is_unknown)
    two.bench.machine.advance(LEASE_SECONDS + 60.0)
    wrong += two.followed(_is_unknown)
    first.go_on()
    two.tries.note(first.join())
    return [*wrong, *two.followed(_is_unknown)]


def _together(two: Two) -> list[str]:
    """started together. One wins, and the other waits."""
    runs = [two.bench.machine.start(two.place, nothing, work=_patient(name)) for name in ("first", "second")]
    ends = [two.tries.note(one.join()) for one in runs]
    return [f"a run ended with {one.error}" for one in ends if not one.done]


_WAYS = (_one_after_the_other, _dead, _silent, _woken, _together)
