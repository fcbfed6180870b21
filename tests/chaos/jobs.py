"""All cases, shared out among machines that are broken at the same time, each in a process of its own."""

from __future__ import annotations

import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, Pipe, wait

from tests.chaos.bench import Bench
from tests.chaos.courses import BATCHES, OF_FIVE, STORED
from tests.chaos.kinds import KINDS
from tests.chaos.machine import Machine
from tests.chaos.results import Case, Result, Tally, tell


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be run: these *kinds* of cases, see KINDS, and the options of the command."""

    seeds: Sequence[int]
    kinds: Iterable[str]
    short: bool = False
    step: int = 1


def run_all(asked: Asked, jobs: int) -> Tally:
    """Run all cases on *jobs* machines. A machine that ends before its last case counts as a failed case."""
    tally = Tally()
    left: dict[Connection, int] = {_start(asked, number, jobs): number for number in range(jobs)}
    while left:
        for one in wait(list(left)):
            assert isinstance(one, Connection)
            try:
                said = one.recv()
            except EOFError:
                said = Result(kind="machine", name="ended before its last case", seed=0, tries=0, wrong=["see above"])
                tally.add(said)
                said = None
            if said is None:
                del left[one]
            elif isinstance(said, Result):
                tally.add(said)
            else:
                tell(said)
    return tally


def _start(asked: Asked, number: int, jobs: int) -> Connection:
    """A forked process, and where its results come from; None is its last word."""
    here, there = Pipe(duplex=False)
    if os.fork():
        there.close()
        return here
    here.close()
    status = 0
    try:
        for said in run(asked, number, jobs):
            there.send(said)
        there.send(None)
    except BaseException:  # noqa: BLE001 - its parent sees that it has ended
        traceback.print_exc()
        status = 1
    there.close()
    sys.stderr.flush()
    os._exit(status)


def run(asked: Asked, number: int = 0, jobs: int = 1) -> Iterator[str | Result]:
    """What a night passes, and the results of machine *number* of *jobs*. A kind begins when the one before it is done."""
    with Machine() as machine:
        bench = Bench(machine=machine, seeds=asked.seeds, short=asked.short, step=asked.step)
        bench.prepare()
        if number == 0:
            yield _passed(bench)
        for place, case in enumerate(_cases(bench, asked)):
            if place % jobs == number:
                machine.usual = STORED if place % 5 in OF_FIVE else BATCHES
                yield _result(case)


def _cases(bench: Bench, asked: Asked) -> Iterator[Case]:
    for name in asked.kinds:
        try:
            yield from KINDS[name](bench)
        except Exception:  # noqa: BLE001 - a kind that cannot begin is a failed case, and no end of the others
            yield partial(_broken, name, traceback.format_exc())


def _result(case: Case) -> Result:
    try:
        return case()
    except Exception:  # noqa: BLE001
        return _broken("machine", traceback.format_exc())


def _broken(kind: str, text: str) -> Result:
    return Result(kind=kind, name="could not be run", seed=0, tries=0, wrong=[text.splitlines()[-1]], log=text)


def _passed(bench: Bench) -> str:
    night = bench.course(BATCHES)
    kinds = Counter(point.kind for point in night.points)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return (
        f"A night passes {len(night.points)} points at which it can be killed ({counts}),\n"
        f"{len(night.writes)} at which the disk can be full, and {len(night.store)} at which the store can fail.\n"
    )
