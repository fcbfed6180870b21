from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.core.report.thresholds import Limit
from airflow_provider_claude.operators.report import ClaudeReportOperator
from tests.stages.run_folder import Night, Shard, build


def test_what_strangers_cause_is_logged_as_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night = Night(shards=[Shard(answered=70, failed={"refused": 30})])
    run = build(UPath(tmp_path / "run"), night)
    ClaudeReportOperator(task_id="report", run_folder=str(run)).execute({})
    [line] = [line for line in capsys.readouterr().out.splitlines() if "30 of 100 asked rows were refused" in line]
    assert "warning" in line.lower()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"max_refused": "2%"}, "max_refused: the share '2%' is none"),
        ({"max_failed": 5}, "max_failed: the share 5 is none"),
        ({"warn_above": float("nan")}, "warn_above: the share nan is none"),
    ],
)
def test_a_limit_that_is_none_is_refused_when_the_dag_is_parsed(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ClaudeReportOperator(task_id="report", run_folder="run", **wrong)


def test_a_limit_may_have_counts() -> None:
    operator = ClaudeReportOperator(task_id="report", run_folder="run", max_refused=Limit(0.1, least=2, most=50))
    assert operator.thresholds.refused == Limit(0.1, 2, 50)
