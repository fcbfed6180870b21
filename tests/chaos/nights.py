"""Each fault of the API, and kills, in a run on Airflow: see `scheduler`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache, partial
from random import Random
from typing import NamedTuple

from tests.chaos.acts import kill_at
from tests.chaos.bench import Bench
from tests.chaos.check import look
from tests.chaos.courses import BATCHES
from tests.chaos.machine import BREAKS
from tests.chaos.network import FAULTS
from tests.chaos.points import Act, Point
from tests.chaos.results import Case, Result
from tests.chaos.scheduler import CALLS, Scheduler, prepare

KIND = "Airflow"

#: These end a task for good, until a person has seen to the account.
_FOR_GOOD = frozenset({"html_413", "bad_key", "billing"})

#: Runs a seed in which processes are killed, and the kills in each.
_KILLED, _KILLS = 4, 4


class Struck(NamedTuple):
    """The step of a run that is killed, and at which of its points."""

    step: int
    at: int
    point: Point


#: Points of a clean run at which one process is killed, a seed.
_POINTS = 12


def on_airflow(bench: Bench) -> Iterator[Case]:
    """Not in the short form: to start Airflow alone takes a minute."""
    if bench.short:
        return
    faults = [one for one in FAULTS if one[0] not in _FOR_GOOD and one[1] != "list"]
    for number, (fault, route) in enumerate(faults[:: bench.step]):
        yield partial(_faulty, bench, fault, route, bench.seeds[number % len(bench.seeds)])
    passed = cache(partial(_passed, bench))
    for seed in bench.seeds:
        yield from (partial(_killed, bench, seed, number) for number in range(_KILLED))
        yield from (partial(_killed_once, bench, passed, seed, number) for number in range(0, _POINTS, bench.step))


def _faulty(bench: Bench, fault: str, route: str, seed: int) -> Result:
    times = 1 + seed % 2
    name = f"{fault} x{times} on {route}"
    trial = times if route == "messages" and fault.endswith("after_accept") else 0
    return _run(bench, name, seed, trial, fault=(fault, route, times))


def _killed(bench: Bench, seed: int, number: int) -> Result:
    """Some of its processes are killed at one of their calls, tasks and triggers alike."""
    chance = Random(f"Airflow {seed} {number}")
    steps = sorted(chance.sample(range(30), _KILLS))
    harm = {step: kill_at(chance.randrange(4)) for step in steps}
    return _run(bench, f"killed in steps {steps}", seed, _KILLS, harm)


def _killed_once(bench: Bench, passed: Callable[[int], list[Struck]], seed: int, number: int) -> Result:
    """One process of a run is killed, at one of the points that this run passes undisturbed."""
    found = passed(seed)
    step, at, point = found[(2 * number + 1) * len(found) // (2 * _POINTS)]
    return _run(
        bench, f"killed {step:02d} {point}", seed, int("plan" in point.stage), {step: kill_at(at)}, chance=f"{seed}"
    )


def _passed(bench: Bench, seed: int) -> list[Struck]:
    """A clean run: of all points that its steps pass one of each like, with its step and its number in it."""
    prepare(bench.machine)
    place = bench.machine.case(seed, course=BATCHES)
    run = Scheduler(bench.machine, place, Random(f"{seed}"), kinds=BREAKS)
    if wrong := run.run():
        raise RuntimeError(f"A run without harm failed: {wrong}")
    found: dict[Point, Struck] = {}
    for step, points in enumerate(run.passed):
        for at, one in enumerate(points):
            point = replace(one, stage=run.order[step])
            found.setdefault(point.like, Struck(step, at, point))
    return sorted(found.values(), key=lambda one: (one.step, one.at))


def _run(
    bench: Bench,
    name: str,
    seed: int,
    trial: int,
    harm: Mapping[int, Act] | None = None,
    fault: tuple[str, str, int] | None = None,
    chance: str = "",
) -> Result:
    machine = bench.machine
    prepare(machine)
    place = machine.case(seed, course=BATCHES)
    if fault:
        machine.claude.fault(fault[0], route=fault[1], times=fault[2], seconds=0.3, share=0.4)
    run = Scheduler(machine, place, Random(chance or f"{name} {seed}"), harm or {}, kinds=BREAKS if chance else CALLS)
    wrong = run.run() or look(machine, place, bench.expected(trial=trial))[0]
    killed = sum(one.killed for one in run.outcomes)
    wrong += ["nothing was killed"] if chance and not killed else []
    noted = f"{killed} killed" if killed else ""
    errors = ", ".join(one.error for one in run.outcomes if one.error)
    notes = [one for one in (noted, errors) if one]
    log = "\n".join([*(one.text for one in run.outcomes if one.text), ", ".join(run.order)])
    return Result(kind=KIND, name=name, seed=seed, tries=len(run.order), wrong=wrong, notes=notes, log=log)
