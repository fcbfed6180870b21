"""The task group whose screening asks the job's own question twice."""

from __future__ import annotations

from typing import Any, Literal

import pendulum
import pytest
from airflow.sdk import DAG
from pydantic import BaseModel

from airflow_provider_claude.core.scan.row_limits import MOST_CHARS
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Plan, Scan


class Labelled(BaseModel):
    tone: Literal["good", "bad"]
    topic: str


class Free(BaseModel):
    topic: str


PRICES = {"claude-of-ours": {"input": "1", "output": "5"}}


def tasks(output: type[BaseModel]) -> dict[str, Any]:
    with DAG("flip", schedule=None, start_date=pendulum.datetime(2026, 1, 1)) as dag:
        claude_batch_job(
            "mail",
            job=ClaudeJob(prompt="{subject} {body}", output=output),
            source="s",
            work="w",
            output="o",
            model="claude-of-ours",
            scan=Scan(screen="flip"),
            plan=Plan(budget_usd="2.50", prices=PRICES),
        )
    return dict(dag.task_dict)


def test_the_screening_asks_what_the_job_asks_of_the_same_model_about_the_same_columns() -> None:
    found = tasks(Labelled)
    screen, scan, plan = found["mail.screen.scan"], found["mail.rescan"], found["mail.screen.plan"]
    assert (list(screen.columns), screen.id_column) == (["subject", "body"], "doubt_id")
    assert plan.job == found["mail.plan"].job
    assert plan.model == found["mail.plan"].model == "claude-of-ours"
    assert (plan.budget_usd, plan.prices) == ("2.50", PRICES)
    assert screen.screen is None
    assert (scan.screen, scan.screened is not None) == ("flip", True)


def test_the_scan_before_and_after_the_screening_compare_the_fields_that_are_labels() -> None:
    found = tasks(Labelled)
    assert [found[name]._flip() for name in ("mail.scan", "mail.rescan", "mail.screen.scan")] == [
        ("tone",),
        ("tone",),
        (),
    ]


def test_a_job_without_labels_cannot_be_asked_twice() -> None:
    with pytest.raises(JobError, match="give a field an enum or make it a bool"):
        tasks(Free)


def test_a_scan_by_itself_needs_the_job_to_compare_its_answers() -> None:
    with pytest.raises(JobError, match="give a field an enum"):
        ClaudeInputScanOperator(task_id="scan", source="s", run_folder="r", columns=["body"], screen="flip")


def test_the_screening_reads_every_text_that_the_scan_has_let_through() -> None:
    found = tasks(Labelled)
    assert found["mail.screen.scan"].max_chars == MOST_CHARS
