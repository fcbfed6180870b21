"""`claude-batch estimate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_claude.cli.main import main
from airflow_provider_claude.simulator.process import SimulatorProcess

JOB = """
from airflow_provider_claude.job import ClaudeJob
JOB = ClaudeJob(prompt="<m>{body}</m>", output={"type": "object", "properties": {"a": {"type": "integer"}}})
OTHER = 1
"""


@pytest.fixture
def job(tmp_path: Path) -> str:
    (tmp_path / "nightly.py").write_text(JOB)
    return f"{tmp_path / 'nightly.py'}:JOB"


def day(folder: Path, name: str, rows: int) -> str:
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(f'{{"id": "{n}", "body": "Row {n} of {name}."}}' for n in range(rows)))
    return str(path)


def test_an_estimate_counts_tokens_and_pays_nothing(
    job: str, tmp_path: Path, claude_simulator: SimulatorProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["estimate", job, day(tmp_path, "monday", 12), "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)["sources"]
    assert (found["rows"], found["requests"], found["measured"]) == (12, 12, True)
    assert found["sync_usd"] == pytest.approx(2 * found["batch_usd"])
    assert set(claude_simulator.calls()) <= {"models", "count_tokens"}


def test_a_backfill_is_estimated_day_by_day_with_its_sum(
    job: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = [day(tmp_path, "monday", 3), day(tmp_path, "tuesday", 4)]
    assert main(["estimate", job, *days, "--offline"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["source", "rows"]
    assert [line.split()[-7] for line in lines] == ["3", "4", "7"]
    assert lines[-1].startswith("2 sources ")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nightly.py", "write a file or module and the name in it"),
        ("nightly.py:OTHER", "has no ClaudeJob called OTHER"),
        ("missing.py:JOB", "missing.py cannot be imported"),
    ],
)
def test_a_job_that_is_not_there_is_named(
    job: str, tmp_path: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["estimate", f"{tmp_path}/{name}", day(tmp_path, "monday", 1), "--offline"]) == 1
    assert message in capsys.readouterr().err
