"""A DAG with `pack="auto"`, whole, on the simulator: two days."""

from __future__ import annotations

import json
from pathlib import Path

from upath import UPath

from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.store import RunFolder

DAG = """
from typing import Literal
import pendulum
from airflow.sdk import DAG, Param
from pydantic import BaseModel
from airflow_provider_claude.core.packing.auto_packing import AutoPacking
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Plan, Shard

class Sentiment(BaseModel):
    sentiment: Literal["positive", "neutral", "negative"]

with DAG("packed", schedule=None, start_date=pendulum.datetime(2026, 1, 1), params={{"day": Param("")}}) as packed:
    claude_batch_job(
        "mail", job=ClaudeJob(system="Label it. " * 80, prompt="<mail>{{body}}</mail>", output=Sentiment, max_tokens=100),
        source="{root}/mail/{{{{ day }}}}.jsonl",
        work="{root}/work", output="{root}/answers", shard=Shard(poll_interval=1.0),
        plan=Plan(pack=AutoPacking(sizes=(5,), rows=310)),
    )
"""


def test_the_first_day_tries_packs_beside_its_rows_and_the_second_shares_requests(
    airflow_db: Path, claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    from tests.dag_bag import DagBag, sync_bag_to_db

    (tmp_path / "mail").mkdir()
    for day in (20, 21):
        mails = [json.dumps({"id": str(n), "body": f"The lamp is good, number {n} of {day}"}) for n in range(320)]
        (tmp_path / "mail" / f"2026-11-{day}.jsonl").write_text("\n".join(mails))
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "packed.py").write_text(DAG.format(root=tmp_path))
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(tmp_path / "dags")
    assert bag.import_errors == {}
    sync_bag_to_db(bag, "dags-folder", None)
    first, second = (bag.dags["packed"].test(run_conf={"day": f"2026-11-{day}"}) for day in (20, 21))
    assert [str(first.state), str(second.state)] == ["success", "success"]
    names = {ti.rendered_map_index for ti in first.get_task_instances() if ti.task_id == "mail.shard.load"}
    assert len(names) == 4
    assert sum(name.startswith("packs-") for name in names) == 3
    for day, pack in ((20, 1), (21, 5)):
        assert len(read_answers(tmp_path / "answers" / f"day=2026-11-{day}")) == 320
        run = RunFolder(UPath(tmp_path / "work" / "packed" / "mail" / f"2026-11-{day}"))
        assert run.need_plan().shard(1).pack == pack
    assert [active.ended for active in run.actives.all()] == [True]
