"""A night on two workers and an S3 store, while a worker, the triggerer and the credentials fail."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.simulator.process import SimulatorProcess
from benchmarks.night.airflow import ENDED, START_SECONDS, eventually
from tests.cluster.conftest import MAILS
from tests.cluster.server import WORKER_TASKS, WORKERS, Cluster, Store

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

DAG = "cluster_night"
RUN_SECONDS = 300.0


@dataclass(frozen=True)
class Night:
    """A run that has ended, its folder, the tasks it was made of, and the calls it took of the store."""

    run: Mapping[str, Any]
    folder: UPath
    tasks: list[dict[str, Any]]
    calls: Counter[str]

    def record(self, name: str) -> Any:
        return json.loads((self.folder / name).read_bytes())


@pytest.fixture(scope="module")
def night(cluster: Cluster, store: Store) -> Night:
    """A night in which credentials expire between a paid call and its record, the triggerer is killed while batches wait, and a
    worker while it loads.
    """
    before = Counter(store.calls())
    store.expire("/00002/1.submitted.json")
    eventually("the DAG", START_SECONDS, lambda: [dag for dag in cluster.get("/dags")["dags"] if dag["dag_id"] == DAG])
    cluster.patch(f"/dags/{DAG}", {"is_paused": False})
    run_id = cluster.trigger(DAG, {})
    until_in_state(cluster, run_id, "deferred", 1)
    cluster.kill("triggerer")
    cluster.start("triggerer")
    until_in_state(cluster, run_id, "running", 1 + WORKER_TASKS)
    cluster.kill(WORKERS[0])
    cluster.start(WORKERS[0])
    run = cluster.finished(DAG, run_id, RUN_SECONDS)
    [folder] = (path for path in (store.root / "work" / DAG / "sentiment").iterdir() if (path / "plan.json").exists())
    return Night(run, folder, tasks(cluster, run_id), Counter(store.calls()) - before)


def tasks(cluster: Cluster, run_id: str) -> list[dict[str, Any]]:
    return list(cluster.get(f"/dags/{DAG}/dagRuns/{quote(run_id, safe='')}/taskInstances", limit=200)["task_instances"])


def until_in_state(cluster: Cluster, run_id: str, state: str, count: int) -> None:
    """Return once so many mapped tasks are in this state. Raises AssertionError where the run has ended before."""

    def there() -> bool:
        assert cluster.run(DAG, run_id)["state"] not in ENDED
        return sum(task["state"] == state for task in tasks(cluster, run_id) if ".shard." in task["task_id"]) >= count

    eventually(f"{count} tasks {state}", RUN_SECONDS, there)


def test_the_night_succeeds(night: Night) -> None:
    assert night.run["state"] == "success"


def test_every_mail_is_accounted_for(night: Night, store: Store) -> None:
    ledger = night.record("report.json")["ledger"]
    files = store.root.fs.find(f"{store.root.path}/answers")
    rows = sum(pq.read_table(store.root.fs.open(path)).num_rows for path in files if path.endswith(".parquet"))
    assert ledger["inputs"] == MAILS
    assert rows + sum(ledger["quarantined"].values()) + sum(ledger["failed"].values()) == MAILS


def test_nothing_is_billed_twice(night: Night, claude: SimulatorProcess) -> None:
    assert claude.books()["billed_twice"]["requests"] == 0


def test_the_faults_of_the_store_were_met(night: Night) -> None:
    assert night.calls["expired"] == 1
    assert night.calls["unavailable"]


def test_a_task_whose_worker_was_killed_ran_again(night: Night) -> None:
    assert any(task["try_number"] > 1 for task in night.tasks)
