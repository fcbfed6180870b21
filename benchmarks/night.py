"""A whole night of ROWS mails through the DAG `email_sentiment_nightly`, by `airflow dags test`, on the simulator.

`ROWS=100000 python -m benchmarks.night` prints the total time, where it went, the peak memory of each process, and the
largest XCom.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from airflow_provider_claude.demo.airflow import DemoAirflow, DemoError
from airflow_provider_claude.simulator.process import SimulatorProcess
from benchmarks.meter import memory_mb
from benchmarks.rig import PROJECT, use_bytecode
from benchmarks.workload import write_mails

DAG_ID, DAY = "email_sentiment_nightly", "2026-01-01"

#: Seconds the DAG run may take, and between two looks at the processes.
NIGHT_SECONDS = 3600.0
LOOK_SECONDS = 0.2


def main() -> int:
    rows = int(os.environ.get("ROWS", "100000"))
    use_bytecode(os.environ)
    folder = Path(tempfile.mkdtemp(prefix="claude-night-"))
    try:
        mails = folder / "mails.parquet"
        write_mails(mails, rows)
        with SimulatorProcess(pace="instant") as claude:
            print("\n".join(night(folder, mails, rows, claude)))
    except DemoError as e:
        print(e, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def night(folder: Path, mails: Path, rows: int, claude: SimulatorProcess) -> Iterator[str]:
    airflow = DemoAirflow(
        folder / "airflow", PROJECT / "dags", folder / "claude", mails, json.loads(claude.connection_json)
    )
    airflow.migrate()
    database = folder / "airflow" / "airflow.db"
    empty = database.stat().st_size
    began = time.monotonic()
    process = airflow.test_dag(DAG_ID, {"source": str(mails), "day": DAY})
    peaks = watch(process, claude.pid)
    seconds = time.monotonic() - began
    airflow.check(process, f"airflow dags test {DAG_ID}")
    yield f"{rows:,} mails through {DAG_ID}: {seconds:.0f} s"
    yield from ledger(folder)
    yield from tables(database)
    yield f"  metadata database grew by      {(database.stat().st_size - empty) / 1e6:10.2f} MB"
    for name, peak in sorted(peaks.items(), key=lambda pair: -pair[1]):
        yield f"  peak of {name:<22} {peak:10,.0f} MB"


def watch(process: subprocess.Popen[bytes], simulator: int) -> dict[str, float]:
    """The peak memory of each process of the run in MB, until it ends; it is killed when it takes too long."""
    peaks: dict[str, float] = {}
    until = time.monotonic() + NIGHT_SECONDS
    while process.poll() is None:
        for name, pid in [*family("airflow", process.pid), *family("simulator", simulator)]:
            try:
                peaks[name] = max(peaks.get(name, 0.0), memory_mb("VmHWM", pid))
            except (FileNotFoundError, ProcessLookupError):
                continue
        if time.monotonic() > until:
            process.kill()
        time.sleep(LOOK_SECONDS)
    return peaks


def family(name: str, pid: int) -> Iterator[tuple[str, int]]:
    """*pid* and its descendants, numbered in the order of their birth."""
    yield name, pid
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    for number, child in enumerate(sorted(children, key=lambda one: one.pid), start=1):
        yield f"{name}, child {number}", child.pid


def ledger(folder: Path) -> Iterator[str]:
    for path in (folder / "claude" / "work").rglob("report.json"):
        report: dict[str, Any] = json.loads(path.read_bytes())
        counts = report["ledger"]
        yield f"  {counts['answered']:,} of {counts['inputs']:,} answered, at {report['costs']['actual']} USD"


def tables(database: Path) -> Iterator[str]:
    """What the metadata database says: how long the tasks took, and how large an XCom became."""
    connection = sqlite3.connect(database)
    try:
        tasks = connection.execute(
            "SELECT task_id, count(*), sum(duration) FROM task_instance WHERE dag_id = ? GROUP BY task_id", (DAG_ID,)
        ).fetchall()
        largest = connection.execute(
            "SELECT length(CAST(value AS BLOB)), task_id, key FROM xcom ORDER BY 1 DESC LIMIT 1"
        ).fetchone()
        total = connection.execute("SELECT count(*), sum(length(CAST(value AS BLOB))) FROM xcom").fetchone()
    finally:
        connection.close()
    for task, count, duration in sorted(tasks, key=lambda row: -(row[2] or 0)):
        yield f"  {task:<30} {duration or 0:10.1f} s   in {count} instances"
    yield f"  largest XCom                   {largest[0]:10,} bytes ({largest[1]}, {largest[2]})"
    yield f"  all {total[0]} XComs               {total[1]:10,} bytes"


if __name__ == "__main__":
    sys.exit(main())
