"""`python -m tests.fuzz --minutes 30`: all properties in turn until the time is up. What fails is told, the rest goes on."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.fuzz.properties import PROPERTIES
from tests.fuzz.rounds import fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--only", choices=PROPERTIES, action="append")
    options = parser.parse_args()
    names = options.only or list(PROPERTIES)
    until = time.monotonic() + options.minutes * 60
    tried = dict.fromkeys(names, 0)
    slowest = dict.fromkeys(names, 0.0)
    failures = 0
    number = options.seed
    while number == options.seed or time.monotonic() < until:
        for name in names:
            began = time.process_time()
            try:
                tried[name] += fuzz(name, number)
            except Exception:  # noqa: BLE001 - whatever it is, it is told
                failures += 1
                print(f"FAILED {name} seed={number}", traceback.format_exc()[-6_000:], sep="\n", flush=True)
            slowest[name] = max(slowest[name], time.process_time() - began)
        number += 1
        if (number - options.seed) % 20 == 0:
            print(f"{number - options.seed} rounds, {sum(tried.values()):,} examples, {failures} failures", flush=True)
    for name in names:
        print(f"{name:8} {tried[name]:>10,} examples, slowest round {slowest[name]:.1f} s of CPU")
    print(f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
