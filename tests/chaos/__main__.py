"""`python -m tests.chaos [--seeds 1,2,3] [--only REGEX] [--step N] [--short] [--rivals]`: break the night run in every way."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections import Counter

from tests.chaos.bench import Bench
from tests.chaos.kinds import KINDS
from tests.chaos.machine import Machine
from tests.chaos.results import Tally, tell


def main() -> int:
    args = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the simulator and its folder go, too
    seeds = [int(seed) for seed in args.seeds.split(",")]
    if args.rivals:
        from tests.chaos.rivals import compare

        return compare(seeds[0])
    tally = Tally()
    with Machine() as machine:
        bench = Bench(machine=machine, seeds=seeds, short=args.short, step=args.step)
        bench.prepare()
        _tell_points(bench)
        for name, cases in KINDS.items():
            if args.only is None or args.only.search(name):
                for result in cases(bench):
                    tally.add(result)
    for line in tally.table():
        tell(line)
    return 1 if tally.failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", default="1,2,3", help="of the simulator and of all chance (default: %(default)s)")
    parser.add_argument("--only", type=re.compile, help="only the kinds of cases whose name has this in it")
    parser.add_argument("--step", type=int, default=1, help="try one of so many points (default: %(default)s)")
    parser.add_argument("--short", action="store_true", help="some points of each kind")
    parser.add_argument("--rivals", action="store_true", help="kill the other providers' operators instead")
    return parser


def _tell_points(bench: Bench) -> None:
    kinds = Counter(point.kind for point in bench.points)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    tell(f"A night passes {len(bench.points)} points at which it can be killed ({told}),")
    tell(f"{len(bench.writes)} at which the disk can be full, and {len(bench.store)} at which the store can fail.")
    tell("")


if __name__ == "__main__":
    sys.exit(main())
