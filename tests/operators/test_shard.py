"""A shard as one task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators import settle
from airflow_provider_claude.operators.shard import ClaudeShardOperator
from airflow_provider_claude.stages.submit import run as submit_run

JOB = ClaudeJob(
    prompt="<m>{body}</m>",
    output={"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
)


def test_where_sending_fails_the_alert_of_the_cutoff_is_looked_for_as_after_create(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def fails(*_: Any, **__: Any) -> str:
        raise StateError("the batch is not proven to be the shard's")

    monkeypatch.setattr(submit_run, "create", fails)
    monkeypatch.setattr(settle, "warn_if_left", lambda shard, *_, **__: looked.append(shard))
    shard = str(tmp_path / "run" / "shards" / "00001")
    with pytest.raises(AirflowFailException, match="not proven"):
        ClaudeShardOperator(task_id="ask", shard=shard, job=JOB).execute({})
    assert looked == [shard]
