"""An Airflow of two Celery workers that share nothing but the database, the broker and the store."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import httpx
import psutil
import pytest
from upath import UPath

from benchmarks.night.airflow import PARTS, Airflow, end, eventually, free_port
from benchmarks.rig import PROJECT

WORKERS = ("worker-1", "worker-2")
#: How many tasks a worker runs at once.
WORKER_TASKS = 2
BUCKET = "night"
START_SECONDS = 30.0
#: A worker that is killed takes its tasks along; Airflow notices after so many seconds without a sign of them.
LOST_TASK_SECONDS = 15


@dataclass(frozen=True)
class Store:
    """An S3 server with the bucket `night`."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """How s3fs finds it."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    @property
    def root(self) -> UPath:
        """The root of the night, for a reader."""
        return UPath(f"s3://{BUCKET}/claude", endpoint_url=self.url, key="test", secret="test")

    def calls(self) -> Mapping[str, int]:
        return dict(httpx.get(f"{self.url}/-/calls").json())

    def expire(self, text: str) -> None:
        """Refuse the next write of a key with *text* in it, as with expired credentials."""
        httpx.put(f"{self.url}/-/expire?{text}")


@contextmanager
def running_store() -> Iterator[Store]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.cluster.store_server", str(port)],
        cwd=PROJECT,
        start_new_session=True,
    )
    try:
        eventually("an S3 server", START_SECONDS, lambda: _answers(url))
        store = Store(url)
        store.root.fs.mkdir(BUCKET)
        yield store
    finally:
        end([process])


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/calls").is_success
    except httpx.TransportError:
        return False


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """The URL of a broker. Skips where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed: apt-get install redis-server")
    port = free_port()
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        end([process])


class Cluster(Airflow):
    """Scheduler, DAG processor, triggerer, API server and two workers, each worker with folders of its own."""

    started: ClassVar = (*PARTS, *WORKERS)

    def __init__(self, home: Path, dags: Path, *, database: str, broker: str, store: Store, connection: str) -> None:
        super().__init__(
            home,
            dags,
            {
                "AIRFLOW__CELERY__BROKER_URL": broker,
                "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
                "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(WORKER_TASKS),
                "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "False",
                "AIRFLOW__CLAUDE__ROOT": str(store.root),
                "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
                "AIRFLOW__CORE__FERNET_KEY": "",
                "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(LOST_TASK_SECONDS),
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
                "AIRFLOW_CONN_ANTHROPIC_DEFAULT": connection,
                "PYTHONPATH": str(PROJECT),
                **store.environment,
            },
        )

    def command(self, part: str) -> list[str]:
        if part not in WORKERS:
            return super().command(part)
        return ["celery", "worker", "--celery-hostname", f"{part}@%h", "--skip-serve-logs", "--without-mingle"]

    def environment(self, part: str) -> Mapping[str, str]:
        """A worker has a disk of its own: nothing that it keeps there is seen by another."""
        everyone = super().environment(part)
        if part not in WORKERS:
            return everyone
        disk = self.home / part
        (disk / "tmp").mkdir(parents=True, exist_ok=True)
        return {**everyone, "HOME": str(disk), "AIRFLOW_HOME": str(disk), "TMPDIR": str(disk / "tmp")}

    def kill(self, part: str) -> None:
        """Kill *part* with all that it has started, tasks too, as a machine that loses its power."""
        whole = psutil.Process(self._parts[part].pid)
        for process in (*whole.children(recursive=True), whole):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
