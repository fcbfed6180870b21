"""The plan as an operator: what it takes from its run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.cli.main import main
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.store import RunFolder
from tests.context import manual_run

JOB = ClaudeJob(
    prompt="<m>{body}</m>",
    output={"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
)


@pytest.mark.usefixtures("claude_simulator")
def test_a_manual_run_is_told_of_in_the_zone_of_its_dag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": "1", "body": "Good."}\n{"id": "2", "body": "Bad."}')
    source, run = str(tmp_path / "rows.jsonl"), str(tmp_path / "work" / "run")
    ClaudeInputScanOperator(task_id="scan", source=source, run_folder=run, columns=["body"]).execute({})
    plan = ClaudePlanOperator(task_id="plan", run_folder=run, job=JOB)
    (shard,) = plan.execute(manual_run("Asia/Tokyo"))
    told = " ".join(RunFolder(UPath(run)).need_plan().explanation)
    clocks = re.findall(r"\d\d:\d\d( \w+)?", told)
    assert len(clocks) >= 3
    assert set(clocks) == {" JST"}
    assert "Times are in Asia/Tokyo." in told
    main(["show", shard.replace("00001", "00000")])
    assert "JST" in capsys.readouterr().out
