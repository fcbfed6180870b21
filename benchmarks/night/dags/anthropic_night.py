"""The night of AnthropicBatchOperator as its users write it: read, ask, and a task of their own that writes Parquet."""

from __future__ import annotations

import os
from typing import Any

import pendulum
from airflow.providers.anthropic.operators.batch import AnthropicBatchOperator
from airflow.sdk import DAG, task

from benchmarks.others import land_batch, requests_of

with DAG(dag_id="anthropic_night", schedule=None, start_date=pendulum.datetime(2026, 1, 1), params={"source": ""}):

    @task
    def read(params: dict[str, str]) -> list[dict[str, Any]]:
        return requests_of(params["source"])

    @task
    def land(batch_id: str) -> int:
        from airflow.providers.anthropic.hooks.anthropic import AnthropicHook

        return land_batch(AnthropicHook(), batch_id, os.environ["NIGHT_RESULTS"].removeprefix("file://"))

    submit = AnthropicBatchOperator(task_id="submit", requests=read(), poll_interval=1, deferrable=True)
    land(submit.output)
