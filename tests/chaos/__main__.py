"""`python -m tests.chaos [--seeds 1,2,3] [--only REGEX] [--step N] [--jobs N] [--short]`: break the night run in every way."""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict

from tests.chaos.jobs import Asked, run, run_all
from tests.chaos.kinds import KINDS
from tests.chaos.results import tell


def main() -> int:
    args = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the simulator and its folder go, too
    seeds = [int(seed) for seed in args.seeds.split(",")]
    if args.rivals:
        from tests.chaos.rivals import compare

        return compare(seeds[0])
    if args.named:
        for said in run(Asked(seeds=seeds, kinds=_named(), short=args.short, step=args.step)):
            tell(json.dumps(said if isinstance(said, str) else asdict(said)))
        return 0
    kinds = [kind for kind in KINDS if args.only.search(kind)]
    tally = run_all(Asked(seeds=seeds, kinds=kinds, short=args.short, step=args.step), args.jobs)
    for line in tally.table():
        tell(line)
    return 1 if tally.failed else 0


def _named() -> Iterator[str]:
    """The kinds that standard input names, one after the other; null is printed when one is done."""
    for line in sys.stdin:
        yield line.strip()
        tell("null")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", default="1,2,3", help="of the simulator and of all chance (default: %(default)s)")
    parser.add_argument("--only", type=re.compile, default="", help="only the kinds of cases whose name has this in it")
    parser.add_argument("--step", type=int, default=1, help="try one of so many points (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="so many machines at once (default: %(default)s)")
    parser.add_argument("--short", action="store_true", help="some points of each kind")
    parser.add_argument(
        "--named", action="store_true", help="the kinds that standard input names; print JSON, a line a case"
    )
    parser.add_argument("--rivals", action="store_true", help="kill the other providers' operators instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
