"""A night whose shards are one task each."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pendulum
import pytest
from airflow.sdk import DAG, Param
from pydantic import BaseModel
from upath import UPath

from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Plan, Shard


class Sentiment(BaseModel):
    sentiment: Literal["positive", "neutral", "negative"]


JOB = ClaudeJob(prompt="<mail>{body}</mail> What is its sentiment?", output=Sentiment, max_tokens=50)
DAY = "2026-11-22"


@pytest.fixture
def night(airflow_db: Path, tmp_path: Path) -> DAG:
    """A DAG over thirty mails in shards of ten."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    from tests.dag_bag import DagBag, sync_bag_to_db

    mail = tmp_path / "mail.jsonl"
    mail.write_text("\n".join(json.dumps({"id": f"{n}", "body": f"mail {n}"}) for n in range(30)))
    params = {"day": Param(None, type=["null", "string"])}
    with DAG("one_task", schedule=None, start_date=pendulum.datetime(2026, 1, 1), params=params) as dag:
        claude_batch_job(
            "job",
            job=JOB,
            source=str(mail),
            work=str(tmp_path / "work"),
            output=str(tmp_path / "out"),
            plan=Plan(shard_rows=10),
            # That a row of thirty expires nine times comes by chance once in 60,000 tests.
            shard=Shard(one_task=True, poll_interval=0.2, rounds=8),
        )
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag("/dev/null")
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    return dag


def tasks(run: Any) -> Counter[tuple[str, str]]:
    return Counter((ti.task_id, str(ti.state)) for ti in run.get_task_instances())


def test_each_shard_is_one_task_every_row_is_answered_and_a_second_run_pays_nothing(
    night: DAG, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    for _ in range(2):
        run = night.test(run_conf={"day": DAY})
        assert tasks(run) == {
            ("job.scan", "success"): 1,
            ("job.plan", "success"): 1,
            ("job.shard.ask", "success"): 3,
            ("job.report", "success"): 1,
        }
        assert len(read_answers(UPath(tmp_path / "out"))) == 30
        assert claude_simulator.books()["total"]["requests"] == 30


def test_a_shard_whose_batch_loses_rows_asks_them_again_in_the_same_task(
    night: DAG, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    claude_simulator.behaviour(expired=0.2)
    run = night.test(run_conf={"day": DAY})
    assert tasks(run)["job.shard.ask", "success"] == 3
    assert claude_simulator.calls()["create"] > 3
    assert len(read_answers(UPath(tmp_path / "out"))) == 30
