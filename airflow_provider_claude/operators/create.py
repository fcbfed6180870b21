"""Create: one shard is submitted as one Message Batch, never twice for the same content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.runtime import shard_folder, task_errors, utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClaudeBatchCreateOperator(BaseOperator):
    """Submits a shard and returns its batch id. Cleared or retried, it returns the id that is on record.

    :param shard: a shard's path, as the plan returns it (templated).
    :param conn_id: a connection of type `anthropic` (templated).
    """

    template_fields: Sequence[str] = ("shard", "conn_id")
    ui_color = "#f4efd7"

    def __init__(self, *, shard: str, conn_id: str = ClaudeHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard
        self.conn_id = conn_id

    def execute(self, context: Context) -> str:
        from airflow_provider_claude.stages.create import create

        with task_errors():
            batch_id = create(shard_folder(self.shard), ClaudeHook(self.conn_id).gateway(), clock=utc_now)
        self.log.info("Shard %s is batch %s", self.shard, batch_id)
        return batch_id
