"""A user names the column once; every stage knows of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG
from cryptography.fernet import Fernet
from pydantic import BaseModel
from upath import UPath

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.messages import ClaudeMessagesOperator
from airflow_provider_claude.operators.settle import ClaudeSettleOperator
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Sync


class Team(BaseModel):
    team: str


JOB = ClaudeJob(prompt="<ticket>{text}</ticket> Whose is it?", output=Team, max_tokens=50)


def tasks(**changes: Any) -> dict[str, Any]:
    with DAG("prioritised", schedule=None) as dag:
        claude_batch_job("job", job=JOB, source="/in", work="/work", output="/out", carry=["desk"], **changes)
    return dict(dag.task_dict)


def test_the_job_hands_the_column_to_scan_plan_and_settle() -> None:
    of = tasks(sync=Sync(priority_column="priority", urgent=2))
    assert of["job.scan"].carry == ("desk", "priority")
    assert (of["job.plan"].priority.column, of["job.plan"].priority.urgent) == ("priority", 2)
    assert of["job.shard.settle"].shed_to == "batch"


def test_without_a_column_nothing_is_carried_or_shed() -> None:
    of = tasks()
    assert of["job.scan"].carry == ("desk",)
    assert of["job.plan"].priority is None
    assert of["job.shard.settle"].shed_to is None


def test_a_group_that_publishes_nothing_has_no_promise_to_warn_of() -> None:
    assert tasks()["job.shard.wait"].warn
    with DAG("screened", schedule=None) as dag:
        claude_batch_job("job", job=JOB, source="/in", work="/work", output=None)
    assert not dag.task_dict["job.shard.wait"].warn
    assert not dag.task_dict["job.shard.settle"].warn


def test_a_lane_to_shed_to_that_there_is_not_is_refused() -> None:
    with pytest.raises(JobError, match="shed_to"):
        ClaudeSettleOperator(task_id="settle", shard="s", job=JOB, shed_to="later")


def test_an_urgent_table_with_priorities_is_redacted_and_answered_whole(
    airflow_db: Path, claude_simulator: SimulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    try:
        from tests.dag_bag import DagBag, sync_bag_to_db
    except ImportError:  # before Airflow 3.2
        from airflow.models.dagbag import DagBag, sync_bag_to_db

    rows = {
        "id": [f"t{n}" for n in range(20)],
        "text": [f"box {n}, says u{n}@x.com" for n in range(20)],
        "priority": [*range(20)],
    }
    pq.write_table(pa.table(rows), tmp_path / "tickets.parquet")
    with DAG("prioritised_tickets", schedule=None) as dag:
        ClaudeMessagesOperator(
            task_id="ask",
            job=JOB,
            source=str(tmp_path / "tickets.parquet"),
            run_folder=str(tmp_path / "work" / "run"),
            publish_to=str(tmp_path / "out"),
            priority_column="priority",
            urgent=10,
            shed_to="batch",
            redact=["email"],
        )
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(os.devnull)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    assert str(dag.test().state) == "success"
    (partition,) = (tmp_path / "out").glob("day=*")
    answers = read_answers(UPath(partition))
    assert sorted(map(int, answers["priority"])) == list(range(20))
    sent = [
        text
        for part in (tmp_path / "work" / "run" / "items").iterdir()
        for text in pq.read_table(part)["text"].to_pylist()
    ]
    assert all("[EMAIL-" in text and "@" not in text for text in sent)
    plan = RunFolder(UPath(tmp_path / "work" / "run")).need_plan()
    assert plan.priority is not None
    assert plan.priority.urgent == 10
    assert claude_simulator.books()["messages"]["requests"] == 20
