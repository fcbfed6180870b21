"""What a task returns is what the next one needs: keeping it back is refused when the DAG is parsed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.create import ClaudeBatchCreateOperator
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.operators.scan_splits import ClaudeScanSplitOperator, ClaudeSplitMergeOperator
from airflow_provider_claude.task_groups.batch import claude_batch_job

JOB = ClaudeJob(prompt="{text}", output={"type": "object", "properties": {"a": {"type": "string"}}})
SCAN: dict[str, Any] = {"source": "s", "run_folder": "r", "columns": ["text"]}

MAKERS: list[Callable[..., Any]] = [
    lambda **more: ClaudeInputScanOperator(task_id="t", **SCAN, **more),
    lambda **more: ClaudeScanSplitOperator(task_id="t", splits=2, **SCAN, **more),
    lambda **more: ClaudeSplitMergeOperator(task_id="t", **SCAN, **more),
    lambda **more: ClaudePlanOperator(task_id="t", run_folder="r", job=JOB, **more),
    lambda **more: ClaudeBatchCreateOperator(task_id="t", shard="s", **more),
]


@pytest.mark.parametrize("make", MAKERS)
def test_do_xcom_push_false_is_refused_where_the_next_task_needs_the_value(make: Callable[..., Any]) -> None:
    with pytest.raises(JobError, match="do_xcom_push=False"):
        make(do_xcom_push=False)
    make()


@pytest.mark.parametrize("make", MAKERS)
def test_so_it_is_in_the_default_args_of_a_dag(make: Callable[..., Any]) -> None:
    with DAG("d", schedule=None, default_args={"do_xcom_push": False}), pytest.raises(JobError, match="default_args"):
        make()


def test_so_it_is_in_a_task_group() -> None:
    with DAG("d", schedule=None, default_args={"do_xcom_push": False}), pytest.raises(JobError, match="do_xcom_push"):
        claude_batch_job("g", job=JOB, source="s", work="w", output="o")


def test_so_it_is_where_the_operator_is_mapped() -> None:
    """The constructor of a mapped operator is called in its task, before it does anything."""
    with DAG("d", schedule=None):
        mapped = ClaudeBatchCreateOperator.partial(task_id="t", do_xcom_push=False).expand(shard=["a", "b"])
    with pytest.raises(JobError, match="do_xcom_push=False"):
        mapped.unmap({"shard": "a"})
