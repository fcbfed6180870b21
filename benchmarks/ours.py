"""Our four stages over all shards of a run, in one process, as the operators call them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.meter import Meter
from benchmarks.workload import CARRY, MAX_TOKENS, MODEL, PROMPT, SYSTEM, Sentiment


def scan(meter: Meter, mails: str, run: str, **_: Any) -> dict[str, Any]:
    from airflow_provider_claude.sources.source import open_source
    from airflow_provider_claude.stages.scan.run import scan as scan_stage
    from airflow_provider_claude.stages.scan.scan_settings import ScanSettings

    asked, folder = _job(), _run(run)
    with meter:
        source = open_source(_path(mails), columns=[*asked.columns, *CARRY])
        record = scan_stage(
            source,
            folder,
            ScanSettings(text_columns=asked.columns, carry=CARRY, closing_tags=asked.closing_tags),
            clock=_now,
        )
    return {"rows": record.items, "quarantined": record.quarantined, "duplicates": record.duplicates}


def plan(meter: Meter, run: str, **_: Any) -> dict[str, Any]:
    """Without the trial, so that every row goes through a batch."""
    from airflow_provider_claude.stages.plan.plan_settings import Settings
    from airflow_provider_claude.stages.plan.run import plan as plan_stage

    asked, folder, gateway = _job(), _run(run), _gateway()
    with meter:
        record = plan_stage(folder, asked, gateway, settings=Settings(trial=False), clock=_now)
    return {
        "shards": [str(folder.shard(spec.number)) for spec in record.shards],
        "rows": sum(spec.rows for spec in record.shards),
        "bytes": sum(spec.bytes for spec in record.shards),
    }


def create(meter: Meter, shards: list[str], **_: Any) -> dict[str, Any]:
    from airflow_provider_claude.stages.submit.run import create as create_stage

    gateway, folders = _gateway(), [_shard(shard) for shard in shards]
    with meter:
        batches = [create_stage(shard, gateway, clock=_now) for shard in folders]
    return {"batches": batches}


def load(meter: Meter, shards: list[str], **_: Any) -> dict[str, Any]:
    from airflow_provider_claude.stages.load.run import load as load_stage

    asked, gateway, folders = _job(), _gateway(), [_shard(shard) for shard in shards]
    with meter:
        records = [load_stage(shard, asked, gateway, clock=_now) for shard in folders]
    return {"rows": sum(record.outcomes.get("succeeded", 0) for record in records)}


def _job() -> Any:
    from airflow_provider_claude.job import ClaudeJob

    return ClaudeJob(model=MODEL, system=SYSTEM, prompt=PROMPT, output=Sentiment, max_tokens=MAX_TOKENS)


def _gateway() -> Any:
    """The gateway after a first call, which imports what calls need."""
    import anthropic

    from airflow_provider_claude.gateway.client import Gateway

    client = anthropic.Anthropic(base_url=os.environ["CLAUDE_BASE_URL"], api_key=os.environ["CLAUDE_API_KEY"])
    client.messages.batches.list(limit=1)
    return Gateway(lambda: client)


def _run(path: str) -> Any:
    from airflow_provider_claude.store import RunFolder

    return RunFolder(_path(path))


def _shard(path: str) -> Any:
    from airflow_provider_claude.store import ShardFolder

    return ShardFolder(_path(path))


def _path(path: str) -> Any:
    from upath import UPath

    return UPath(Path(path))


def _now() -> str:
    return datetime.now(UTC).isoformat()
