"""Waits for one batch, which is cancelled when the task that waits is marked."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG, Param

from airflow_provider_claude.sensors.batch import ClaudeBatchSensor

with DAG(dag_id="one_batch", schedule=None, params={"batch_id": Param(type="string")}):
    ClaudeBatchSensor(task_id="wait", batch_id="{{ params.batch_id }}", poll_interval=1.0, cancel_on_mark=True)
