"""Whether the figures of consistency find what was planted: `python -m benchmarks.consistency nights` or `reviews PATH`.

`nights` draws NIGHTS nights (1,000) of 1,000 rows, and of 200 rows of a steady model, and counts how often the planted truth is
within the interval of 95 %, and how often drift raises the alarm: on 365 quiet nights of 2,000 rows, and on the night after the
model has changed. It fails where a truth is inside less than 93 times in 100, or the false alarms are not those stated.
`reviews PATH` prints the table of labelled reviews (a Parquet file with `text` and `label`) at three levels of noise, then how
often the truth is inside over 100 ways to cut them in half.
"""

from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict

from scipy.stats import binom

from airflow_provider_claude.core.consistency.agreement import Interval
from airflow_provider_claude.core.consistency.drift import FALSE_ALARMS
from benchmarks.consistency.nights import Found, change_alarms, measure, measure_steady, quiet_alarms
from benchmarks.consistency.planted import PLANTED, STEADY
from benchmarks.consistency.reviews import LEVELS, Line, lines, read_reviews

ROWS, STEADY_ROWS, DRIFT_ROWS = 1_000, 200, 2_000
QUIET = 365
LEAST = 0.93
SPLITS = 100


def nights(count: int) -> bool:
    """Print the table of so many nights; whether all of it is as stated."""
    found: dict[str, list[Found]] = defaultdict(list)
    for seed in range(count):
        for one in (*measure(PLANTED, seed, ROWS), *measure_steady(STEADY, seed, STEADY_ROWS)):
            found[one.name].append(one)
    print(f"| figure | planted | measured, mean of {count} nights | nights whose interval holds the planted one |")
    print("|---|---:|---:|---:|")
    for name, figures in found.items():
        mean = sum(one.measured.value for one in figures) / len(figures)
        print(f"| {name} | {figures[0].planted:.4f} | {mean:.4f} | {_inside(figures)} of {len(figures)} |")
    sound = all(_inside(figures) >= LEAST * len(figures) for figures in found.values())
    return _alarms() and sound


def _inside(figures: list[Found]) -> int:
    return sum(one.inside for one in figures)


def _alarms() -> bool:
    false, true = quiet_alarms(PLANTED, QUIET, DRIFT_ROWS), change_alarms(PLANTED, 100, DRIFT_ROWS)
    low, high = binom.interval(0.95, QUIET, FALSE_ALARMS)
    print(f"\nFalse alarms: {false} of {QUIET} quiet nights; at the stated rate {low:.0f} to {high:.0f}.")
    print(f"Alarms: {true} of 100 first nights after the change.")
    return bool(low <= false <= high) and true >= LEAST * 100


def reviews(path: str) -> None:
    answered = read_reviews(path)
    print("| noise | accuracy, golden half | true, other half | same, asked again | true | kappa | true |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, line in lines(answered, 0):
        print(f"| {name} | {' | '.join(_cells(line))} |")
    print(f"\nOf {SPLITS} ways to cut in half, intervals that hold the truth (accuracy, same, kappa):")
    found: Counter[tuple[str, str]] = Counter()
    for seed in range(SPLITS):
        for name, line in lines(answered, seed):
            found.update((name, figure) for figure, inside in line.inside().items() if inside)
    for name in LEVELS:
        print(f"{name}: {', '.join(str(found[name, figure]) for figure in ('accuracy', 'same', 'kappa'))}")


def _cells(line: Line) -> list[str]:
    accuracy = [_percent(line.golden), f"{line.accuracy:.1%}"]
    same = [_percent(line.same), f"{line.true_same:.1%}"]
    kappa = "none" if line.kappa is None else f"{line.kappa.value:.3f} ({line.kappa.low:.3f} to {line.kappa.high:.3f})"
    return [*accuracy, *same, kappa, f"{line.true_kappa:.3f}"]


def _percent(found: Interval) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


if __name__ == "__main__":
    if sys.argv[1:2] == ["reviews"]:
        reviews(sys.argv[2])
    else:
        sys.exit(0 if nights(int(os.environ.get("NIGHTS", "1000"))) else 1)
