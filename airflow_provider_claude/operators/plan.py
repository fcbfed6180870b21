"""Plan: tokens, cost and shards are settled, and one request tried, before anything is sent in bulk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.core.plan.shards import DEFAULT_ROWS, MAX_BYTES, Limits
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.runtime import resolve_day, resolve_deadline, run_folder, task_errors, task_ref, utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClaudePlanOperator(BaseOperator):
    """Plans a scanned run, and returns one small handle a shard (a path) to map the next tasks over.

    :param run_folder: the scan's run folder (templated); usually ``scan.output``.
    :param job: what is asked.
    :param model: another model than the job's (templated); empty keeps the job's.
    :param conn_id: a connection of type `anthropic` (templated).
    :param shard_rows: the most requests in one batch (templated; 1 to 100,000).
    :param shard_bytes: the most bytes in one batch (at most 256,000,000).
    :param trial: try the first item on the Messages API; its answer is kept.
    :param deadline: local wall clock ``HH:MM`` by which a scheduled run's answers are due.
    :param prices: prices for models that are not known here, or other ones; see ``core/plan/prices.json``.
    """

    template_fields: Sequence[str] = ("run_folder", "model", "conn_id", "shard_rows", "deadline")
    ui_color = "#e4eaf4"

    def __init__(
        self,
        *,
        run_folder: str,
        job: ClaudeJob,
        model: str | None = None,
        conn_id: str = ClaudeHook.default_conn_name,
        shard_rows: int | str = DEFAULT_ROWS,
        shard_bytes: int = MAX_BYTES,
        trial: bool = True,
        deadline: str | None = None,
        prices: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.run_folder = run_folder
        self.job = job
        self.model = model
        self.conn_id = conn_id
        self.shard_rows = shard_rows
        self.shard_bytes = shard_bytes
        self.trial = trial
        self.deadline = deadline
        self.prices = prices

    def execute(self, context: Context) -> list[str]:
        from airflow_provider_claude.stages.plan import Settings, plan

        with task_errors():
            run = run_folder(self.run_folder)
            record = plan(
                run,
                self.job.with_model(self.model),
                ClaudeHook(self.conn_id).gateway(),
                settings=Settings(
                    limits=Limits(rows=int(self.shard_rows), bytes=self.shard_bytes),
                    trial=self.trial,
                    prices=self.prices,
                    deadline=resolve_deadline(context, self.deadline),
                    partition=resolve_day(context),
                ),
                task=task_ref(context),
                clock=utc_now,
            )
        for sentence in record.explanation:
            self.log.info("%s", sentence)
        return [str(run.shard(spec.shard)) for spec in record.shards if spec.lane == "batch"]
