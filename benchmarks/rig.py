"""The simulator, an empty Airflow home and a work folder; steps run against them in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from airflow_provider_claude.simulator.process import SimulatorProcess

PROJECT = Path(__file__).resolve().parents[1]

#: Seconds a step may take, and all batches together may take to end.
STEP_SECONDS = 1800.0
SETTLE_SECONDS = 3600.0


class BenchError(RuntimeError):
    """A step failed or took too long; the message has the end of its log."""


def bytecode() -> dict[str, str]:
    """Settings that let Python keep compiled modules, in a folder of ours, so that no reading pays for compiling them."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(PROJECT / ".bench" / "pycache")}


class Rig:
    """A context manager; its folder is new each time, and removed at the end.

    The simulator answers a batch when it is first asked for it, so that it does not compete with what is measured.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="claude-bench-"))
        self.claude = SimulatorProcess(pace="polls:1")

    def __enter__(self) -> Self:
        self.claude.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.claude.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def measure(self, step: str, **arguments: Any) -> dict[str, Any]:
        """The reading of *step*, run in a fresh interpreter."""
        inputs = self.folder / "arguments.json"
        inputs.write_text(json.dumps(arguments))
        command = [sys.executable, "-m", "benchmarks._child", step, str(inputs)]
        try:
            done = subprocess.run(
                command,
                cwd=PROJECT,
                env=self._environment(),
                capture_output=True,
                text=True,
                timeout=STEP_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as e:
            raise BenchError(f"{step} took more than {STEP_SECONDS:.0f} s") from e
        if done.returncode != 0:
            raise BenchError(f"{step} failed:\n{done.stderr[-4000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def settle(self, batches: Sequence[str]) -> None:
        """Ask for *batches* until all have ended."""
        until = time.monotonic() + SETTLE_SECONDS
        waiting = list(batches)
        while waiting:
            waiting = [name for name in waiting if self._status(name) != "ended"]
            if time.monotonic() > until:
                raise BenchError(f"{len(waiting)} of {len(batches)} batches have not ended")
            time.sleep(0.2 if waiting else 0)

    def _status(self, batch_id: str) -> str:
        address = urlsplit(self.claude.base_url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        headers = {"x-api-key": self.claude.api_key, "anthropic-version": "2023-06-01"}
        try:
            connection.request("GET", f"/v1/messages/batches/{batch_id}", headers=headers)
            return json.loads(connection.getresponse().read())["processing_status"]
        finally:
            connection.close()

    def _environment(self) -> dict[str, str]:
        home = self.folder / "airflow"
        home.mkdir(exist_ok=True)
        pydantic_ai = {"conn_type": "pydanticai", "host": self.claude.base_url, "password": self.claude.api_key}
        return {
            **os.environ,
            **bytecode(),
            "CLAUDE_BASE_URL": self.claude.base_url,
            "CLAUDE_API_KEY": self.claude.api_key,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW_CONN_ANTHROPIC_DEFAULT": self.claude.connection_json,
            "AIRFLOW_CONN_PYDANTICAI_DEFAULT": json.dumps(pydantic_ai),
        }
