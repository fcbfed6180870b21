"""Load: the results of a shard become typed answers, and leftovers with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.active import held
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.paths import shard_folder
from airflow_provider_claude.runtime import resumable, task_ref, utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClaudeResultLoadOperator(BaseOperator):
    """Downloads the results of an ended batch, checks every row, and writes the shard's answers. Returns the counts.

    Loading twice equals loading once, and the second time downloads nothing. Results that are not whole are read again over
    minutes, without a worker that waits; then what is there is loaded, and the rest is ``missing``, with the reason.

    :param shard: a shard's path, as the plan returns it (templated).
    :param job: the job that was planned; its output checks the answers.
    :param conn_id: a connection of type `anthropic` (templated).
    """

    template_fields: Sequence[str] = ("shard", "conn_id")
    ui_color = "#e4f4ee"

    def __init__(
        self, *, shard: str, job: ClaudeJob, conn_id: str = ClaudeHook.default_conn_name, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.shard = shard
        self.job = job
        self.conn_id = conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        return self.resume(context)

    def resume(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Load, or go on after a deferral: the batch had not ended."""
        from airflow_provider_claude.stages.load import load

        with held(self, context, shard=self.shard), resumable(self):
            gateway = ClaudeHook(self.conn_id).gateway()
            record = load(shard_folder(self.shard), self.job, gateway, task=task_ref(context), clock=utc_now)
        self.log.info("Shard %s: %d rows %s, %s USD", self.shard, record.rows, record.outcomes, record.cost_usd)
        if record.strangers:
            self.log.warning("Result lines that belong to no row of this shard: %s", record.strangers)
        for sentence in record.disagreements:
            self.log.warning("%s; each row has its one outcome all the same", sentence)
        for sentence in record.incomplete:
            self.log.warning("%s", sentence)
        return dict(msgspec.to_builtins(record))
