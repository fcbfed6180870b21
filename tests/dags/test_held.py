"""A DAG whose job was changed, whole, on the simulator: its run is held, accepted, and goes on."""

from __future__ import annotations

import json
from pathlib import Path

from upath import UPath

from airflow_provider_claude.cli.main import main
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.store import RunFolder

DAG = """
from typing import Literal
import pendulum
from airflow.sdk import DAG, Param
from pydantic import BaseModel
from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Publish, Shard

class Sentiment(BaseModel):
    sentiment: Literal["positive", "neutral", "negative"]

def made(name, system):
    with DAG(name, schedule=None, start_date=pendulum.datetime(2026, 1, 1), params={{"day": Param("")}}) as dag:
        claude_batch_job(
            "mail", job=ClaudeJob(system=system, prompt="<mail>{{body}}</mail>", output=Sentiment, max_tokens=100),
            source="{root}/mail/{{{{ day }}}}.jsonl",
            work="{root}/work", output="{root}/answers", shard=Shard(one_task=True, poll_interval=1.0),
            publish=Publish(take_over=True),
            consistency=Consistency(share=0, on_change="hold", change_rows=20),
        )
    return dag

held = made("held", open("{root}/system.txt").read())
"""


def test_a_changed_job_is_held_and_goes_on_once_it_is_accepted(
    airflow_db: Path, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    from tests.dag_bag import DagBag, sync_bag_to_db

    (tmp_path / "mail").mkdir()
    for day in (20, 21):
        mails = [json.dumps({"id": str(n), "body": f"The lamp is good, number {n} of {day}"}) for n in range(40)]
        (tmp_path / "mail" / f"2026-11-{day}.jsonl").write_text("\n".join(mails))
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "held.py").write_text(DAG.format(root=tmp_path))
    DagBundlesManager().sync_bundles_to_db()

    def ran(day: int, system: str) -> str:
        (tmp_path / "system.txt").write_text(system)
        bag = DagBag(tmp_path / "dags")
        assert bag.import_errors == {}
        sync_bag_to_db(bag, "dags-folder", None)
        return str(bag.dags["held"].test(run_conf={"day": f"2026-11-{day}"}).state)

    run = RunFolder(UPath(tmp_path / "work" / "held" / "mail" / "2026-11-21"))
    assert ran(20, "Label it.") == "success"
    before = claude_simulator.books()["total"]["requests"]
    assert ran(21, "Label the mail.") == "failed"
    assert (
        claude_simulator.books()["total"]["requests"] == before + 1 + 2 * 20
    )  # the trial, and the sample of both jobs
    assert not (tmp_path / "answers" / "day=2026-11-21").exists()
    assert main(["accept", str(run)]) == 0
    assert ran(21, "Label the mail.") == "success"
    assert len(read_answers(tmp_path / "answers" / "day=2026-11-21")) == 40
    assert claude_simulator.books()["total"]["requests"] <= before + 2 * 20 + 40 - 20 + 1
