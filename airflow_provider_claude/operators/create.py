"""Create: one shard is submitted as one Message Batch, never twice for the same content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.runtime.hold_run import held
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import shard_folder
from airflow_provider_claude.runtime.run_context import need_xcom
from airflow_provider_claude.runtime.task_errors import resumable
from airflow_provider_claude.triggers.warning import warn_if_left

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClaudeBatchCreateOperator(BaseOperator):
    """Submits a shard and returns its batch id: a new one, or the one that is already paid for.

    Cleared, retried or run twice at once it never pays twice. Where an earlier try died while sending, it waits,
    deferred, until that can have had no effect, and then looks for its batch in the workspace's list. It returns an
    empty text where all answers are there from earlier runs. Killed or marked, it leaves the batch alone.

    :param shard: a shard's path, as the plan returns it (templated).
    :param conn_id: a connection of type `anthropic` (templated).
    :param warn: call the notifier of the DAG's deadline alerts where the shard's cutoff comes before a batch is proven to be
        its own; False only logs.
    """

    template_fields: Sequence[str] = ("shard", "conn_id")
    ui_color = "#f4efd7"

    def __init__(
        self, *, shard: str, conn_id: str = ClaudeHook.default_conn_name, warn: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        need_xcom(self)
        self.shard = shard
        self.conn_id = conn_id
        self.warn = warn

    def execute(self, context: Context) -> str:
        return self.resume(context)

    def resume(self, context: Context, event: Any = None, waiting_since: float | None = None) -> str:
        """Create, or continue after a deferral."""
        from airflow_provider_claude.stages.submit.run import create

        with held(self, context, shard=self.shard, since=waiting_since), resumable(self, since=waiting_since):
            try:
                batch_id = create(shard_folder(self.shard), ClaudeHook(self.conn_id).gateway(), clock=utc_now)
            finally:
                warn_if_left(self.shard, context, notify=self.warn)
        self.log.info(
            "Shard %s: %s", self.shard, f"batch {batch_id}" if batch_id else "no batch needed, all answers exist"
        )
        return batch_id
