"""A disposable Airflow for the demo: SQLite, one process, and a connection that leads to the simulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


class DemoError(RuntimeError):
    """A step of the demo failed; the message says which, and where its log is."""


class DemoAirflow:
    """Airflow with its home in *home* and the DAGs of *dags*; the data root of the DAGs is *root*, and they read *mail*."""

    def __init__(self, home: Path, dags: Path, root: Path, mail: Path, connection: Mapping[str, str]) -> None:
        self.log = home / "demo.log"
        home.mkdir(parents=True, exist_ok=True)
        elsewhere = ("ANTHROPIC_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")  # the demo talks to this machine only
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.upper().startswith(elsewhere)},
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "AIRFLOW__CLAUDE__ROOT": str(root),
            "AIRFLOW__CLAUDE__SOURCES": f"{root}\n{mail}",
            "AIRFLOW__CLAUDE__POLL_INTERVAL": "1",
            "AIRFLOW__CLAUDE__POLL_FLOOR": "1",
            "AIRFLOW_CONN_ANTHROPIC_DEFAULT": json.dumps(connection),
            "NO_COLOR": "1",
        }

    def migrate(self) -> None:
        process = self._start("db", "migrate")
        self.check(process, "airflow db migrate")

    def test_dag(self, dag_id: str, conf: Mapping[str, object]) -> subprocess.Popen[bytes]:
        """Start one run of *dag_id* in a process of its own."""
        return self._start("dags", "test", dag_id, "--conf", json.dumps(conf))

    def check(self, process: subprocess.Popen[bytes], what: str) -> None:
        """Wait for *process*. Raises DemoError where it failed."""
        if process.wait() != 0:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise DemoError(f"{what} failed (exit code {process.returncode}). The end of {self.log}:\n{tail}")

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "airflow", *arguments], env=self._environment, stdout=log, stderr=log
            )
