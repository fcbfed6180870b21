"""What is left out of texts, as a DAG says it."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob


def scans(**options: Any) -> list[Any]:
    """The scan operators of a job with *options*."""
    from airflow.sdk import DAG

    from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
    from airflow_provider_claude.task_groups.batch import claude_batch_job
    from airflow_provider_claude.task_groups.settings import Scan

    with DAG("trimmed", schedule=None, start_date=pendulum.datetime(2026, 1, 1)) as dag:
        job = ClaudeJob(prompt="{body}", output={"type": "object", "properties": {"a": {"type": "boolean"}}})
        claude_batch_job("mail", job=job, source="a.mbox", work="work", output="answers", scan=Scan(**options))
    return [task for task in dag.tasks if isinstance(task, ClaudeInputScanOperator) and task.columns == ("body",)]


def test_every_scan_of_a_job_leaves_out_the_same() -> None:
    found = scans(replies="drop", signatures="drop", screen="claude")
    assert len(found) == 2
    assert {(scan.trimming.replies, scan.trimming.signatures) for scan in found} == {("drop", "drop")}


def test_a_wrong_word_fails_when_the_dag_is_parsed() -> None:
    with pytest.raises(JobError, match="signatures='no'"):
        scans(signatures="no")
