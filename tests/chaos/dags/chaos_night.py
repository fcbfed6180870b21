"""The night that tests.chaos.scheduler runs, task by task."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Plan, Shard
from tests.chaos.night import DAY, JOB, SHARD_ROWS

_FOLDER = "{{ dag_run.conf['folder'] }}"

with DAG("nightly", schedule=None, default_args={"retries": 12, "retry_delay": timedelta(0)}):
    claude_batch_job(
        "mail",
        job=JOB,
        source=f"{_FOLDER}/mails.parquet",
        work=f"{_FOLDER}/work",
        output=f"{_FOLDER}/output",
        partition=DAY,
        plan=Plan(shard_rows=SHARD_ROWS),
        shard=Shard(poll_interval=0.05),
    )
