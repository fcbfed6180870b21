"""An API that takes messages and refuses batches: for the workspace, the key or the model, from the start or half-way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from random import Random

from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from tests.chaos.acts import kill_at
from tests.chaos.bench import Bench
from tests.chaos.courses import BATCHES, STORED, Course, Fault
from tests.chaos.kills import some
from tests.chaos.night import IN_FLIGHT, JOB, Night
from tests.chaos.results import Case, Result
from tests.chaos.tries import Tries

KIND = "batches refused"

#: Kills on the local disk, on the object store, and a seed where it refuses from the second shard on.
_KILLS, _HALF_WAY_KILLS = (4, 3), 1

_ALLOWED = LaneSettings(refused_batches="sync")


def _by_sync(night: Night) -> None:
    replace(night, lanes=_ALLOWED).whole()


def _course(name: str, *faults: Fault) -> Course:
    return Course(name=name, work=_by_sync, faults=faults, lost=2 * IN_FLIGHT)


_WORKSPACE = _course("for the workspace", Fault("batches_refused", times=None))
_KEY = _course("for the key", Fault("permission", "create", None))
_MODEL = _course("for the model")
_HALF_WAY = _course("half-way")


def refused(bench: Bench) -> Iterator[Case]:
    for seed in bench.some_seeds:
        for course in (_WORKSPACE,) if bench.short else (_WORKSPACE, _KEY, _MODEL):
            yield partial(_allowed, bench, course.on_objects() if seed % 2 else course, seed)
        if not bench.short:
            yield partial(_not_allowed, bench, seed)
            yield partial(_half_way, bench, seed, None)
            yield from (partial(_half_way, bench, seed, kill) for kill in range(_HALF_WAY_KILLS))
    if not bench.short:
        yield from some(bench, KIND, _WORKSPACE, _KILLS, ("create", "settle"))


def _allowed(bench: Bench, course: Course, seed: int) -> Result:
    """The sync lane answers all rows, and no batch is sent."""
    machine, place = bench.machine, bench.machine.case(seed, course=course)
    machine.claude.model(JOB.model, batch=not course.name.startswith(_MODEL.name))
    tries = Tries(machine, place)
    wrong = tries.finish()
    if batches := list(machine.state.glob("batches/*/batch.json")):
        wrong.append(f"{len(batches)} batches were sent")
    expected = bench.expected(course.texts())
    return bench.close(KIND, f"{course.name}, allowed", seed, tries, wrong, expected=expected)


def _not_allowed(bench: Bench, seed: int) -> Result:
    """The run fails before anything but the trial is paid; once the workspace is open again, it goes on."""
    machine = bench.machine
    place = machine.case(seed, course=STORED if seed % 2 else BATCHES)
    machine.claude.fault("batches_refused", times=None)
    tries = Tries(machine, place)
    first = tries.note(machine.start(place).join())
    wrong = (
        []
        if first.error == "BatchesRefusedError" and first.terminal
        else [f"it ended with {first.error or 'all done'}"]
    )
    paid = machine.claude.books()["total"]["requests"]
    wrong += [] if paid == 1 else [f"{paid} requests were paid"]
    machine.claude.clear_faults()
    return bench.close(KIND, "not allowed, then open again", seed, tries, wrong)


def _half_way(bench: Bench, seed: int, kill: int | None) -> Result:
    """The first batch is taken, and no other."""
    machine = bench.machine
    course = _HALF_WAY.on_objects() if seed % 2 else _HALF_WAY
    place = machine.case(seed, course=course)
    tries = Tries(machine, place)
    tries.note(machine.start(place, work=_first_sent).join())
    machine.claude.fault("batches_refused", times=None)
    at = None if kill is None else Random(f"refused {seed} {kill}").randrange(120, 400)
    if at is not None:
        tries.note(machine.start(place, kill_at(at)).join())
    wrong = tries.finish()
    sent = len(list(machine.state.glob("batches/*/batch.json")))
    wrong += [] if sent == 1 else [f"{sent} batches were sent"]
    title = f"half-way, allowed{'' if at is None else f', killed at {at}'}"
    expected = bench.expected(course.texts(), trial=0 if at is None else course.lost)
    return bench.close(KIND, title, seed, tries, wrong, expected=expected)


def _first_sent(night: Night) -> None:
    allowed = replace(night, lanes=_ALLOWED)
    allowed.planned()
    allowed.submit(1)
