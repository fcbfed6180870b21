"""Nights of mail under LocalExecutor, on the simulator: CPU of every process and task, wall time and peak memory.

`python -m benchmarks.night --rows 20000 --shards 10 40 --runs 3 --rivals` runs `email_sentiment_nightly` for each number of
shards (0: what the plan chooses), then a night each of AnthropicBatchOperator (read, submit, land in Parquet by hand) and
LLMBatchOperator (read, batch): the same rows, the same executor; all of it three times, alternating. The simulator answers
at once, and is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from airflow_provider_claude.simulator.process import SimulatorProcess
from benchmarks.meter import fixed_loops
from benchmarks.night.airflow import START_SECONDS, Airflow, AirflowError, eventually
from benchmarks.night.cpu import Peaks, cpu_of
from benchmarks.night.reading import Reading, details, summary
from benchmarks.rig import PROJECT, bytecode
from benchmarks.workload import write_mails

OURS = "email_sentiment_nightly"
RIVALS = ("anthropic_night", "llm_night")

#: Seconds without any work, in which is measured what Airflow costs by itself.
IDLE_SECONDS = 15.0
NIGHT_SECONDS = 3600.0


class Nights:
    """Nights on one Airflow, one after the other, each with *rows* mails of its own: no answer is there already."""

    def __init__(self, folder: Path, rows: int, airflow: Airflow) -> None:
        self.folder, self.rows, self.airflow = folder, rows, airflow
        self.played = 0
        before = cpu_of(airflow.parts)
        time.sleep(IDLE_SECONDS)
        self.idle = (cpu_of(airflow.parts) - before).total() / IDLE_SECONDS

    def play(self, name: str, dag_id: str, conf: Mapping[str, Any]) -> Reading:
        self.played += 1
        mails = self.folder / f"mails-{self.played}.parquet"
        write_mails(mails, self.rows, seed=self.played)
        loops = fixed_loops()
        before, began = cpu_of(self.airflow.parts), time.monotonic()
        with Peaks(self.airflow.parts) as peaks:
            run_id = self.airflow.trigger(dag_id, {"source": str(mails), **conf})
            run = self.airflow.finished(dag_id, run_id, NIGHT_SECONDS)
        wall = time.monotonic() - began
        after = cpu_of(self.airflow.parts)
        mails.unlink()
        return Reading(
            name=name,
            rows=self.rows,
            state=run["state"],
            wall=wall,
            idle=self.idle * wall,
            loop=fmean([*loops, *fixed_loops()]),
            parts={part: after[part] - before[part] for part in after},
            peaks=peaks.mb,
            tasks=self.airflow.task_processes(run_id),
        )


def main() -> int:
    arguments = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="claude-night-"))
    readings: list[Reading] = []
    try:
        _copy_dags(folder / "dags", rivals=arguments.rivals)
        with (
            SimulatorProcess(pace="instant") as claude,
            Airflow(folder / "airflow", folder / "dags", _settings(folder, claude)) as airflow,
        ):
            for reading in _nights(arguments, folder, airflow):
                readings.append(reading)
                print("\n".join(details(reading)), flush=True)
        print("\n".join(summary(readings)))
        if arguments.keep:
            shutil.copytree(folder, arguments.keep, dirs_exist_ok=True)
    except (AirflowError, TimeoutError) as e:
        print(e, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if arguments.json:
            Path(arguments.json).write_text(json.dumps([asdict(reading) for reading in readings], indent=1))
    return 0 if all(reading.state == "success" for reading in readings) else 1


def _nights(arguments: argparse.Namespace, folder: Path, airflow: Airflow) -> Iterator[Reading]:
    rivals: Sequence[str] = RIVALS if arguments.rivals else ()
    for dag_id in (OURS, *rivals):
        _unpause(airflow, dag_id)
    nights = Nights(folder, arguments.rows, airflow)
    for run in range(arguments.runs):
        for number, shards in enumerate(arguments.shards):
            conf: dict[str, Any] = {"day": f"2026-{number + 1:02d}-{run + 1:02d}"}
            if shards:
                conf["shard_rows"] = -(-arguments.rows // shards)
            yield nights.play(f"{OURS}, {f'{shards} shards' if shards else 'as planned'}", OURS, conf)
        for dag_id in rivals:
            yield nights.play(dag_id, dag_id, {})


def _unpause(airflow: Airflow, dag_id: str) -> None:
    """Return once *dag_id* can be triggered, and the run that its schedule makes at first has ended."""
    eventually(
        f"the DAG {dag_id}", START_SECONDS, lambda: dag_id in {one["dag_id"] for one in airflow.get("/dags")["dags"]}
    )
    airflow.patch(f"/dags/{dag_id}", {"is_paused": False})
    if airflow.get(f"/dags/{dag_id}")["timetable_summary"] is not None:
        first = eventually(f"the scheduled run of {dag_id}", START_SECONDS, lambda: airflow.runs(dag_id))
        airflow.finished(dag_id, first[0]["dag_run_id"], START_SECONDS)


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
        **bytecode(),
        "NIGHT_RESULTS": results.as_uri(),
        "AIRFLOW__CLAUDE__POLL_INTERVAL": "60",
        "AIRFLOW__CLAUDE__POLL_FLOOR": "10",
        "AIRFLOW__CLAUDE__ROOT": str(folder / "claude"),
        "AIRFLOW__CLAUDE__SOURCES": str(folder),
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
    parser.add_argument("--runs", type=int, default=1, help="how often each night is played")
    parser.add_argument("--rivals", action="store_true", help="the nights of the other operators, too")
    parser.add_argument("--json", help="a file for all readings")
    parser.add_argument("--keep", help="a folder that gets a copy of all that the nights have written")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
