"""The four parts of an Airflow with LocalExecutor, and the little of its REST API that a night needs."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx

from benchmarks.rig import PROJECT, BenchError, use_bytecode

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")

PROBE = Path(__file__).parent / "probe"

ENDED = frozenset({"success", "failed"})

START_SECONDS = 300.0
NIGHT_SECONDS = 3600.0
STOP_SECONDS = 30.0


class Airflow:
    """A context manager: Airflow in *folder*/airflow with the DAGs of *folder*/dags, SQLite and LocalExecutor.

    *settings* are further environment variables. Every task process writes a line of what it cost to `tasks`.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.tasks = folder / "tasks.jsonl"
        port = _free_port()
        url = f"http://127.0.0.1:{port}"
        self._http = httpx.Client(base_url=f"{url}/api/v2", timeout=120)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        use_bytecode(self._environment)
        self._environment |= {
            "PYTHONPATH": f"{PROBE}:{PROJECT}",
            "NIGHT_TASKS": str(self.tasks),
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROBE / "plugins"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow/airflow.db",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "NO_COLOR": "1",
            **settings,
        }

    def __enter__(self) -> Self:
        (self.folder / "airflow").mkdir(parents=True)
        with self._log().open("ab") as log:
            subprocess.run(self._command("db", "migrate"), env=self._environment, stdout=log, stderr=log, check=True)
            for part in PARTS:
                self._running[part] = subprocess.Popen(
                    self._command(part), env=self._environment, stdout=log, stderr=log, start_new_session=True
                )
        try:
            self._until("a healthy Airflow", START_SECONDS, self._healthy)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in self._running.values():
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
            for process in self._running.values():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS)

    @property
    def parts(self) -> dict[str, int]:
        """The process id of each part."""
        return {part: process.pid for part, process in self._running.items()}

    def wait_for(self, dag_id: str) -> None:
        """Return once *dag_id* can be triggered, and the run that its schedule makes at first has ended."""
        self._until(f"the DAG {dag_id}", START_SECONDS, lambda: self._http.get(f"/dags/{dag_id}").is_success)
        self._http.patch(f"/dags/{dag_id}", json={"is_paused": False}).raise_for_status()
        if self._http.get(f"/dags/{dag_id}").json()["timetable_summary"] is not None:
            self._until(f"the scheduled run of {dag_id}", START_SECONDS, lambda: self._runs_ended(dag_id))

    def _runs_ended(self, dag_id: str) -> bool:
        runs = self._http.get(f"/dags/{dag_id}/dagRuns").json()["dag_runs"]
        return bool(runs) and all(run["state"] in ENDED for run in runs)

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        answer = self._http.post(f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": dict(conf)})
        if not answer.is_success:
            raise BenchError(f"{dag_id} could not be triggered: {answer.text[:2000]}")
        return str(answer.json()["dag_run_id"])

    def finish(self, dag_id: str, run_id: str) -> str:
        """The state in which the run has ended."""
        return self._until(f"the end of {run_id}", NIGHT_SECONDS, lambda: self._state(dag_id, run_id))

    def _state(self, dag_id: str, run_id: str) -> str | None:
        answer = self._http.get(f"/dags/{dag_id}/dagRuns/{run_id}")
        state = answer.json().get("state") if answer.is_success else None
        return state if state in ENDED else None

    def _until(self, what: str, seconds: float, look: Callable[[], Any]) -> Any:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with suppress(httpx.TransportError, json.JSONDecodeError):
                if found := look():
                    return found
            time.sleep(0.5)
        tail = "\n".join(self._log().read_text(errors="replace").splitlines()[-40:])
        raise BenchError(f"{what} did not come in {seconds:.0f} s. The end of the log:\n{tail}")

    def _healthy(self) -> bool:
        health = self._http.get("/monitor/health").json()
        names = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return all((health.get(part) or {}).get("status") == "healthy" for part in names)

    def _log(self) -> Path:
        return self.folder / "airflow" / "night.log"

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "airflow", *arguments]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
