"""Our four tasks, by their operators, over all shards of a run, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.context import task_context
from benchmarks.meter import Meter
from benchmarks.workload import CARRY, MAX_TOKENS, MODEL, PROMPT, SYSTEM, Sentiment


def job() -> Any:
    from airflow_provider_claude.job import ClaudeJob

    return ClaudeJob(model=MODEL, system=SYSTEM, prompt=PROMPT, output=Sentiment, max_tokens=MAX_TOKENS)


def scan(meter: Meter, mails: str, run: str, **_: Any) -> dict[str, Any]:
    import airflow_provider_claude.stages.scan
    from airflow_provider_claude.operators.scan import ClaudeInputScanOperator

    asked = job()
    operator = ClaudeInputScanOperator(
        task_id="scan", source=mails, run_folder=run, columns=asked.columns, carry=CARRY, closing_tags=asked.closing_tags
    )
    with meter:
        operator.execute(task_context())
    record = _run(run).need_scan()
    return {"rows": record.items, "quarantined": record.quarantined, "duplicates": record.duplicates}


def plan(meter: Meter, run: str, **_: Any) -> dict[str, Any]:
    import anthropic

    import airflow_provider_claude.stages.plan
    from airflow_provider_claude.operators.plan import ClaudePlanOperator

    operator = ClaudePlanOperator(task_id="plan", run_folder=run, job=job(), trial=False)
    _connect()
    with meter:
        shards = operator.execute(task_context())
    record = _run(run).need_plan()
    return {
        "shards": shards,
        "rows": sum(spec.rows for spec in record.shards),
        "bytes": sum(spec.bytes for spec in record.shards),
    }


def create(meter: Meter, shards: list[str], **_: Any) -> dict[str, Any]:
    import anthropic

    import airflow_provider_claude.stages.create
    from airflow_provider_claude.operators.create import ClaudeBatchCreateOperator

    operators = [ClaudeBatchCreateOperator(task_id="create", shard=shard) for shard in shards]
    _connect()
    with meter:
        batches = [operator.execute(task_context()) for operator in operators]
    return {"batches": batches}


def load(meter: Meter, shards: list[str], **_: Any) -> dict[str, Any]:
    import anthropic

    import airflow_provider_claude.stages.load
    from airflow_provider_claude.operators.load import ClaudeResultLoadOperator

    asked = job()
    operators = [ClaudeResultLoadOperator(task_id="load", shard=shard, job=asked) for shard in shards]
    _connect()
    with meter:
        records = [operator.execute(task_context()) for operator in operators]
    return {"rows": sum(record["outcomes"].get("succeeded", 0) for record in records)}


def _connect() -> None:
    """Import what a first client imports."""
    from airflow_provider_claude.hooks.claude import ClaudeHook

    ClaudeHook().gateway()


def _run(path: str) -> Any:
    from upath import UPath

    from airflow_provider_claude.store import RunFolder

    return RunFolder(UPath(Path(path)))
