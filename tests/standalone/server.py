"""A whole Airflow of its own, all four parts, and the little of its REST API that the tests ask for."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from tests.conftest import PROJECT

ZONE = "Europe/Berlin"
#: Real seconds, generous: Airflow needs less than a minute of them on two free cores.
START_SECONDS = 300.0
RUN_SECONDS = 400.0
COMMAND_SECONDS = 120.0
STOP_SECONDS = 20.0

#: Lets each task process write down what it imports; see benchmarks.night.
PROBE = PROJECT / "benchmarks" / "night" / "probe"

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")

T = TypeVar("T")


class LockedError(Exception):
    """SQLite was locked; what the command was about may be done in part."""


class Airflow:
    """What `airflow standalone` starts, on a free port: SQLite, LocalExecutor, the DAGs of *dags*, their data in *root*.

    A part that ends is started again, as Compose or systemd would: on SQLite a backfill whose creation is rolled back
    ("not supported on SQLite under concurrent access") takes its runs from under the scheduler, which ends of it.
    """

    def __init__(self, home: Path, dags: Path, root: Path, connection: str) -> None:
        self.root = root
        self.log = home / "airflow.log"
        self.tasks_log = home / "tasks.jsonl"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._http = httpx.Client(base_url=f"{self.url}/api/v2", timeout=60)
        home.mkdir(parents=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        self._environment = inherited | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CLAUDE__POLL_INTERVAL": "1",
            "AIRFLOW__CLAUDE__POLL_FLOOR": "0",
            "AIRFLOW__CLAUDE__ROOT": str(root),
            "AIRFLOW__CLAUDE__TIMEZONE": ZONE,
            "AIRFLOW__CLAUDE__WARM_IMPORTS": "True",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROBE / "plugins"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
            "AIRFLOW_CONN_ANTHROPIC_DEFAULT": connection,
            "NIGHT_TASKS": str(self.tasks_log),
            "NO_COLOR": "1",
            "PYTHONPATH": f"{PROBE}:{PROJECT}",
        }

    def start(self) -> Self:
        """Start it, and wait until all its parts are healthy."""
        self.cli("db", "migrate")
        self._parts = {part: self._popen(part) for part in PARTS}
        self._keeper.start()
        try:
            eventually("a healthy Airflow", START_SECONDS, self._healthy)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from error
        return self

    def stop(self) -> None:
        """End all parts and what they started: politely, then not."""
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()
        _end(self._parts.values())

    def kill(self, part: str) -> None:
        """Kill a part as it is; it is started again."""
        self._parts[part].kill()

    def tail(self, lines: int = 60) -> str:
        """The end of the log of all parts, and every error in the logs of the tasks."""
        with self.log.open(errors="replace") as log:
            end = "".join(deque((line for line in log if "http.access" not in line), lines))
        return f"{end}\n{self._task_errors()}"

    def cli(self, *arguments: str) -> str:
        """One command of Airflow's command line; what it printed. Raises LockedError where SQLite was locked."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        said = done.stdout + done.stderr
        if done.returncode:
            kind = LockedError if "database is locked" in said.lower() else AssertionError
            raise kind(f"airflow {' '.join(arguments)} exited with {done.returncode}:\n{said[-4000:]}")
        return said

    def get(self, path: str, **query: Any) -> Any:
        return self._json("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._json("POST", path, json=body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._json("PATCH", path, json=body)

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return dict(self.get(f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"))

    def runs(self, dag_id: str, **query: Any) -> list[dict[str, Any]]:
        return list(self.get(f"/dags/{dag_id}/dagRuns", limit=100, **query)["dag_runs"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """All task instances of a run, the mapped ones by their index."""
        found = self.get(f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}/taskInstances", limit=100)
        return sorted(found["task_instances"], key=lambda task: (task["task_id"], task["map_index"]))

    def task_processes(self, run_id: str) -> list[dict[str, Any]]:
        """What each task process of a run wrote down: its task, and the modules that it imported itself."""
        lines = [json.loads(line) for line in self.tasks_log.read_text().splitlines()]
        return [line for line in lines if line["run_id"] == run_id]

    def in_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Return once all instances of a task are in this state."""

        def there() -> bool:
            tasks = [task for task in self.tasks(dag_id, run_id) if task["task_id"] == task_id]
            return bool(tasks) and {task["state"] for task in tasks} == {state}

        eventually(f"{task_id} {state}", RUN_SECONDS, there)

    def finished(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """The run, once it has ended."""

        def ended() -> dict[str, Any] | None:
            run = self.run(dag_id, run_id)
            return run if run["state"] in {"success", "failed"} else None

        return eventually(f"the end of {run_id}", RUN_SECONDS, ended)

    def _popen(self, part: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "airflow", part],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._stopping.wait(1.0):
            for part, process in self._parts.items():
                if process.poll() is not None:
                    _end([process])
                    self._parts[part] = self._popen(part)

    def _healthy(self) -> bool:
        try:
            health = self.get("/monitor/health")
        except (httpx.TransportError, AssertionError):
            return False
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    def _task_errors(self) -> str:
        found = []
        for path in sorted((self.log.parent / "logs").glob("dag_id=*/**/*.log")):
            text = path.read_text(errors="replace")
            found += [f"{path}: {line[:2000]}\n" for line in text.splitlines() if '"level":"error"' in line]
        return "".join(found)

    def _json(self, method: str, path: str, **how: Any) -> Any:
        response = self._http.request(method, path, **how)
        if not response.is_success:
            raise AssertionError(f"{method} {path}: {response.status_code} {response.text[:2000]}")
        return json.loads(response.content or b"null")


def eventually(what: str, seconds: float, look: Callable[[], T | None], pause: float = 0.5) -> T:
    """What *look* returns as soon as that is true. Raises TimeoutError, which says *what* was waited for."""
    end = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come in {seconds:.0f} s")
        time.sleep(pause)


def _end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """End every process with all of its group."""
    started = list(processes)
    for process in started:
        _signal(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        eventually("the end of Airflow", STOP_SECONDS, lambda: all(process.poll() is not None for process in started))
    for process in started:
        _signal(process, signal.SIGKILL)
        process.wait(STOP_SECONDS)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
