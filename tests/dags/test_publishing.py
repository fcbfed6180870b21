"""Publishing through whole DAG runs: what would replace another's rows, or a table by less, is red before it costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pendulum
import pytest
from airflow.sdk import DAG, Param
from airflow.timetables.interval import CronDataIntervalTimetable
from pydantic import BaseModel
from upath import UPath

from airflow_provider_claude.cli.main import main
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.messages import ClaudeMessagesOperator
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.stages.publish import run as publish_run
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Shard


class Sentiment(BaseModel):
    sentiment: Literal["positive", "neutral", "negative"]


JOB = ClaudeJob(prompt="<mail>{body}</mail> What is its sentiment?", output=Sentiment, max_tokens=50)
DAY = "2026-11-22"
HOURS = [pendulum.datetime(2026, 11, 22, hour) for hour in (5, 6)]
START = pendulum.datetime(2026, 1, 1)


@pytest.fixture
def mail(tmp_path: Path) -> Callable[..., str]:
    """Writes so many rows of mail; the path."""

    def write(rows: int = 10, name: str = "mail") -> str:
        (tmp_path / name).mkdir(exist_ok=True)
        lines = [json.dumps({"id": f"{n}", "body": f"mail {n}"}) for n in range(rows)]
        (tmp_path / name / "a.jsonl").write_text("\n".join(lines))
        return str(tmp_path / name)

    return write


@pytest.fixture
def a_dag(airflow_db: Path, tmp_path: Path) -> Callable[..., DAG]:
    """Makes a DAG of one task that answers the mail, or of *groups*."""

    def make(dag_id: str, *, schedule: Any = None, groups: tuple[str, ...] = (), **options: Any) -> DAG:
        from airflow.dag_processing.bundles.manager import DagBundlesManager

        from tests.dag_bag import DagBag, sync_bag_to_db

        places = {"source": "{{ params.source }}", "work": str(tmp_path / "work")}
        out, params = str(tmp_path / "out"), {"day": Param(None, type=["null", "string"]), "replace": "guarded"}
        params["source"] = str(tmp_path / "mail")
        with DAG(dag_id, schedule=schedule, start_date=START, params=params) as dag:
            for group in groups:
                claude_batch_job(group, job=JOB, output=out, shard=Shard(poll_interval=0.2), **places, **options)
            if not groups:
                folder = f"{tmp_path}/work/{dag_id}/{{{{ partition }}}}"
                options = {"publish_to": out, "run_folder": folder, "replace": "{{ params.replace }}"} | options
                ClaudeMessagesOperator(task_id="ask", job=JOB, **places, **options)
        DagBundlesManager().sync_bundles_to_db()
        bag = DagBag("/dev/null")
        bag.bag_dag(dag)
        sync_bag_to_db(bag, "dags-folder", None)
        return dag

    return make


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def answers(tmp_path: Path) -> int:
    return len(read_answers(UPath(tmp_path / "out")))


def test_the_second_of_two_groups_and_of_two_dags_with_one_output_is_red_before_it_costs(
    a_dag: Callable[..., DAG], mail: Callable[..., str], claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    mail(1)
    done = states(a_dag("two_groups", groups=("one", "two")).test(run_conf={"day": DAY}))
    assert sorted(done[f"{group}.plan"] for group in ("one", "two")) == ["failed", "success"]
    assert sorted(done[f"{group}.report"] for group in ("one", "two")) == ["failed", "success"]
    assert states(a_dag("another").test(run_conf={"day": DAY})) == {"ask": "failed"}
    assert claude_simulator.books()["total"]["requests"] == 1
    assert answers(tmp_path) == 1


@pytest.mark.parametrize("schedule", ["@hourly", CronDataIntervalTimetable("0 * * * *", timezone="Europe/Berlin")])
def test_a_schedule_finer_than_the_partition_is_refused_before_its_first_run_costs(
    a_dag: Callable[..., DAG],
    mail: Callable[..., str],
    claude_simulator: SimulatorProcess,
    tmp_path: Path,
    schedule: Any,
) -> None:
    mail(10)
    assert states(a_dag("hourly", schedule=schedule).test(logical_date=HOURS[0])) == {"ask": "failed"}
    assert claude_simulator.books()["total"]["requests"] == 0
    assert not (tmp_path / "out").exists()


def test_hours_have_partitions_and_run_folders_of_their_own_where_that_is_written(
    a_dag: Callable[..., DAG], mail: Callable[..., str], claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    mail(10)
    dag = a_dag("finer", schedule="@hourly", partition="{{ hour }}", partition_column="hour")
    assert [states(dag.test(logical_date=hour))["ask"] for hour in HOURS] == ["success", "success"]
    keys = ["2026-11-22T04+0000", "2026-11-22T05+0000"]
    assert list(read_answers(UPath(tmp_path / "out")).groupby("hour").size().items()) == [(key, 10) for key in keys]
    assert sorted(path.name for path in (tmp_path / "work" / "finer").iterdir()) == keys
    assert claude_simulator.books()["total"]["requests"] == 10


def test_a_source_that_was_wiped_or_mistyped_is_red_and_what_is_replaced_on_purpose_can_be_restored(
    a_dag: Callable[..., DAG], mail: Callable[..., str], claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    source, dag = mail(10), a_dag("wiped", missing_source="empty")

    def state(**conf: str) -> str:
        return states(dag.test(run_conf={"day": DAY, "source": source, **conf}))["ask"]

    assert state() == "success"
    assert state(source=f"{source}/*.jsnl") == "failed"
    mail(0)
    assert state() == "failed"
    assert answers(tmp_path) == 10
    assert state(replace="always") == "success"
    assert answers(tmp_path) == 0
    assert main(["restore", str(tmp_path / "out"), DAY]) == 0
    assert answers(tmp_path) == 10
    assert claude_simulator.books()["total"]["requests"] == 10


@pytest.mark.parametrize("output", ["answers", "{tmp}/mail/a.jsonl", "s3://bucket/answers", "{tmp}/work/answers"])
def test_an_output_that_cannot_be_written_is_red_before_anything_is_sent(
    a_dag: Callable[..., DAG], mail: Callable[..., str], claude_simulator: SimulatorProcess, tmp_path: Path, output: str
) -> None:
    mail(10)
    dag = a_dag("unwritable", publish_to=output.format(tmp=tmp_path))
    assert states(dag.test(run_conf={"day": DAY})) == {"ask": "failed"}
    assert claude_simulator.calls().get("messages", 0) == 0


def test_a_run_whose_publication_failed_is_red_everywhere_is_not_pruned_and_is_completed_by_the_next(
    a_dag: Callable[..., DAG],
    mail: Callable[..., str],
    claude_simulator: SimulatorProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device", "s3://key:s3cr3t-k3y@bucket/out")

    mail(10)
    dag, run = a_dag("failing"), tmp_path / "work" / "failing" / DAY
    with monkeypatch.context() as broken:
        broken.setattr(publish_run, "publish", fail)
        assert states(dag.test(run_conf={"day": DAY})) == {"ask": "failed"}
    report = json.loads((run / "report.json").read_bytes())
    assert report["publication"] == "failed"
    assert "No space left on device" in report["problems"][0]
    assert "No space left on device" in (run / "report.html").read_text()
    assert not [path for path in run.rglob("*") if path.is_file() and b"s3cr3t-k3y" in path.read_bytes()]
    path = run / "report.json"
    path.write_text(path.read_text().replace(report["created_at"], "2099-01-01T00:00:00+00:00"))
    capsys.readouterr()
    assert main(["runs", str(tmp_path / "work")]) == 0
    assert "reported red" in capsys.readouterr().out
    monkeypatch.setattr("airflow_provider_claude.cli.main._now", lambda: "2100-01-01T00:00:00+00:00")
    assert main(["prune", str(tmp_path / "work"), "--days", "1"]) == 0
    assert "its report is red: The answers were not published" in capsys.readouterr().out
    assert len(list((run / "answers").glob("*.parquet"))) > 0
    assert states(dag.test(run_conf={"day": DAY})) == {"ask": "success"}
    assert answers(tmp_path) == 10
    assert claude_simulator.books()["total"]["requests"] == 10
