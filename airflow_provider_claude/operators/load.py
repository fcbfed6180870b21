"""Load: the results of a shard become typed answers, and unresolved rows with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.core.report.ledger import in_words
from airflow_provider_claude.errors import IncompleteError, PendingError
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.notify import Listener
from airflow_provider_claude.operators.shared.settle_shard import wait_for_batch
from airflow_provider_claude.runtime.hold_run import held
from airflow_provider_claude.runtime.log_progress import log_progress
from airflow_provider_claude.runtime.metrics import gauge_progress
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import shard_folder
from airflow_provider_claude.runtime.run_context import task_ref
from airflow_provider_claude.runtime.task_errors import raise_if_stopped, resumable

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClaudeResultLoadOperator(BaseOperator):
    """Downloads the results of an ended batch, checks every row, and writes the shard's answers. Returns the counts.

    Loading twice gives the same as loading once, and downloads nothing the second time. Incomplete results are read again
    over minutes, without holding a worker; then what is there is loaded, and the rest is ``missing``, with the reason. A batch
    that has not ended, because its wait was marked success, is waited for in the triggerer, until the shard's cutoff.

    :param shard: a shard's path, as the plan returns it (templated).
    :param job: the job that was planned; its output checks the answers.
    :param conn_id: a connection of type `anthropic` (templated).
    :param warn: call the notifier of the DAG's deadline alerts, where the batch has not ended and its cutoff comes; see
        ClaudeBatchSensor.
    """

    template_fields: Sequence[str] = ("shard", "conn_id")
    ui_color = "#e4f4ee"

    def __init__(
        self,
        *,
        shard: str,
        job: ClaudeJob,
        conn_id: str = ClaudeHook.default_conn_name,
        warn: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.shard = shard
        self.job = job
        self.conn_id = conn_id
        self.warn = warn

    def execute(self, context: Context) -> dict[str, Any]:
        return self.resume(context)

    def resume(self, context: Context, event: Any = None, waiting_since: float | None = None) -> dict[str, Any]:
        """Load, or continue after a deferral: the batch had not ended."""
        from airflow_provider_claude.stages.fetch.record_end import keep_event
        from airflow_provider_claude.stages.load.run import load

        raise_if_stopped(event)
        shard = shard_folder(self.shard)
        keep_event(shard, event)
        with held(self, context, shard=self.shard, since=waiting_since) as active, resumable(self, since=waiting_since):
            gateway = ClaudeHook(self.conn_id).gateway()
            try:
                seen = log_progress(self.log, "rows loaded")
                record = load(shard, self.job, gateway, task=task_ref(context), clock=utc_now, seen=seen)
            except IncompleteError:
                raise
            except PendingError:
                self._wait(context, active.number)
                raise
        gauge_progress(context.get("ti"), shard.run)
        self.log.info(
            "Shard %s: %d rows loaded (%s), %s USD", self.shard, record.rows, in_words(record.outcomes), record.cost_usd
        )
        if record.unmatched:
            self.log.warning(
                "Shard %s: result lines that belong to none of its rows: %s", self.shard, in_words(record.unmatched)
            )
        for sentence in record.count_mismatches:
            self.log.warning("%s; each row has exactly one outcome", sentence)
        for sentence in record.incomplete:
            self.log.warning("%s", sentence)
        return dict(msgspec.to_builtins(record))

    def _wait(self, context: Context, active: int) -> None:
        """Defer this task until the batch has ended, or its cutoff has come; nothing where no batch is on its way."""
        from airflow_provider_claude.stages.load.run import first_in_flight

        batch_id = first_in_flight(shard_folder(self.shard))
        if batch_id is None:
            return
        self.log.info("Shard %s: batch %s has not ended; waiting in the triggerer", self.shard, batch_id)
        wait_for_batch(
            self,
            batch_id,
            shard=self.shard,
            conn_id=self.conn_id,
            active=active,
            listener=Listener.of(context) if self.warn else None,
        )
