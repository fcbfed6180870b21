"""The night of LLMBatchOperator as its users write it: one task reads the mail, the operator asks and writes JSON lines."""

from __future__ import annotations

import os

import pendulum
from airflow.providers.common.ai.operators.llm_batch import LLMBatchOperator
from airflow.sdk import DAG, task

from benchmarks.workload import MAX_TOKENS, MODEL, PROMPT, SYSTEM, Sentiment

with DAG(dag_id="llm_night", schedule=None, start_date=pendulum.datetime(2026, 1, 1), params={"source": ""}):

    @task
    def read(params: dict[str, str]) -> list[str]:
        import pyarrow.parquet as pq

        return [
            PROMPT.format(subject=row["subject"], body=row["body"])
            for batch in pq.ParquetFile(params["source"]).iter_batches(columns=["subject", "body"])
            for row in batch.to_pylist()
        ]

    LLMBatchOperator(
        task_id="batch",
        llm_conn_id="pydanticai_default",
        model_id=f"anthropic:{MODEL}",
        requests=read(),
        system_prompt=SYSTEM,
        output_type=Sentiment,
        max_tokens=MAX_TOKENS,
        result_path=os.environ["NIGHT_RESULTS"],
        poll_interval=30,
        deferrable=True,
    )
