"""### The operators one by one

The tasks that `claude_batch_job` makes, wired by hand: to put them between tasks of your own, with other arguments, or
with a step left out. Reads `<root>/reviews.parquet` (columns `id` and `text`).
"""

from __future__ import annotations

# [START example_claude_by_hand]
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import DAG, conf, task_group

from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.create import ClaudeBatchCreateOperator
from airflow_provider_claude.operators.load import ClaudeResultLoadOperator
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.operators.settle import ClaudeSettleOperator
from airflow_provider_claude.sensors.batch import ClaudeBatchSensor

ROOT = conf.get("claude", "root", fallback="/opt/airflow/claude").rstrip("/")

JOB = ClaudeJob(
    prompt="<review>{text}</review>\nIs the reviewer content?",
    output={
        "type": "object",
        "properties": {"content": {"type": "boolean"}},
        "required": ["content"],
        "additionalProperties": False,
    },
)

with DAG(
    "example_claude_by_hand",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    max_active_runs=1,  # runs of one day share a run folder
    tags=["claude", "example"],
):
    scan = ClaudeInputScanOperator(
        task_id="scan",
        source=f"{ROOT}/reviews.parquet",
        run_folder=f"{ROOT}/work/example_claude_by_hand/{{{{ day }}}}",
        columns=JOB.columns,
        closing_tags=JOB.closing_tags,
        job=JOB,
    )
    scanned: Any = scan.output
    plan = ClaudePlanOperator(task_id="plan", run_folder=scanned, job=JOB, work=f"{ROOT}/work")

    @task_group
    def shard(shard: str) -> None:
        """One batch."""
        create = ClaudeBatchCreateOperator(task_id="create", shard=shard)
        batch_id: Any = create.output
        wait = ClaudeBatchSensor(
            task_id="wait",
            batch_id=batch_id,
            shard=shard,
            poll_interval=conf.getfloat("claude", "poll_interval", fallback=60.0),
        )
        load = ClaudeResultLoadOperator(task_id="load", shard=shard, job=JOB)
        settle = ClaudeSettleOperator(
            task_id="settle", shard=shard, job=JOB, pool=conf.get("claude", "sync_pool", fallback="default_pool")
        )
        create >> wait >> load >> settle

    report = ClaudeReportOperator(task_id="report", run_folder=scanned, publish_to=f"{ROOT}/answers/by_hand")
    plan >> shard.expand(shard=plan.output) >> report
# [END example_claude_by_hand]
