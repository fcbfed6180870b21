"""Settle: sends the unresolved rows of a shard again, deferred while their batch runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.core.report.ledger import in_words
from airflow_provider_claude.core.settle.rounds import MOST_ROUNDS, ROUNDS
from airflow_provider_claude.core.sync.concurrency import CEILING
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.numbers import whole_number
from airflow_provider_claude.notify import Listener
from airflow_provider_claude.operators.shared.settle_shard import (
    POLL_SECONDS,
    SettlesShards,
    check_lane,
    wait_for_batch,
)
from airflow_provider_claude.runtime.hold_run import held
from airflow_provider_claude.runtime.metrics import count, gauge_progress
from airflow_provider_claude.runtime.paths import shard_folder
from airflow_provider_claude.runtime.poll_settings import poll_interval_of
from airflow_provider_claude.runtime.task_errors import raise_if_stopped, resumable
from airflow_provider_claude.triggers.warning import warn_if_left

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.stages.settle.run import Settled, Waiting


class ClaudeSettleOperator(SettlesShards, BaseOperator):
    """Sends the unresolved rows of a loaded shard again, until they are answered or cannot be. Returns the counts.

    Each round sends one more batch: rows that failed on the server, expired, were cancelled or are missing, whose answer was
    invalid once, or was cut off (with twice the ``max_tokens``). Where the deadline leaves no time for a batch, the sync lane
    asks them on the Messages API, within the account's planned limits. Rows that were refused, that the API calls an invalid
    request, or whose answer was invalid twice stay in ``unresolved.parquet`` with the reason and the model's raw answer.

    Cleared, it resumes the round in progress; cleared with more *rounds*, it tries that often.

    :param shard: a shard's path, as the plan returns it (templated).
    :param job: the job that was planned; its output checks the answers.
    :param conn_id: a connection of type `anthropic` (templated).
    :param rounds: how often unresolved rows are sent again (templated); 0 leaves them as they are.
    :param poll_interval: the most seconds between two looks at a batch; see ClaudeBatchSensor.
    :param cancel_on_mark: cancel the batch of unresolved rows when a user marks the deferred task; see ClaudeBatchSensor.
    :param in_flight: the most concurrent requests of the sync lane.
    :param shed_to: ``batch``: if the account is so busy that the sync lane had to slow down for minutes, and there is
        time, the remaining rows that are not urgent go back to a batch. None: they stay in the sync lane.
    :param warn: call the notifier of the DAG's deadline alerts; see ClaudeBatchSensor.
    """

    template_fields: Sequence[str] = ("shard", "conn_id", "rounds")
    ui_color = "#e4f4ee"

    def __init__(
        self,
        *,
        shard: str,
        job: ClaudeJob,
        conn_id: str = ClaudeHook.default_conn_name,
        rounds: int | str = ROUNDS,
        poll_interval: float = POLL_SECONDS,
        cancel_on_mark: bool = False,
        in_flight: int = int(CEILING),
        shed_to: str | None = None,
        warn: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_lane(in_flight, shed_to)
        if "{{" not in str(rounds):
            whole_number("rounds", rounds, 0, MOST_ROUNDS)
        self.shard = shard
        self.job = job
        self.conn_id = conn_id
        self.rounds = rounds
        self.poll_interval = poll_interval_of(poll_interval)
        self.cancel_on_mark = cancel_on_mark
        self.in_flight = in_flight
        self.shed_to = shed_to
        self.warn = warn

    def execute(self, context: Context) -> dict[str, Any]:
        return self.resume(context)

    def resume(
        self, context: Context, event: dict[str, Any] | None = None, waiting_since: float | None = None
    ) -> dict[str, Any]:
        """Settle, or continue after a deferral."""
        from airflow_provider_claude.stages.fetch.record_end import keep_event

        raise_if_stopped(event)
        keep_event(shard_folder(self.shard), event)
        with held(self, context, shard=self.shard, since=waiting_since) as active, resumable(self, since=waiting_since):
            return self._settle(context, active.number)

    def _settle(self, context: Context, active: int) -> dict[str, Any]:
        from airflow_provider_claude.stages.settle.run import Settled

        rounds = whole_number("rounds", self.rounds, 0, MOST_ROUNDS)
        try:
            step = self.step(rounds, context)
        finally:
            warn_if_left(self.shard, context, notify=self.warn)
            count(context.get("ti"), "rate_limited", self.rate_limited)
            gauge_progress(context.get("ti"), shard_folder(self.shard).run)
        if isinstance(step, Settled):
            self.log.info(
                "Shard %s settled: %s, %s USD", self.shard, in_words(step.loaded.outcomes), step.loaded.cost_usd
            )
            return dict(msgspec.to_builtins(step.loaded))
        return self._wait(step.batch_id, context, active)

    def step(self, rounds: int, context: Context) -> Settled | Waiting:
        """Take the next step of the shard that can be taken now."""
        return self.settling(self.shard, self.job, rounds, context).go_on()

    def _wait(self, batch_id: str, context: Context, active: int) -> dict[str, Any]:
        self.log.info("Shard %s: unresolved rows sent as batch %s; waiting in the triggerer", self.shard, batch_id)
        wait_for_batch(
            self,
            batch_id,
            shard=self.shard,
            conn_id=self.conn_id,
            active=active,
            listener=Listener.of(context) if self.warn else None,
            poll_interval=self.poll_interval,
            cancel_on_mark=self.cancel_on_mark,
        )
        return {}
