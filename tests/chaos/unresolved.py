"""A model that misbehaves, so that settle has rounds to go; alone, and with kills on the way."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

from tests.chaos.acts import kill_at
from tests.chaos.audit import paid_after_valid
from tests.chaos.bench import Bench
from tests.chaos.check import Expected
from tests.chaos.night import ANY_SHARE
from tests.chaos.processes import Child
from tests.chaos.results import Case, Result
from tests.chaos.tries import Tries

_SHARES: dict[str, dict[str, float]] = {
    "expired": {"expired": 0.3},
    "errored": {"errored": 0.3},
    "invalid": {"invalid_json": 0.3},
    "truncated": {"truncated": 0.3},
    "refused": {"refusal": 0.2, "refusal_midway": 0.1},
    "doubled lines": {"duplicated": 0.3},
    "all of it": {
        "expired": 0.1,
        "errored": 0.1,
        "invalid_json": 0.1,
        "truncated": 0.1,
        "refusal": 0.05,
        "duplicated": 0.1,
    },
}

#: Cases with kills, a seed and kind.
_KILLED = 3


def misbehaving(bench: Bench) -> Iterator[Case]:
    for number, name in enumerate(_SHARES):
        for seed in bench.seeds:
            if not bench.short or (number + seed) % 7 == 0:
                yield partial(_case, bench, name, seed, [])
                yield from (partial(_case, bench, name, seed, _moments(name, seed, n)) for n in _rounds(bench))


def _rounds(bench: Bench) -> range:
    return range(1 if bench.short else _KILLED)


def _moments(name: str, seed: int, number: int) -> list[int]:
    chance = Random(f"{name} {seed} {number}")
    return [chance.randrange(120, 420), chance.randrange(60, 300), chance.randrange(60, 300)]


def _case(bench: Bench, name: str, seed: int, moments: list[int]) -> Result:
    machine, place = bench.machine, bench.machine.case(seed)
    machine.claude.behaviour(**_SHARES[name])
    machine.thresholds = ANY_SHARE
    tries = Tries(machine, place)

    def start(number: int) -> Child:
        return machine.start(place, kill_at(moments[number])) if number < len(moments) else machine.start(place)

    wrong = tries.finish(start)
    machine.end_batches()
    wrong += paid_after_valid(machine.state)
    expected = Expected(texts=bench.expected().texts, trial_again=3, again=True)
    title = f"{name}{f', killed at {moments}' if moments else ''}"
    return bench.close("unresolved", title, seed, tries, wrong, expected=expected)
