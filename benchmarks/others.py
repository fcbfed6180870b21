"""The operators of Airflow's own providers, as they are, from the same Parquet file to the same question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.context import task_context
from benchmarks.meter import Meter
from benchmarks.workload import MAX_TOKENS, MODEL, PROMPT, SYSTEM, Sentiment

#: Rows of a record batch on the way to Parquet: what one would write by hand, so that the table is never in memory.
_BATCH_ROWS = 10_000


def requests_of(mails: str) -> list[dict[str, Any]]:
    """The requests of all mails in a Parquet file, as AnthropicBatchOperator takes them."""
    import pyarrow.parquet as pq
    from anthropic import transform_schema

    common = {
        "model": MODEL,
        "max_tokens": MAX_TOKENS,
        "thinking": {"type": "disabled"},
        "system": SYSTEM,
        "output_config": {"format": {"type": "json_schema", "schema": transform_schema(Sentiment)}},
    }
    return [
        {
            "custom_id": row["id"],
            "params": {
                **common,
                "messages": [{"role": "user", "content": PROMPT.format(subject=row["subject"], body=row["body"])}],
            },
        }
        for batch in pq.ParquetFile(mails).iter_batches(columns=["id", "subject", "body"])
        for row in batch.to_pylist()
    ]


def land_batch(hook: Any, batch_id: str, folder: str) -> int:
    """The results of a batch by Pydantic to Parquet, with the usage; the number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("custom_id", pa.string()),
            ("message_id", pa.string()),
            ("model", pa.string()),
            ("stop_reason", pa.string()),
            ("input_tokens", pa.int64()),
            ("output_tokens", pa.int64()),
            ("sentiment", pa.string()),
            ("confidence", pa.float64()),
            ("topic", pa.string()),
            ("needs_reply", pa.bool_()),
        ]
    )
    rows = 0
    with pq.ParquetWriter(Path(folder) / "anthropic.parquet", schema, compression="zstd") as writer:
        pending = []
        for result in hook.stream_batch_results(batch_id):
            message = result.result.message
            answer = Sentiment.model_validate_json(message.content[0].text)
            pending.append(
                {
                    "custom_id": result.custom_id,
                    "message_id": message.id,
                    "model": message.model,
                    "stop_reason": message.stop_reason,
                    "input_tokens": message.usage.input_tokens,
                    "output_tokens": message.usage.output_tokens,
                    **answer.model_dump(),
                }
            )
            rows += 1
            if len(pending) == _BATCH_ROWS:
                writer.write_table(pa.Table.from_pylist(pending, schema))
                pending = []
        if pending:
            writer.write_table(pa.Table.from_pylist(pending, schema))
    return rows


def anthropic_submit(meter: Meter, mails: str, **_: Any) -> dict[str, Any]:
    """AnthropicBatchOperator takes all requests as one list of dicts."""
    from airflow.providers.anthropic.operators.batch import AnthropicBatchOperator

    _connect()
    with meter:
        requests = requests_of(mails)
        submit = AnthropicBatchOperator(task_id="submit", requests=requests, wait_for_completion=False)
        batch_id = submit.execute(task_context())
    return {"batches": [batch_id]}


def anthropic_iterate(meter: Meter, batches: list[str], **_: Any) -> dict[str, Any]:
    """Its hook streams the results; nothing is done with them."""
    from airflow.providers.anthropic.hooks.anthropic import AnthropicHook

    _connect()
    hook = AnthropicHook()  # kept: without it the client closes itself while it streams
    with meter:
        rows = sum(1 for _ in hook.stream_batch_results(batches[0]))
    return {"rows": rows}


def anthropic_land(meter: Meter, batches: list[str], folder: str, **_: Any) -> dict[str, Any]:
    """Its hook has no landing, so this is the one its users write."""
    from airflow.providers.anthropic.hooks.anthropic import AnthropicHook

    _connect()
    hook = AnthropicHook()
    with meter:
        rows = land_batch(hook, batches[0], folder)
    return {"rows": rows}


def llm_submit(meter: Meter, mails: str, folder: str, **_: Any) -> dict[str, Any]:
    """LLMBatchOperator takes all prompts as one list of texts. It defers once it has submitted."""
    import pyarrow.parquet as pq
    from airflow.sdk.exceptions import TaskDeferred

    batch_id = ""
    _llm_connect(folder)
    with meter:
        prompts = [
            PROMPT.format(subject=row["subject"], body=row["body"])
            for batch in pq.ParquetFile(mails).iter_batches(columns=["subject", "body"])
            for row in batch.to_pylist()
        ]
        try:
            _llm(prompts, folder).execute(task_context())
        except TaskDeferred as deferred:
            batch_id = deferred.trigger.batch_id
    return {"batches": [batch_id]}


def llm_land(meter: Meter, batches: list[str], folder: str, **_: Any) -> dict[str, Any]:
    """It resumes with its trigger's event and writes JSON lines. It is spared the rendering of its requests again."""
    from airflow.providers.common.ai.batch.polling import terminal_event

    operator = _llm(["-"], folder)
    _, adapter = _llm_connect(folder)
    event = terminal_event(batches[0], adapter.get_batch(batches[0]))
    with meter:
        manifest = operator.execute_complete(task_context(), event)
    return {"rows": manifest["counts"]["succeeded"]}


def _llm(requests: list[str], folder: str) -> Any:
    from airflow.providers.common.ai.operators.llm_batch import LLMBatchOperator

    return LLMBatchOperator(
        task_id="batch",
        llm_conn_id="pydanticai_default",
        model_id=f"anthropic:{MODEL}",
        requests=requests,
        system_prompt=SYSTEM,
        output_type=Sentiment,
        max_tokens=MAX_TOKENS,
        result_path=Path(folder).as_uri(),
        deferrable=True,
    )


def _connect() -> None:
    """Make a first call, which imports what calls need."""
    from airflow.providers.anthropic.hooks.anthropic import AnthropicHook

    AnthropicHook().get_conn().messages.batches.list(limit=1)


def _llm_connect(folder: str) -> Any:
    from airflow.providers.common.ai.batch.output_schema import build_output_spec

    _connect()
    build_output_spec(Sentiment)
    return _llm(["-"], folder)._build_adapter()  # noqa: SLF001 - the one it polls with
