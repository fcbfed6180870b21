"""The context of a task, as far as the operators look at it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pendulum

from airflow_provider_claude.job import ClaudeJob, JobSpec
from airflow_provider_claude.job.untrusted import canary, full_system


def manual_run(zone: str = "Europe/Berlin", **params: Any) -> Any:
    """The context of a task in a manual run of a DAG in *zone*."""
    now = pendulum.datetime(2026, 11, 23, tz="UTC")
    run = SimpleNamespace(
        run_type="manual", partition_key=None, data_interval_start=None, data_interval_end=None, run_after=now
    )
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="plan", map_index=-1)
    return {"dag_run": run, "dag": SimpleNamespace(timezone=pendulum.timezone(zone)), "ti": ti, "params": params}


#: The secret of a deployment, where a test says what requests look like.
SECRET = b"the secret of a deployment"


def spec_of(job: ClaudeJob) -> JobSpec:
    """What the plan keeps of *job*."""
    return job.spec(SECRET)


def canary_of(job: ClaudeJob) -> str:
    return canary(job.key(SECRET))


def system_of(job: ClaudeJob) -> str:
    """The system prompt as it is sent."""
    return full_system(job.system, job.key(SECRET), job.examples_text)
