"""The plan as an operator: what it takes from its run."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, DownstreamTasksSkipped
from airflow.sdk import DAG
from upath import UPath

from airflow_provider_claude.cli.main import main
from airflow_provider_claude.core.packing.auto_packing import AutoPacking, auto_packing_of
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.messages import ClaudeMessagesOperator
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.operators.settle import ClaudeSettleOperator
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Plan, Scan
from tests.context import manual_run

JOB = ClaudeJob(
    prompt="<m>{body}</m>",
    output={"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
)


@pytest.mark.usefixtures("claude_simulator")
def test_a_manual_run_is_reported_in_the_zone_of_its_dag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": "1", "body": "Good."}\n{"id": "2", "body": "Bad."}')
    source, run = str(tmp_path / "rows.jsonl"), str(tmp_path / "work" / "run")
    ClaudeInputScanOperator(task_id="scan", source=source, run_folder=run, columns=["body"]).execute({})
    plan = ClaudePlanOperator(task_id="plan", run_folder=run, job=JOB)
    (shard,) = plan.execute(manual_run("Asia/Tokyo"))
    explanation = " ".join(RunFolder(UPath(run)).need_plan().explanation)
    clocks = re.findall(r"\d\d:\d\d( \w+)?", explanation)
    assert len(clocks) >= 3
    assert set(clocks) == {" JST"}
    assert "Times are in Asia/Tokyo." in explanation
    main(["show", shard.replace("00001", "00000")])
    assert "JST" in capsys.readouterr().out


@pytest.mark.parametrize("rounds", ["many", -1, 1.5, True, ""])
def test_rounds_that_are_no_number_are_refused_before_anything_is_sent(rounds: Any) -> None:
    with pytest.raises(JobError, match=r"rounds is .*: write a whole number"):
        ClaudeSettleOperator(task_id="settle", shard="s", job=JOB, rounds=rounds)
    ClaudeSettleOperator(task_id="settle", shard="s", job=JOB, rounds="{{ params.rounds }}")


@pytest.mark.usefixtures("claude_simulator")
def test_a_shard_size_that_jinja_renders_to_no_number_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": "1", "body": "Good."}')
    source, run = str(tmp_path / "rows.jsonl"), str(tmp_path / "work" / "run")
    ClaudeInputScanOperator(task_id="scan", source=source, run_folder=run, columns=["body"]).execute({})
    plan = ClaudePlanOperator(task_id="plan", run_folder=run, job=JOB, shard_rows="{{ params.rows }}")
    plan.shard_rows = "ten"
    with pytest.raises(AirflowFailException, match="shard_rows is 'ten': write a whole number"):
        plan.execute(manual_run())


@pytest.mark.filterwarnings("ignore:.*not published")
def test_without_work_the_folder_that_holds_the_run_folders_is_shared_and_nothing_is_paid_twice(
    claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text("\n".join(f'{{"id": "{n}", "body": "Row {n}."}}' for n in range(5)))
    for run in ("first", "second"):
        ClaudeMessagesOperator(
            task_id="ask",
            job=JOB,
            source=str(tmp_path / "rows.jsonl"),
            run_folder=str(tmp_path / "work" / run),
        ).execute(manual_run())
        report = json.loads((tmp_path / "work" / run / "report.json").read_bytes())
        assert "not published" in " ".join(report["warnings"])
        assert claude_simulator.books()["total"]["requests"] == 5


@pytest.mark.parametrize(
    "make",
    [
        lambda to: ClaudeReportOperator(task_id="report", run_folder="r", publish_to=to),
        lambda to: ClaudeMessagesOperator(task_id="ask", job=JOB, source="s", run_folder="r", publish_to=to),
        lambda to: claude_batch_job("g", job=JOB, source="s", work="w", output=to, scan=Scan(screen="claude")),
    ],
)
def test_a_dag_that_publishes_nothing_says_so_when_it_is_parsed(make: Callable[[str | None], Any]) -> None:
    with DAG("none", schedule=None), pytest.warns(UserWarning, match="not published") as warned:
        make(None)
    assert len(warned) == 1
    with DAG("warned", schedule=None), warnings.catch_warnings():
        warnings.simplefilter("error")
        ClaudePlanOperator(task_id="plan", run_folder="r", job=JOB, publish_to="/answers")
        ClaudeReportOperator(task_id="report", run_folder="r")
    for meant in ("", "/answers"):
        with DAG("meant", schedule=None), warnings.catch_warnings():
            warnings.simplefilter("error")
            make(meant)


def test_a_dry_run_logs_the_cost_sends_nothing_and_skips_all_below(
    claude_simulator: SimulatorProcess, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": "1", "body": "Good."}\n{"id": "2", "body": "Bad."}')
    source, run = str(tmp_path / "rows.jsonl"), str(tmp_path / "work" / "run")
    ClaudeInputScanOperator(task_id="scan", source=source, run_folder=run, columns=["body"]).execute({})
    with DAG("dry", schedule=None):
        plan = ClaudePlanOperator(task_id="plan", run_folder=run, job=JOB, dry_run="True")
        plan >> ClaudeReportOperator(task_id="report", run_folder=run, publish_to="")
    context, pushed = manual_run(), {}
    context["ti"].xcom_push = pushed.__setitem__
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        plan.execute(context)
    assert skipped.value.tasks == ["report"]
    assert (pushed["estimate"]["requests"], pushed["estimate"]["measured"]) == (2, True)
    assert set(claude_simulator.calls()) <= {"models", "count_tokens"}
    assert RunFolder(UPath(run)).plan() is None


@pytest.mark.usefixtures("claude_simulator")
@pytest.mark.parametrize("pack", ["auto", AutoPacking(sizes=(5,), rows=20)])
def test_pack_auto_returns_the_shards_of_its_probe_beside_those_of_the_run(tmp_path: Path, pack: Any) -> None:
    rows = "\n".join(f'{{"id": "{n}", "body": "Row {n}."}}' for n in range(30))
    (tmp_path / "rows.jsonl").write_text(rows)
    source, run = str(tmp_path / "rows.jsonl"), str(tmp_path / "work" / "run")
    ClaudeInputScanOperator(task_id="scan", source=source, run_folder=run, columns=["body"]).execute({})
    output = {"type": "object", "properties": {"good": {"type": "boolean"}}}
    job = ClaudeJob(system="Is it good? " * 80, prompt="<m>{body}</m>", output=output)
    plan = ClaudePlanOperator(task_id="plan", run_folder=run, job=job, pack=pack, pack_tokens=2_000)
    shards = plan.execute(manual_run())
    [probe] = RunFolder(UPath(run)).probes()
    assert sum(shard.startswith(f"{probe}/shards/") for shard in shards) == (7 if pack == "auto" else 3)
    assert sum("/probes/" not in shard for shard in shards) == 1
    assert RunFolder(UPath(run)).need_plan().auto_pack == auto_packing_of(pack, 2_000, ())


def test_the_tasks_of_a_probe_are_named_after_it() -> None:
    import jinja2

    with DAG("packed", schedule=None) as dag:
        claude_batch_job("job", job=JOB, source="/in", work="/work", output="", plan=Plan(pack="auto"))
    template = jinja2.Template(dag.task_dict["job.shard.create"].map_index_template)
    names = [
        template.render(task=SimpleNamespace(shard=path))
        for path in ("/w/r/shards/00003", "/w/r/probes/p-1/shards/00002")
    ]
    assert names == ["00003", "p-1 00002"]
