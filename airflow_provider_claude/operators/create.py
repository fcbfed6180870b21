"""Create: one shard is submitted as one Message Batch, never twice for the same content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.active import held
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.paths import shard_folder
from airflow_provider_claude.runtime import need_xcom, resumable, utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClaudeBatchCreateOperator(BaseOperator):
    """Submits a shard and returns its batch id: a new one, or the one that is already paid for.

    Cleared, retried or run twice at once it never pays twice. Where an earlier try died while sending, it waits,
    deferred, until that can have had no effect, and then looks for its batch in the workspace's list. It returns an
    empty text where all answers are there from earlier runs. Killed or marked, it leaves the batch alone.

    :param shard: a shard's path, as the plan returns it (templated).
    :param conn_id: a connection of type `anthropic` (templated).
    """

    template_fields: Sequence[str] = ("shard", "conn_id")
    ui_color = "#f4efd7"

    def __init__(self, *, shard: str, conn_id: str = ClaudeHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        need_xcom(self)
        self.shard = shard
        self.conn_id = conn_id

    def execute(self, context: Context) -> str:
        return self.resume(context)

    def resume(self, context: Context, event: Any = None) -> str:
        """Create, or go on after a deferral."""
        from airflow_provider_claude.stages.create import create

        with held(self, context, shard=self.shard), resumable(self):
            batch_id = create(shard_folder(self.shard), ClaudeHook(self.conn_id).gateway(), clock=utc_now)
        self.log.info("Shard %s is batch %s", self.shard, batch_id or "none: all its answers are there already")
        return batch_id
