"""The operators of Airflow's own providers run against the simulator unchanged.

No time knob is patched: at `instant` pace their first poll finds the batch ended, so they never come to sleep.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from airflow_provider_claude.simulator.process import SimulatorProcess
from tests.simulator.conftest import requests

PROMPTS = ["I love it, wonderful!", "This is terrible, I hate it.", "The parcel weighs two kilos."]


class Opinion(BaseModel):
    sentiment: Literal["positive", "negative", "neutral"]
    confidence: float
    reason: str | None = None


class TaskInstance:
    """What the operators want of one."""

    dag_id, task_id, run_id, map_index, try_number = "dag", "task", "run", -1, 1

    def __init__(self) -> None:
        self.pushed: dict[str, object] = {}

    def xcom_push(self, key: str, value: object) -> None:
        self.pushed[key] = value


@pytest.fixture
def context() -> dict:
    instance = TaskInstance()
    return {"ti": instance, "task_instance": instance}


def test_anthropic_batch_operator(claude_simulator: SimulatorProcess, context: dict):
    """AnthropicBatchOperator submits and waits; its hook streams the rows."""
    from airflow.providers.anthropic.operators.batch import AnthropicBatchOperator

    batch = AnthropicBatchOperator(task_id="batch", requests=requests(3), poll_interval=30)
    batch_id = batch.execute(context)
    assert context["ti"].pushed == {"batch_id": batch_id}
    answers = {
        row.custom_id: json.loads(row.result.message.content[0].text)["sentiment"]
        for row in batch.hook.stream_batch_results(batch_id)
    }
    assert answers == {"r0": "positive", "r1": "negative", "r2": "neutral"}


def test_anthropic_batch_operator_deferred(claude_simulator: SimulatorProcess, context: dict):
    """Its trigger polls with the async client and reports the counts."""
    import asyncio

    from airflow.providers.anthropic.operators.batch import AnthropicBatchOperator
    from airflow.sdk.exceptions import TaskDeferred

    batch = AnthropicBatchOperator(task_id="batch", requests=requests(3), deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        batch.execute(context)

    async def first_event():
        return await anext(aiter(deferred.value.trigger.run()))

    event = asyncio.run(first_event()).payload
    assert batch.execute_complete(context, event) == context["ti"].pushed["batch_id"]
    assert event["request_counts"]["succeeded"] == 3


def test_llm_batch_operator(
    claude_simulator: SimulatorProcess, context: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """LLMBatchOperator of common-ai gets typed answers through a forced tool."""
    from airflow.providers.common.ai.operators.llm_batch import LLMBatchOperator

    connection = {"conn_type": "pydanticai", "host": claude_simulator.base_url, "password": claude_simulator.api_key}
    monkeypatch.setenv("AIRFLOW_CONN_PYDANTICAI_DEFAULT", json.dumps(connection))
    batch = LLMBatchOperator(
        task_id="batch",
        llm_conn_id="pydanticai_default",
        model_id="anthropic:claude-haiku-5-5",
        requests=PROMPTS,
        output_type=Opinion,
        result_path=tmp_path.as_uri(),
        deferrable=False,
    )
    manifest = batch.execute(context)
    assert manifest["counts"]["succeeded"] == 3, manifest
    lines = Path(manifest["result_uri"].removeprefix("file://")).read_text().splitlines()
    rows = sorted((json.loads(line) for line in lines), key=lambda row: row["index"])
    assert [row["output"]["sentiment"] for row in rows] == ["positive", "negative", "neutral"]
