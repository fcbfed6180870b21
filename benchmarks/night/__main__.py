"""A night of mail under LocalExecutor, on the simulator: CPU of every process and task, wall time and peak memory.

`python -m benchmarks.night --rows 20000 --shards 10 40 --rivals` runs `email_sentiment_nightly` once for each number of shards
(0: what the plan chooses), then a night each of AnthropicBatchOperator (read, submit, land in Parquet by hand) and
LLMBatchOperator (read, batch): the same rows, the same executor. The simulator answers at once, and is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from airflow_provider_claude.simulator.process import SimulatorProcess
from benchmarks.night.airflow import Airflow
from benchmarks.night.cpu import Peaks, cpu_of
from benchmarks.rig import PROJECT, BenchError
from benchmarks.workload import write_mails

OURS = "email_sentiment_nightly"
RIVALS = ("anthropic_night", "llm_night")
DAY = "2026-01-01"

#: What a task process tells of its time.
COSTS = ("cpu", "start", "imports", "work", "waiting")

#: Seconds without any work, in which is measured what Airflow costs by itself.
IDLE_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One night. Seconds are of CPU but for `wall`; `idle` is what the parts cost in that time without work."""

    name: str
    rows: int
    state: str
    wall: float
    idle: float
    parts: dict[str, float]
    peaks: dict[str, float]
    tasks: list[dict[str, Any]]

    @property
    def cpu(self) -> float:
        return sum(self.parts.values())


class Nights:
    """Nights on one Airflow, one after the other."""

    def __init__(self, folder: Path, rows: int, airflow: Airflow) -> None:
        self.mails = folder / "mails.parquet"
        self.rows = rows
        self.airflow = airflow
        before = cpu_of(airflow.parts)
        time.sleep(IDLE_SECONDS)
        self.idle = (cpu_of(airflow.parts) - before).total() / IDLE_SECONDS

    def play(self, name: str, dag_id: str, conf: Mapping[str, Any]) -> Reading:
        self.airflow.tasks.write_text("")
        before, began = cpu_of(self.airflow.parts), time.monotonic()
        with Peaks(self.airflow.parts) as peaks:
            state = self.airflow.finish(dag_id, self.airflow.trigger(dag_id, {"source": str(self.mails), **conf}))
        wall = time.monotonic() - began
        after = cpu_of(self.airflow.parts)
        return Reading(
            name=name,
            rows=self.rows,
            state=state,
            wall=wall,
            idle=self.idle * wall,
            parts={part: after[part] - before[part] for part in after},
            peaks=peaks.mb,
            tasks=[json.loads(line) for line in self.airflow.tasks.read_text().splitlines()],
        )


def main() -> int:
    arguments = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="claude-night-"))
    try:
        write_mails(folder / "mails.parquet", arguments.rows)
        _copy_dags(folder / "dags", rivals=arguments.rivals)
        with (
            SimulatorProcess(pace="instant") as claude,
            Airflow(folder, _settings(folder, claude)) as airflow,
        ):
            readings = _nights(arguments, folder, airflow)
        if arguments.keep:
            shutil.copytree(folder, arguments.keep, dirs_exist_ok=True)
    except BenchError as e:
        print(e, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps([asdict(reading) for reading in readings], indent=1))
    return 0 if all(reading.state == "success" for reading in readings) else 1


def _nights(arguments: argparse.Namespace, folder: Path, airflow: Airflow) -> list[Reading]:
    dags = [OURS, *(RIVALS if arguments.rivals else ())]
    for dag_id in dags:
        airflow.wait_for(dag_id)
    nights = Nights(folder, arguments.rows, airflow)
    readings = []
    for number, shards in enumerate(arguments.shards):
        conf: dict[str, Any] = {"day": f"2026-01-{number + 1:02d}"}
        if shards:
            conf["shard_rows"] = -(-arguments.rows // shards)
        readings.append(nights.play(f"{OURS}, {shards or 'planned'} shards", OURS, conf))
        print("\n".join(_text(readings[-1])), flush=True)
    for dag_id in dags[1:]:
        readings.append(nights.play(dag_id, dag_id, {}))
        print("\n".join(_text(readings[-1])), flush=True)
    return readings


def _text(night: Reading) -> Iterator[str]:
    yield f"\n{night.name}, {night.rows:,} rows: {night.state}"
    yield f"  wall {night.wall:.0f} s, CPU {night.cpu:.1f} s, of which Airflow idle {night.idle:.1f} s"
    for part, seconds in sorted(night.parts.items(), key=lambda pair: -pair[1]):
        peak = f"   peak {night.peaks[part]:5,.0f} MB" if part in night.peaks else ""
        yield f"  {part:<16} {seconds:8.1f} s{peak}"
    heads = ("CPU s", *COSTS[1:], "fork MB", "peak MB")
    yield f"  {'task':<28} {'n':>4}{''.join(f' {head:>8}' for head in heads)}"
    for task, lines in sorted(_by_task(night).items(), key=lambda pair: -sum(one["cpu"] for one in pair[1])):
        sums = "".join(f" {sum(one[key] for one in lines):8.2f}" for key in COSTS)
        highest = "".join(f" {max(one[key] for one in lines):8,.0f}" for key in ("fork_mb", "peak_mb"))
        yield f"  {task:<28} {len(lines):4}{sums}{highest}"
    packages = Counter(
        package for one in night.tasks for package in {name.partition(".")[0] for name in one["modules"]}
    )
    yield f"  imported by tasks: {', '.join(f'{name} {count}' for name, count in packages.most_common(40))}"


def _by_task(night: Reading) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in night.tasks:
        found[one["task"]].append(one)
    return found


def _copy_dags(folder: Path, *, rivals: bool) -> None:
    folder.mkdir()
    shutil.copy(PROJECT / "dags" / f"{OURS}.py", folder)
    for name in RIVALS if rivals else ():
        shutil.copy(Path(__file__).parent / "dags" / f"{name}.py", folder)


def _settings(folder: Path, claude: SimulatorProcess) -> dict[str, str]:
    pydantic_ai = {"conn_type": "pydanticai", "host": claude.base_url, "password": claude.api_key}
    results = folder / "results"
    results.mkdir()
    return {
        "NIGHT_RESULTS": results.as_uri(),
        "AIRFLOW__CLAUDE__ROOT": str(folder / "claude"),
        "AIRFLOW__CLAUDE__SOURCES": str(folder),
        "AIRFLOW__CLAUDE__POLL_INTERVAL": "1",
        "AIRFLOW__CLAUDE__POLL_FLOOR": "0",
        "AIRFLOW_CONN_ANTHROPIC_DEFAULT": claude.connection_json,
        "AIRFLOW_CONN_PYDANTICAI_DEFAULT": json.dumps(pydantic_ai),
        **{name: value for name, value in os.environ.items() if name.startswith("AIRFLOW__")},
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.night", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="mails of about 1.3 kB")
    parser.add_argument(
        "--shards", type=int, nargs="*", default=[10], help="a night for each; 0: what the plan chooses"
    )
    parser.add_argument("--rivals", action="store_true", help="the nights of the other operators, too")
    parser.add_argument("--json", help="a file for all readings")
    parser.add_argument("--keep", help="a folder that gets a copy of all that the nights have written")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
