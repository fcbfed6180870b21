"""Two workers at one run: both at work at once, or one that stands still and wakes up when all is done.

One that is stopped between its last look at the clock and the end of its body sends a second batch when it wakes up: the
API has no key that makes a call count once. It has to cancel that batch at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

from tests.chaos.acts import kill_at, nothing, stop_at
from tests.chaos.bench import Bench
from tests.chaos.night import Night
from tests.chaos.points import LAST_CHUNK, Point
from tests.chaos.processes import Outcome
from tests.chaos.results import Case, Result
from tests.chaos.tries import MOST_TRIES, Tries

#: Races a seed.
_RACES = 8

#: Where a worker that stands still is the most dangerous, by its names on a disk and on the object store; and so many more
#: points that the seed picks.
_STOPS: tuple[tuple[str, ...], ...] = (
    ("POST /v1/messages/batches",),
    ("body, in the middle",),
    (LAST_CHUNK,),
    ("POST /v1/messages/batches, answered",),
    ("link 00001/1.intent.json", "create 00001/1.intent.json"),
    ("link 00001/1.submitted.json", "create 00001/1.submitted.json"),
    ("results, in the middle",),
    ("replace 00001/loaded.json", "put 00001/loaded.json"),
)
_MORE_STOPS = 4


def both(bench: Bench) -> Iterator[Case]:
    """Two at once from the create step on, each killed or not."""
    for seed in bench.some_seeds:
        for race in range(1 if bench.short else _RACES):
            yield partial(_race, bench, seed, race)


def _race(bench: Bench, seed: int, race: int) -> Result:
    chance = Random(f"race {seed} {race}")
    machine, place = bench.machine, bench.machine.case(seed)
    tries = Tries(machine, place)
    tries.note(machine.start(place, work=Night.planned).join())
    course = [point for point in bench.points if point.stage not in {"scan", "plan", "report"}]
    moments = [chance.randrange(len(course)) if chance.random() < 0.6 else None for _ in range(2)]
    wrong: list[str] = []
    for number in range(MOST_TRIES):
        acts = [kill_at(at) if at is not None and number == 0 else nothing for at in moments]
        children = [machine.start(place, act, work=Night.shards) for act in acts]
        ends = [child.join() for child in children]  # time is moved when both have ended, not while one is at work
        wrong = [f"a worker ended for good: {one.error}" for one in ends if one.terminal]
        tries.outcomes += [one for one in ends if not one.done]
        if wrong or all(one.done for one in ends):
            break
        machine.advance(max((one.retry_after for one in ends), default=0.0) + 1.0)
    return bench.close("race", f"{race}: killed at {moments}", seed, tries, wrong)


def zombies(bench: Bench) -> Iterator[Case]:
    """One is stopped, another does all that is to be done, then the first goes on as if nothing had happened."""
    for seed in bench.some_seeds:
        stops = range(len(_STOPS) + _MORE_STOPS)
        for number in stops[1:3] if bench.short else stops:
            yield partial(_zombie, bench, seed, number)


def _stops(bench: Bench, chance: Random) -> Iterator[int]:
    names = [point.name for point in bench.points]
    yield from (min(names.index(name) for name in either if name in names) for either in _STOPS)
    yield from (chance.randrange(len(names)) for _ in range(_MORE_STOPS))


def _zombie(bench: Bench, seed: int, stop: int) -> Result:
    number = list(_stops(bench, Random(f"zombie {seed}")))[stop]
    machine, place = bench.machine, bench.machine.case(seed)
    tries = Tries(machine, place)
    zombie = machine.start(place, stop_at(number))
    if not zombie.stopped():
        tries.note(zombie.join())
        return bench.close("zombie", "it was not stopped", seed, tries, ["the worker was not stopped"])
    wrong = tries.finish()
    zombie.go_on()
    woken = zombie.join()
    tries.note(woken)
    name = f"{number:03d} {bench.points[number]}; woken: {_ended(woken)}"
    return bench.close("zombie", name, seed, tries, wrong, trial=int(_in_plan(bench.points[number])))


def _in_plan(point: Point) -> bool:
    return point.stage == "plan"


def _ended(woken: Outcome) -> str:
    return woken.error or "went through"
