"""Submit and land, ours beside the operators of Airflow's own providers, in one run against one simulator.

`ROWS=100000 RUNS=3 python -m benchmarks.compare`, or `make bench`. `ONLY=ours` leaves the others out.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rig import BenchError, Rig

#: What one batch of the API holds; the others send all their rows as one.
MAX_BATCH = 100_000

SUBMIT = {
    "scan": "ours: scan",
    "plan": "ours: plan",
    "create": "ours: create, all shards",
    "anthropic_submit": "AnthropicBatchOperator",
    "llm_submit": "LLMBatchOperator",
}
LAND = {
    "load": "ours: load, all shards",
    "anthropic_iterate": "AnthropicHook results, only iterated",
    "anthropic_land": "the same → Pydantic → Parquet",
    "llm_land": "LLMBatchOperator → JSON lines",
}

WARM_UP_ROWS = 200

#: Seconds of CPU for 100,000 mails, and MB for any number.
LIMITS = {"create": (1.6, 200), "load": (1.8, 210)}

Readings = dict[str, list[dict[str, Any]]]


def main() -> int:
    rows, runs = int(os.environ.get("ROWS", "100000")), int(os.environ.get("RUNS", "3"))
    ours_only = os.environ.get("ONLY") == "ours" or rows > MAX_BATCH
    try:
        tell("a small run first, so that no reading pays for compiling Python ...")
        with Rig() as rig:
            mails = str(rig.folder / "mails.parquet")
            rig.measure("mails", mails=mails, rows=WARM_UP_ROWS)
            Bench(rig, mails, WARM_UP_ROWS, ours_only).measure(1)
        with Rig() as rig:
            mails = str(rig.folder / "mails.parquet")
            tell(f"{rows:,} mails are made up ...")
            facts = rig.measure("mails", mails=mails, rows=rows)
            readings = Bench(rig, mails, rows, ours_only).measure(runs)
    except BenchError as e:
        print(e, file=sys.stderr)
        return 1
    best = min(reading["best_loop"] for taken in readings.values() for reading in taken)
    medians = {step: summary(taken, best) for step, taken in readings.items()}
    print("\n".join(table(rows, runs, facts["mean_bytes"], medians)))
    write(rows, runs, facts, medians, readings)
    return 0


class Bench:
    """The steps in their order; alternating, so that a slow minute of the machine meets all of them."""

    def __init__(self, rig: Rig, mails: str, rows: int, ours_only: bool) -> None:
        self.rig, self.mails, self.rows, self.ours_only = rig, mails, rows, ours_only
        self.run = rig.folder / "run"
        self.readings: Readings = defaultdict(list)

    def measure(self, runs: int) -> Readings:
        for number in range(1, runs + 1):
            tell(f"submit, run {number} of {runs} ...")
            self.submit()
        ended = [name for step in ("create", "anthropic_submit", "llm_submit") for name in self.batches(step)]
        tell("the simulator answers ...")
        self.rig.settle(ended)
        for number in range(1, runs + 1):
            tell(f"land, run {number} of {runs} ...")
            self.land()
        return self.readings

    def submit(self) -> None:
        shutil.rmtree(self.run, ignore_errors=True)
        self._step("scan", mails=self.mails, run=str(self.run))
        self._step("plan", run=str(self.run))
        self._step("create", shards=self.shards())
        if not self.ours_only:
            self._step("anthropic_submit", mails=self.mails)
            shutil.rmtree(self.folder("llm"))
            self._step("llm_submit", mails=self.mails, folder=str(self.folder("llm")))

    def land(self) -> None:
        for path in [*self.run.glob("shards/*/*.results.jsonl.zst"), *self.run.glob("shards/*/*.ended.json")]:
            path.unlink()
        self._step("load", shards=self.shards())
        steps = ["load"]
        if not self.ours_only:
            folder = str(self.folder("landed"))
            self._step("anthropic_iterate", batches=self.batches("anthropic_submit"))
            self._step("anthropic_land", batches=self.batches("anthropic_submit"), folder=folder)
            self._step("llm_land", batches=self.batches("llm_submit"), folder=str(self.folder("llm")))
            steps = list(LAND)
        for step in steps:
            loaded = self.readings[step][-1]["rows"]
            if loaded != self.readings["plan"][-1]["rows"] and loaded != self.rows:
                raise BenchError(f"{step} landed {loaded:,} of {self.rows:,} rows")

    def shards(self) -> list[str]:
        return self.readings["plan"][-1]["shards"]

    def batches(self, step: str) -> list[str]:
        return self.readings[step][-1]["batches"] if step in self.readings else []

    def folder(self, name: str) -> Path:
        path = self.rig.folder / name
        path.mkdir(exist_ok=True)
        return path

    def _step(self, step: str, **arguments: Any) -> None:
        reading = self.rig.measure(step, **arguments)
        tell(f"  {step:<18} {reading['cpu']:6.2f} s of CPU {reading['peak_mb']:8,.0f} MB")
        self.readings[step].append(reading)


def summary(readings: list[dict[str, Any]], best_loop: float) -> dict[str, float]:
    """Medians; the least CPU; and how much longer a fixed loop took meanwhile than at its best in all of the run."""
    names = ("cpu", "wall", "peak_mb", "import_cpu", "import_mb")
    return {
        **{name: round(median(reading[name] for reading in readings), 3) for name in names},
        "least_cpu": round(min(reading["cpu"] for reading in readings), 3),
        "loop": round(median(reading["loop"] for reading in readings) / best_loop, 2),
    }


def table(rows: int, runs: int, mean_bytes: float, medians: dict[str, dict[str, float]]) -> Iterator[str]:
    yield ""
    yield f"{rows:,} mails of {mean_bytes:,.0f} bytes on average, medians of {runs}, {os.cpu_count()} cores"
    for title, steps, limited in (("submit", SUBMIT, "create"), ("land", LAND, "load")):
        yield ""
        yield f"  {title:<38}{'CPU s':>8}{'least':>8}{'loop ×':>8}{'wall s':>8}{'peak MB':>9}   imports: CPU s, MB"
        for step, name in steps.items():
            if step in medians:
                one = medians[step]
                yield (
                    f"  {name:<38}{one['cpu']:>8.2f}{one['least_cpu']:>8.2f}{one['loop']:>8.2f}"
                    f"{one['wall']:>8.2f}{one['peak_mb']:>9,.0f}   {one['import_cpu']:>14.2f}, {one['import_mb']:.0f}"
                )
        yield f"  {verdict(limited, rows, medians[limited])}"
    if rows > MAX_BATCH:
        yield f"  The other operators send all rows as one batch, which holds {MAX_BATCH:,}."


def verdict(step: str, rows: int, one: dict[str, float]) -> str:
    seconds, megabytes = LIMITS[step]
    seconds *= rows / 100_000
    kept = one["cpu"] <= seconds and one["peak_mb"] <= megabytes
    return f"limit of {step}: {seconds:.2f} s of CPU, {megabytes} MB: {'kept' if kept else 'NOT KEPT'}"


def write(rows: int, runs: int, facts: dict[str, Any], medians: dict[str, Any], readings: Readings) -> None:
    folder = Path(".bench")
    folder.mkdir(exist_ok=True)
    path = folder / f"compare-{rows}-{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    record = {"rows": rows, "runs": runs, **facts, "machine": machine, "medians": medians, "readings": readings}
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(f"\n  written to {path}")


def tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
