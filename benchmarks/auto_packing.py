"""What `pack="auto"` concludes, on simulated models whose packs lose nothing, fade, or leak; and how sure it is.

`NIGHTS=5 ROWS=2000 python -m benchmarks.auto_packing` plans, asks and reports up to NIGHTS runs of ROWS short messages for each
model, until the verdict is final, and prints a line for each: the largest pack that by the model's own numbers loses no more
than the margin, what was taken, after how many runs, and what trying cost.

`SEEDS=1000 python -m benchmarks.auto_packing verdicts` draws tables of scores with a known loss, and counts how often a pack is
accepted.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from airflow_provider_claude.core.packing.auto_packing import AutoPacking
from airflow_provider_claude.core.packing.pack_verdict import MOST_RUNS, Scores, verdict
from airflow_provider_claude.simulator.process import SimulatorProcess
from benchmarks.packing import LONG, Label
from benchmarks.workload import MODEL

AUTO = AutoPacking()

#: What each model does, and the largest pack that loses at most a point of agreement. With `pack_fade=0.5` packs of ten lose 3.3
#: points, and packs of twenty 13: a third of the answers that stray stray to their own label. With `pack_leak=0.1` all lose five
#: or six.
MODELS: dict[str, tuple[dict[str, float], int]] = {
    "no loss": ({}, 20),
    "no loss, noise of 2 %": ({"noise": 0.02}, 20),
    "places fade: 50 % in the twentieth": ({"pack_fade": 0.5}, 5),
    "places fade, noise of 2 %": ({"pack_fade": 0.5, "noise": 0.02}, 5),
    "a tenth leaks": ({"pack_leak": 0.1}, 1),
    "a tenth leaks, places fade, noise of 2 %": ({"pack_leak": 0.1, "pack_fade": 0.5, "noise": 0.02}, 1),
}

_FEELINGS = ("I love it, wonderful", "This is terrible, I hate it", "The parcel weighs two kilos")


def main() -> int:
    if sys.argv[1:] == ["verdicts"]:
        return verdicts(int(os.environ.get("SEEDS", "1000")))
    rows, nights = int(os.environ.get("ROWS", "2000")), int(os.environ.get("NIGHTS", str(MOST_RUNS)))
    print("| model | right | taken | runs | USD for trying | of a run |")
    print("|---|---|---|---|---|---|")
    wrong = 0
    for name, (model, right) in MODELS.items():
        folder = Path(tempfile.mkdtemp(prefix="claude-auto-packing-"))
        try:
            taken, runs, tried, paid = _until_final(folder, model, rows, nights)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"| {name} | {right} | {taken} | {runs} | {tried:.4f} | {tried / paid:.0%} |", flush=True)
        wrong += taken > right
    return 1 if wrong else 0


def _until_final(folder: Path, model: dict[str, float], rows: int, nights: int) -> tuple[int, int, Decimal, Decimal]:
    """The pack that is taken in the end, after how many runs with a probe, and what probes and these runs' rows have cost."""
    tried = paid = Decimal(0)
    with SimulatorProcess(pace="instant") as claude:
        claude.behaviour(**model)
        for number in range(nights + 1):
            record, summary = _night(folder, claude, number, rows)
            if not record.probes:
                break
            tried += summary.costs.probes
            paid += summary.costs.actual - summary.costs.probes
    return (record.packing.items if record.packing else 1), number, tried, paid


def _night(folder: Path, claude: SimulatorProcess, number: int, rows: int) -> tuple[Any, Any]:
    import anthropic
    import pyarrow as pa
    import pyarrow.parquet as pq
    from upath import UPath

    from airflow_provider_claude.gateway.client import Gateway
    from airflow_provider_claude.job import ClaudeJob
    from airflow_provider_claude.sources.source import open_source
    from airflow_provider_claude.stages.load.run import load
    from airflow_provider_claude.stages.plan.plan_settings import Settings
    from airflow_provider_claude.stages.plan.run import open_shards, plan
    from airflow_provider_claude.stages.report.run import report
    from airflow_provider_claude.stages.scan.run import scan
    from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
    from airflow_provider_claude.stages.submit.run import create
    from airflow_provider_claude.store import RunFolder

    texts = [f"{_FEELINGS[n % 3]}. Parcel {n} of day {number}." for n in range(rows)]
    source = folder / f"{number}.parquet"
    pq.write_table(pa.table({"id": [f"{n}" for n in range(rows)], "message": texts}), source)
    job = ClaudeJob(model=MODEL, system=LONG, prompt="<message>{message}</message>", output=Label, max_tokens=128)
    client = anthropic.Anthropic(base_url=claude.base_url, api_key=claude.api_key)
    gateway, run = Gateway(lambda: client), RunFolder(UPath(folder / "work" / f"day={number}"))
    clock = _Clock(number)
    scan(open_source(UPath(source), columns=["message"]), run, ScanSettings(text_columns=["message"]), clock=clock.now)
    settings = Settings(trial=False, auto_pack=AUTO, work=UPath(folder / "work"))
    record = plan(run, job, gateway, settings=settings, clock=clock.now)
    if not record.probes:
        return record, None
    shards = open_shards(run, record)
    for shard in shards:
        create(shard, gateway, clock=clock.now)
    for shard in shards:
        load(shard, job, gateway, clock=clock.now)
    return record, report(run, output=None, clock=clock.now)


class _Clock:
    """The time, *days* later."""

    def __init__(self, days: int) -> None:
        self._ahead = timedelta(days=days)

    def now(self) -> str:
        return (datetime.now(UTC) + self._ahead).isoformat()


def verdicts(seeds: int) -> int:
    """How often packs with a true loss are accepted, by rows and by the share of rows that the model itself changes."""
    print("| rows a run | noise | true loss | accepted | of them in the first run | refused | 1 after all runs |")
    print("|---|---|---|---|---|---|---|")
    bad = 0
    for rows in (300, 1_000):
        for noise in (0.0, 0.02, 0.05):
            for loss in (0.0, 0.01, 0.02, 0.05):
                found = [
                    _course(random.Random(f"{seed} {rows} {noise} {loss}"), rows, noise, loss) for seed in range(seeds)
                ]
                taken = [runs for items, runs in found if items > 1]
                print(
                    f"| {rows} | {noise:.0%} | {loss:.0%} | {len(taken) / seeds:.1%} | {taken.count(1) / seeds:.1%} "
                    f"| {sum(items == 1 and runs < MOST_RUNS for items, runs in found) / seeds:.1%} "
                    f"| {sum(items == 1 and runs == MOST_RUNS for items, runs in found) / seeds:.1%} |",
                    flush=True,
                )
                bad += loss > AUTO.margin and len(taken) / seeds > 0.05
    return 1 if bad else 0


def _course(draw: random.Random, rows: int, noise: float, loss: float) -> tuple[int, int]:
    """The verdict on one size, and after how many runs. *noise*: the share of rows on which two answers differ by chance."""
    samples: list[list[Scores]] = []
    while True:
        changes = [0] * 9
        for _ in range(rows):
            changes[4 + _score(draw, noise, loss)] += 1
        samples.append([Scores(size=5, field="f", changes=changes, alone=(0, 0), packed=(0, 0), places=[(0, 0)] * 5)])
        found = verdict(samples, AUTO.margin)
        if found.final:
            return found.items, len(samples)


def _score(draw: random.Random, noise: float, loss: float) -> int:
    """The score of a row, in quarters: each answer strays with half the noise, a packed one also with the loss."""
    alone = [draw.random() < noise / 2 for _ in range(2)]
    packed = [draw.random() < noise / 2 + loss for _ in range(2)]
    return sum(one == other for one in packed for other in alone) - 4 * (alone[0] == alone[1])


if __name__ == "__main__":
    sys.exit(main())
