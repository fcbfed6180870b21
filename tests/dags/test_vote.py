"""A night whose rows with two different answers are voted about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pendulum
from airflow.sdk import DAG, Param
from pydantic import BaseModel
from upath import UPath

from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Shard


class Sentiment(BaseModel):
    sentiment: Literal["positive", "neutral", "negative"]


JOB = ClaudeJob(prompt="<mail>{body}</mail> What is its sentiment?", output=Sentiment, max_tokens=50)


def test_a_vote_stands_between_the_shards_and_the_report_and_its_answers_are_published(
    airflow_db: Path, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    from tests.dag_bag import DagBag, sync_bag_to_db

    claude_simulator.behaviour(noise=0.3)
    mail = tmp_path / "mail.jsonl"
    words = ("I love it", "I hate it", "It weighs two kilos")
    mail.write_text("\n".join(json.dumps({"id": f"{n}", "body": f"{words[n % 3]}, number {n}"}) for n in range(120)))
    params = {"day": Param(None, type=["null", "string"])}
    with DAG("voted", schedule=None, start_date=pendulum.datetime(2026, 1, 1), params=params) as dag:
        claude_batch_job(
            "job",
            job=JOB,
            source=str(mail),
            work=str(tmp_path / "work"),
            output=str(tmp_path / "out"),
            shard=Shard(one_task=True, poll_interval=0.2),
            consistency=Consistency(least=120, resolve="majority"),
        )
    assert dag.get_task("job.vote").downstream_task_ids == {"job.report"}
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag("/dev/null")
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    assert dag.test(run_conf={"day": "2026-11-22"}).state == "success"
    requests = claude_simulator.books()["total"]["requests"]
    rows = read_answers(UPath(tmp_path / "out")).to_dict("records")
    votes = [json.loads(row["claude_votes"]) for row in rows if row["claude_votes"]]
    report = json.loads((tmp_path / "work" / "voted" / "job" / "2026-11-22" / "report.json").read_bytes())
    assert len(rows) == 120
    assert report["votes"]["voted"] == report["votes"]["differing"] == len(votes) > 10
    assert report["votes"]["changed"] == sum(vote["published"] > 1 for vote in votes) > 0
    assert requests == 240 + len(votes)
