"""Waits until a Message Batch has ended: deferred to the triggerer, or poking from a worker."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException, BaseSensorOperator

from airflow_provider_claude.core.submit.attempt import RESULTS_SECONDS
from airflow_provider_claude.core.submit.polling import Decision, Polling, StopWaiting, Wait, unknown_message
from airflow_provider_claude.errors import ClaudeError, NotFoundYetError, Terminal
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job.numbers import number
from airflow_provider_claude.notify import Listener
from airflow_provider_claude.runtime.hold_run import Beats, current
from airflow_provider_claude.runtime.now import epoch_now
from airflow_provider_claude.runtime.paths import shard_folder
from airflow_provider_claude.runtime.poll_settings import poll_interval_of
from airflow_provider_claude.runtime.task_errors import raise_if_stopped, task_errors
from airflow_provider_claude.triggers.batch import MAX_WAIT_SECONDS, ClaudeBatchTrigger
from airflow_provider_claude.triggers.keep_cutoff import keep_cutoff
from airflow_provider_claude.triggers.watch_cutoff import Cutoff

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.gateway.client import Gateway


class ClaudeBatchSensor(BaseSensorOperator):
    """Succeeds when the batch has ended, with or without answers; returns its id.

    Clearing, killing or timing out this task never cancels the batch: a cleared task waits for the same batch again.
    Marking it failed or success also leaves the batch alone, unless *cancel_on_mark* is set.

    :param batch_id: the batch to wait for (templated). Empty: nothing was sent, so there is nothing to wait for.
    :param conn_id: a connection of type `anthropic` (templated).
    :param poll_interval: the most seconds between two looks (10 to 3,600). In the triggerer they begin after half of it, 30
        at most; they are more frequent at first. The API may ask for longer pauses, up to 15 minutes. A simulator may be asked
        more often: ``[claude] poll_floor``.
    :param timeout: seconds to wait at most, counted from the first look.
    :param deferrable: wait in the triggerer and hold no worker; else the sensor pokes.
    :param shard: the shard's path (templated). If its results are already downloaded, the API is not asked. If its run has
        a deadline, the sensor cancels the batch at the shard's cutoff and waits for its end; a batch that cannot be ended is
        treated as the plan's *stuck_batches* says. If the API does not know the batch for five minutes, the task succeeds, and
        the load of the shard decides what is missing. A ``map_index_template`` can name the instance after the shard.
    :param cancel_on_mark: cancel the batch when a user marks the deferred task failed, success or skipped; needs Airflow
        3.3. What the batch had answered by then is billed, and is used when the shard is run again.
    :param warn: call the notifier of the DAG's deadline alerts where this is the first batch that its run abandons at
        its cutoff; False only logs.
    """

    template_fields: Sequence[str] = ("batch_id", "conn_id", "shard")
    ui_color = "#f4e3d7"

    def __init__(
        self,
        *,
        batch_id: str,
        conn_id: str = ClaudeHook.default_conn_name,
        poll_interval: float = 60.0,
        timeout: float = MAX_WAIT_SECONDS,
        deferrable: bool = True,
        shard: str | None = None,
        cancel_on_mark: bool = False,
        warn: bool = True,
        **kwargs: Any,
    ) -> None:
        poll_interval = poll_interval_of(poll_interval)
        timeout = number("timeout", timeout, 1, RESULTS_SECONDS)
        super().__init__(timeout=timeout, poke_interval=poll_interval, **kwargs)
        self.batch_id = batch_id
        self.conn_id = conn_id
        self.poll_interval = poll_interval
        self.deferrable = deferrable
        self.shard = shard
        self.cancel_on_mark = cancel_on_mark
        self.warn = warn
        self._polling: Polling | None = None
        self._cutoff: Cutoff | None = None
        self._beats = Beats(None, None)
        self._earliest: float = 0.0
        self._latest: float | None = math.inf

    def execute(self, context: Context) -> Any:
        if self._nothing_to_wait_for():
            self.log.info(
                "Nothing to wait for: %s", "all results are downloaded" if self.batch_id else "no batch was sent"
            )
            return self.batch_id
        self._beats = Beats(self.shard, current(self.shard, context))
        if not self.deferrable:
            super().execute(context)
            return self.batch_id
        # No look from here first: it would cost this process the import of the SDK, seconds of CPU a shard.
        self.log.info("Waiting for batch %s in the triggerer", self.batch_id)
        self.defer(
            trigger=ClaudeBatchTrigger.from_now(
                self.batch_id,
                conn_id=self.conn_id,
                poll_interval=self.poll_interval,
                timeout=self.timeout,
                cancel_on_mark=self.cancel_on_mark,
                shard=self.shard,
                listener=Listener.of(context) if self.warn else None,
                active=self._beats.number,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout + 2 * self.poll_interval + 60),
        )
        return None

    def _nothing_to_wait_for(self) -> bool:
        if not self.batch_id or not self.shard:
            return not self.batch_id
        from airflow_provider_claude.store import exists

        shard = shard_folder(self.shard)
        for attempt in reversed(shard.attempts()):
            submitted = shard.submitted(attempt)
            if submitted is not None and submitted.batch_id == self.batch_id:
                return exists(shard.results(attempt))
        return False

    def poke(self, context: Context) -> bool:
        """One look. True when the batch has ended; the wait survives an hour of API errors."""
        self._beats.beat()
        with task_errors():
            polling = self._polling or Polling(batch_id=self.batch_id, started=epoch_now(), interval=self.poll_interval)
            gateway = ClaudeHook(self.conn_id).gateway()
            try:
                seen = gateway.batch(self.batch_id)
                self._polling, decision = polling.on_status(seen.status, now=epoch_now(), asked=seen.retry_after)
                if isinstance(decision, Wait):
                    self._latest = self._keep_cutoff(gateway, Listener.of(context) if self.warn else None)
            except ClaudeError as error:
                if self.reschedule and isinstance(error, Terminal):
                    raise  # the next look is another process, which cannot see this one's counts
                self.log.warning("Batch %s could not be polled: %s", self.batch_id, error)
                self._polling, decision = polling.on_error(error, now=epoch_now())
                if self._is_unknown(error, decision):
                    self.log.warning("%s", unknown_message(self.batch_id))
                    return True
        if isinstance(decision, StopWaiting):
            raise_if_stopped(decision.event(self.batch_id))
        if isinstance(decision, Wait):
            self._earliest = decision.seconds
            return self._latest is None
        return True

    def _is_unknown(self, error: ClaudeError, decision: Decision) -> bool:
        """Whether the API does not know the batch of the shard. Where each look is another process, one look is enough: the
        load counts its own looks on disk.
        """
        unknown = (
            isinstance(error, NotFoundYetError)
            if self.reschedule
            else isinstance(decision, StopWaiting) and decision.unknown
        )
        return self.shard is not None and unknown

    def _get_next_poke_interval(self, *args: Any, **kwargs: Any) -> float:
        """Airflow's interval, but not before the API's retry-after, nor after the shard's cutoff."""
        interval: float = super()._get_next_poke_interval(*args, **kwargs)
        return min(max(interval, self._earliest), self._latest or 0.0)

    def _keep_cutoff(self, gateway: Gateway, listener: Listener | None) -> float | None:
        """Cancel the batch at its cutoff, if it is proven to be the shard's. Returns the seconds until the next check of the
        cutoff; None to stop waiting for the batch.
        """
        self._cutoff = self._cutoff or Cutoff(self.shard, self.batch_id)
        cancel = partial(asyncio.to_thread, gateway.cancel_batch, self.batch_id)
        serialized = None if listener is None else asdict(listener)
        return asyncio.run(keep_cutoff(self._cutoff, cancel, listener=serialized, log=self.log))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Resume after the trigger's event. A failed wait fails the task; a retry waits for the same batch."""
        if not event or event.get("status") not in {"ended", "left", "unknown", "stopped"}:
            raise AirflowException(
                f"The trigger sent {event!r}, which this version does not know. A retry waits again."
            )
        self.log.info("%s", event["message"])
        raise_if_stopped(event)
        if self.shard:
            from airflow_provider_claude.stages.fetch.record_end import keep_event

            keep_event(shard_folder(self.shard), event)
        return str(event["batch_id"])
