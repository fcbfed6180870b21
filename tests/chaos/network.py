"""An API that fails: every fault of the simulator on every route it fits, a restart, a moment of silence."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

from tests.chaos.acts import kill_at, nothing, stop_at
from tests.chaos.bench import Bench
from tests.chaos.points import Act
from tests.chaos.results import Case, Result
from tests.chaos.tries import Tries

_ANY = ("reset_before_accept", "reset_after_accept", "error_500", "error_529", "rate_limit", "slow")
_ROUTES = ("messages", "create", "retrieve", "list", "results")

#: Fault and route. The list is only read where a worker died between the paid call and its record.
FAULTS = [
    *((fault, route) for fault in _ANY for route in _ROUTES),
    ("not_found_after_create", "retrieve"),
    ("not_found_after_create", "results"),
    ("cut_results", "results"),
    ("short_results", "results"),
    ("torn_results", "results"),
    ("strange_results", "results"),
    ("extra_results", "results"),
    ("zero_counts", "retrieve"),
    ("zero_counts", "list"),
    ("error_504_after_accept", "create"),
    ("error_504_after_accept", "messages"),
    ("html_413", "create"),
    ("html_413", "messages"),
    ("bad_key", "create"),
    ("billing", "create"),
]

#: What these say needs a person, who then clears the task.
_MENDED = frozenset({"RequestRejectedError", "CredentialsError", "BillingError"})

#: Cases a seed of a restarted and of a silent API.
_MOMENTS = 8


def faults(bench: Bench) -> Iterator[Case]:
    for number, (fault, route) in enumerate(FAULTS):
        for seed in bench.seeds:
            if not bench.short or (number + seed) % 12 == 0:
                yield partial(_fault, bench, fault, route, seed)


def _fault(bench: Bench, fault: str, route: str, seed: int) -> Result:
    """The seed says how often it strikes."""
    place = bench.machine.case(seed)
    times = 1 + seed % 2
    bench.machine.claude.fault(fault, times=times, route=route, seconds=0.3, share=0.4)
    tries = Tries(bench.machine, place, mended=_MENDED)
    if route == "list":
        tries.note(bench.machine.start(place, _after_paying(bench)).join())
    wrong = tries.finish()
    # A synchronous answer that is lost has to be asked again, and a reset loses it each time.
    trial = times if route == "messages" and fault.endswith("after_accept") else 0
    return bench.close("network", f"{fault} x{times} on {route}", seed, tries, wrong, trial=trial)


def _after_paying(bench: Bench) -> Act:
    name = "POST /v1/messages/batches, answered"
    return kill_at(next(n for n, point in enumerate(bench.points) if point.name == name))


def restarted(bench: Bench) -> Iterator[Case]:
    """The API's process is killed and started anew, while the worker stands at a point that the seed picks."""
    yield from _moments(bench, "API restarted", silence=0.0)


def silent(bench: Bench) -> Iterator[Case]:
    """The API's process hangs for a moment."""
    yield from _moments(bench, "API hangs", silence=0.5)


def _moments(bench: Bench, kind: str, *, silence: float) -> Iterator[Case]:
    for seed in bench.some_seeds:
        for number in range(1 if bench.short else _MOMENTS):
            yield partial(_moment, bench, kind, seed, Random(f"{kind} {seed} {number}"), silence)


def _moment(bench: Bench, kind: str, seed: int, chance: Random, silence: float) -> Result:
    calls = [n for n, point in enumerate(bench.points) if point.kind == "call"]
    number = chance.choice(calls)
    place = bench.machine.case(seed)
    tries = Tries(bench.machine, place)
    child = bench.machine.start(place, stop_at(number) if not silence else nothing)
    if silence:
        bench.machine.hang(silence)
    elif child.stopped():
        bench.machine.restart()
        child.go_on()
    tries.note(child.join())
    name = "in the middle of a night" if silence else str(bench.points[number])
    return bench.close(kind, name, seed, tries, [], trial=int(bench.points[number].stage == "plan" and not silence))
