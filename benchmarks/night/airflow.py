"""The four parts of an Airflow with LocalExecutor, and the little of its REST API that a night needs."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import quote

import httpx

from benchmarks.rig import PROJECT

#: Lets each task process write down what it costs, and what it imports.
PROBE = Path(__file__).parent / "probe"

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")

ENDED = frozenset({"success", "failed"})

#: Real seconds, generous: Airflow needs less than a minute of them on two free cores.
START_SECONDS = 300.0
COMMAND_SECONDS = 120.0
STOP_SECONDS = 30.0

T = TypeVar("T")


class AirflowError(Exception):
    """Airflow did not start, refused a request, or a command of it failed."""


class LockedError(AirflowError):
    """SQLite was locked; what the command was about may be done in part."""


class Airflow:
    """A context manager: Airflow in the new folder *home* on a free port, with the DAGs of *dags*, SQLite and LocalExecutor.

    *settings* are further environment variables. Every task process writes a line of what it cost to `tasks_log`.
    """

    #: What is started, by the name of its command.
    started: ClassVar[Sequence[str]] = PARTS

    def __init__(self, home: Path, dags: Path, settings: Mapping[str, str]) -> None:
        self.home = home
        self.log = home / "airflow.log"
        self.tasks_log = home / "tasks.jsonl"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._http = httpx.Client(base_url=f"{self.url}/api/v2", timeout=120)
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        self._environment = inherited | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CLAUDE__POLL_INTERVAL": "12",
            "AIRFLOW__CLAUDE__POLL_FLOOR": "0",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROBE / "plugins"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "NIGHT_TASKS": str(self.tasks_log),
            "NO_COLOR": "1",
            "PYTHONPATH": f"{PROBE}:{PROJECT}",
            **settings,
        }

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True)
        self.cli("db", "migrate")
        for part in self.started:
            self.start(part)
        try:
            eventually("a healthy Airflow", START_SECONDS, self._healthy)
        except BaseException as error:
            self.__exit__()
            raise AirflowError(f"{error}\n{self.tail()}") from error
        return self

    def __exit__(self, *_: object) -> None:
        """End all parts and what they started: politely, then not."""
        end(self._parts.values())

    def start(self, part: str) -> None:
        """Start *part*, or start it again."""
        with self.log.open("ab") as log:
            self._parts[part] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *self.command(part)],
                env=self.environment(part),
                cwd=self.environment(part)["AIRFLOW_HOME"],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def command(self, part: str) -> list[str]:
        """The arguments of Airflow's command line that start *part*."""
        return [part]

    def environment(self, part: str) -> Mapping[str, str]:
        """The environment variables of *part*."""
        return self._environment

    @property
    def parts(self) -> dict[str, int]:
        """The process id of each part."""
        return {part: process.pid for part, process in self._parts.items()}

    def tail(self, lines: int = 60) -> str:
        """The end of the log of all parts, and every error in the logs of the tasks."""
        with self.log.open(errors="replace") as log:
            found = "".join(deque((line for line in log if "http.access" not in line), lines))
        return f"{found}\n{self._task_errors()}"

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
        printed = done.stdout + done.stderr
        if done.returncode:
            kind = LockedError if "database is locked" in printed.lower() else AirflowError
            raise kind(f"airflow {' '.join(arguments)} exited with {done.returncode}:\n{printed[-4000:]}")
        return printed

    def get(self, path: str, **query: Any) -> Any:
        return self._json("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._json("POST", path, json=body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._json("PATCH", path, json=body)

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Start a run of *dag_id* by hand; its id."""
        return str(self.post(f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": dict(conf)})["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return dict(self.get(f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}"))

    def runs(self, dag_id: str, **query: Any) -> list[dict[str, Any]]:
        return list(self.get(f"/dags/{dag_id}/dagRuns", limit=100, **query)["dag_runs"])

    def finished(self, dag_id: str, run_id: str, seconds: float) -> dict[str, Any]:
        """The run, once it has ended."""

        def ended() -> dict[str, Any] | None:
            run = self.run(dag_id, run_id)
            return run if run["state"] in ENDED else None

        return eventually(f"the end of {run_id}", seconds, ended)

    def task_processes(self, run_id: str) -> list[dict[str, Any]]:
        """What each task process of a run wrote down; see `probe/sitecustomize.py`."""
        lines = [json.loads(line) for line in self.tasks_log.read_text().splitlines()]
        return [line for line in lines if line["run_id"] == run_id]

    def _healthy(self) -> bool:
        try:
            health = self.get("/monitor/health")
        except (httpx.TransportError, AirflowError):
            return False
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    def _task_errors(self) -> str:
        found = []
        for path in sorted((self.home / "logs").glob("dag_id=*/**/*.log")):
            text = path.read_text(errors="replace")
            found += [f"{path}: {line[:2000]}\n" for line in text.splitlines() if '"level":"error"' in line]
        return "".join(found)

    def _json(self, method: str, path: str, **how: Any) -> Any:
        response = self._http.request(method, path, **how)
        if not response.is_success:
            raise AirflowError(f"{method} {path}: {response.status_code} {response.text[:2000]}")
        return json.loads(response.content or b"null")


def eventually(what: str, seconds: float, look: Callable[[], T | None], pause: float = 0.5) -> T:
    """What *look* returns as soon as that is true. Raises TimeoutError, which says *what* was waited for."""
    until = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not come in {seconds:.0f} s")
        time.sleep(pause)


def end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
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


def free_port() -> int:
    """A port that no process listens to."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
