"""Settle a shard: with another batch, or on the Messages API; and wait for the batch, without holding a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_claude.core.sync.concurrency import Concurrency
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.notify import Listener
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import shard_folder
from airflow_provider_claude.runtime.run_context import task_ref

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_provider_claude.stages.settle.run import Settling
    from airflow_provider_claude.stages.sync.lane_factory import LaneFactory

#: The most seconds between two looks at a batch that has not ended.
POLL_SECONDS = 60.0


class SettlesShards:
    """Makes an operator settle shards. Killed, it sends nothing more: what is under way is waited for and kept."""

    conn_id: str
    in_flight: int
    shed_to: str | None
    _lane_factory: LaneFactory | None = None

    def settling(self, shard: str, job: ClaudeJob, rounds: int, context: Context) -> Settling:
        """What brings *shard* (a path) to its end."""
        from airflow_provider_claude.stages.settle.run import Settling

        hook = ClaudeHook(self.conn_id)
        self._lane_factory = hook.lane_factory(in_flight=self.in_flight, shed=self.shed_to == "batch")
        return Settling(
            shard=shard_folder(shard),
            job=job,
            api=hook.gateway(),
            clock=utc_now,
            task=task_ref(context),
            rounds=rounds,
            lane_factory=self._lane_factory,
        )

    @property
    def rate_limited(self) -> int:
        """How many requests of the sync lane the API has refused in this task because the account was busy (429)."""
        return 0 if self._lane_factory is None else self._lane_factory.rate_limited

    def on_kill(self) -> None:
        """Send nothing more; wait for the sync lane's open requests and keep their answers."""
        if self._lane_factory is not None:
            self._lane_factory.stop()


def check_lane(in_flight: int, shed_to: str | None) -> None:
    """Raise JobError where the sync lane cannot be used so."""
    if shed_to not in {None, "batch"}:
        raise JobError(f"shed_to is {shed_to!r}: write 'batch', or None to keep all rows in the sync lane.")
    Concurrency.up_to(in_flight)


def wait_for_batch(
    operator: BaseOperator,
    batch_id: str,
    *,
    shard: str,
    conn_id: str,
    active: int,
    listener: Listener | None,
    poll_interval: float = POLL_SECONDS,
    cancel_on_mark: bool = False,
) -> None:
    """Defer *operator* until the batch has ended, or the cutoff of *shard* (a path) has come; then it is resumed.

    *active*: the number of this run's claim on the run folder. *listener*: notified if the batch is abandoned.
    """
    from airflow_provider_claude.triggers.batch import ClaudeBatchTrigger

    operator.defer(
        trigger=ClaudeBatchTrigger.from_now(
            batch_id,
            conn_id=conn_id,
            poll_interval=poll_interval,
            cancel_on_mark=cancel_on_mark,
            shard=shard,
            listener=listener,
            active=active,
        ),
        method_name="resume",
    )
