"""The whole machine dies while two shards are being sent: both are paid for, and neither is on record."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.chaos.acts import kill_at
from tests.chaos.bench import Bench
from tests.chaos.night import Night
from tests.chaos.processes import Child
from tests.chaos.results import Case, Result
from tests.chaos.tries import Tries

#: Shards of different sizes, which the API's list tells apart, and of one size, which their results do.
_DIFFERENT, _ALIKE = (1, 3), (1, 2)


def orphans(bench: Bench) -> Iterator[Case]:
    for seed in bench.some_seeds:
        yield partial(_distinguished, bench, seed)
        yield partial(_alike, bench, seed)


def _distinguished(bench: Bench, seed: int) -> Result:
    tries = _killed(bench, seed, _DIFFERENT)
    return bench.close("two orphans", "of different sizes", seed, tries, [])


def _killed(bench: Bench, seed: int, shards: tuple[int, int]) -> Tries:
    machine, place = bench.machine, bench.machine.case(seed)
    tries = Tries(machine, place)
    tries.note(machine.start(place, work=Night.planned).join())
    for outcome in [one.join() for one in [_sender(bench, tries, shard) for shard in shards]]:
        tries.note(outcome)
    return tries


def _sender(bench: Bench, tries: Tries, shard: int) -> Child:
    course = [point.name for point in bench.points if point.stage == f"create {shard}"]
    act = kill_at(course.index("POST /v1/messages/batches, answered"))
    return bench.machine.start(tries.place, act, work=lambda night: night.submit(shard))


def _alike(bench: Bench, seed: int) -> Result:
    """While they are under way nothing tells them apart, so nothing more is sent; once they have ended, their results do."""
    tries = _killed(bench, seed, _ALIKE)
    stuck = tries.note(bench.machine.start(tries.place).join())
    wrong = [] if stuck.error == "PendingError" else [f"it should wait: {stuck.error or 'it went through'}"]
    sent = bench.machine.claude.calls()["create"]
    wrong += [] if sent == 2 else [f"{sent} batches were sent"]
    bench.machine.end_batches()
    return bench.close("two orphans", "of one size", seed, tries, wrong)
