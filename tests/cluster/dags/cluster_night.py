"""A night on a store that all workers share, retried soon."""

from __future__ import annotations

from typing import Literal

import pendulum
from airflow.providers.common.compat.sdk import DAG, conf
from pydantic import BaseModel

from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Plan, Scan, Shard

ROOT = conf.get("claude", "root")


class Sentiment(BaseModel):
    sentiment: Literal["positive", "neutral", "negative"]


with DAG(
    dag_id="cluster_night",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 6, "retry_delay": pendulum.duration(seconds=2)},
):
    claude_batch_job(
        "sentiment",
        job=ClaudeJob(prompt="Label this email.\n{body}", output=Sentiment, max_tokens=64),
        source=f"{ROOT}/mail",
        work=f"{ROOT}/work",
        output=f"{ROOT}/answers",
        scan=Scan(tasks=2),
        plan=Plan(shard_rows=150),
        shard=Shard(poll_interval=10),
        consistency=Consistency(least=50),
    )
