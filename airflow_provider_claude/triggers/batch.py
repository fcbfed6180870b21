"""Waits for a Message Batch in the triggerer, so that no worker is held."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, Self

from airflow.triggers.base import BaseTrigger, TriggerEvent
from msgspec import to_builtins

from airflow_provider_claude.core.submit.polling import Decision, Ended, Polling, StopWaiting, Wait, unreachable
from airflow_provider_claude.errors import ClaudeError, CredentialsError
from airflow_provider_claude.gateway.async_client import AsyncGateway
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.notify import Listener
from airflow_provider_claude.runtime.hold_run import Beats
from airflow_provider_claude.runtime.now import epoch_now
from airflow_provider_claude.runtime.poll_settings import poll_floor
from airflow_provider_claude.runtime.task_errors import safe_errors
from airflow_provider_claude.triggers.keep_cutoff import keep_cutoff
from airflow_provider_claude.triggers.watch_cutoff import Cutoff

#: A batch expires 24 hours after its creation (https://platform.claude.com/docs/en/build-with-claude/batch-processing);
#: an hour more lets it end by itself.
MAX_WAIT_SECONDS = 25 * 3600.0

#: Seconds that cancelling a batch may take.
_ENDING_SECONDS = 60.0

#: States a user can mark a waiting task with that mean the batch is no longer wanted. A cleared task has none of them.
_MARKED = frozenset({"failed", "success", "skipped"})


class ClaudeBatchTrigger(BaseTrigger):
    """Looks at a batch until it has ended, through up to an hour of API errors.

    It cancels the batch only if *cancel_on_mark* is set, and only when a user marks the waiting task: never because the task
    was cleared, the triggerer restarted, or the API was down.

    Yields one event: ``{"status": "ended" | "left" | "unknown" | "stopped", "batch_id": ..., "message": ..., "terminal": ...}``.
    ``left``: the shard has stopped waiting for a batch that cannot be ended. ``unknown``: the API has not known the batch of the
    *shard* for five minutes; the load of its results decides. *terminal*: what went wrong is the connection's, or the key's,
    and no retry can help. With ``ended`` comes ``batch``, what the last look saw, so that the task need not look again.

    :param batch_id: the batch to wait for.
    :param conn_id: a connection of type `anthropic`.
    :param poll_interval: the most seconds between two looks. They begin after half of it, 30 at most, and are more frequent at
        first. Below ``[claude] poll_floor`` it is that; and the API may ask for longer pauses, up to 15 minutes.
    :param started: epoch seconds when the wait began: another triggerer continues the count.
    :param until: epoch seconds to wait at most; None for ever.
    :param cancel_on_mark: cancel the batch when a user marks the waiting task failed, success or skipped. Needs
        Airflow 3.3, which notifies triggers.
    :param shard: the shard's path. Where its run has a deadline, the trigger waits until the shard's cutoff; then
        it cancels the batch and waits for its end. One that cannot be ended is ``left``, as the plan's `stuck_batches` says.
        The triggerer has to reach the run folder for that.
    :param listener: the fields of a `Listener`, notified when a run abandons its first batch; None only logs.
    :param active: the number of the record that says that the run of the task is active in its run folder; renewed while
        the trigger waits.
    """

    def __init__(
        self,
        batch_id: str,
        conn_id: str,
        poll_interval: float,
        started: float,
        until: float | None = None,
        *,
        cancel_on_mark: bool = False,
        shard: str | None = None,
        listener: Mapping[str, Any] | None = None,
        active: int | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch_id = batch_id
        self.conn_id = conn_id
        self.poll_interval = poll_interval
        self.started = started
        self.until = until
        self.cancel_on_mark = cancel_on_mark
        self.shard = shard
        self.listener = listener
        self.active = active
        self._seen: BatchInfo | None = None

    @classmethod
    def from_now(
        cls,
        batch_id: str,
        *,
        conn_id: str,
        poll_interval: float,
        timeout: float = MAX_WAIT_SECONDS,
        cancel_on_mark: bool = False,
        shard: str | None = None,
        listener: Listener | None = None,
        active: int | None = None,
    ) -> Self:
        """A wait that begins now, and stops after *timeout* seconds."""
        now = epoch_now()
        return cls(
            batch_id,
            conn_id,
            poll_interval,
            now,
            now + timeout,
            cancel_on_mark=cancel_on_mark,
            shard=shard,
            listener=None if listener is None else asdict(listener),
            active=active,
        )

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_claude.triggers.batch.ClaudeBatchTrigger",
            {
                "batch_id": self.batch_id,
                "conn_id": self.conn_id,
                "poll_interval": self.poll_interval,
                "started": self.started,
                "until": self.until,
                "cancel_on_mark": self.cancel_on_mark,
                "shard": self.shard,
                "listener": self.listener,
                "active": self.active,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            with safe_errors():
                event = await self._wait()
        except CredentialsError as error:
            event = _event(unreachable(self.batch_id, error).event(self.batch_id))
        yield event

    async def on_kill(self) -> None:
        """A user acted on the waiting task; see *cancel_on_mark*.

        At every sync, Airflow 3.3 cancels a trigger that should end, and so also this method, a second later. A cancel call
        that has begun continues, for up to a minute.
        """
        ending, until = asyncio.ensure_future(self._cancel_if_marked()), epoch_now() + _ENDING_SECONDS
        while not ending.done() and epoch_now() < until:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([ending], timeout=_ENDING_SECONDS)
        if not ending.done():
            ending.cancel()
            self.log.error("Batch %s was NOT cancelled: the API does not answer.", self.batch_id)
            return
        ending.result()

    async def _cancel_if_marked(self) -> None:
        if self.cancel_on_mark and await asyncio.to_thread(self._marked):
            with safe_errors():
                async with ClaudeHook(self.conn_id).async_gateway() as gateway:
                    await gateway.cancel_batch(self.batch_id)
            self.log.info("Batch %s was cancelled: its task was marked. What it has answered is billed.", self.batch_id)

    def _marked(self) -> bool:
        """Whether the task has an end now. After a clear it has none."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        ti = self.task_instance
        if ti is None:  # in `airflow dags test`, where a task cannot be marked
            return False
        states = RuntimeTaskInstance.get_task_states(
            dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
        )
        key = ti.task_id if ti.map_index < 0 else f"{ti.task_id}_{ti.map_index}"
        return states[ti.run_id].get(key) in _MARKED

    async def _wait(self) -> TriggerEvent:
        """The one event. The client is closed before it is yielded: the generator need not be run to its end."""
        polling = Polling(
            batch_id=self.batch_id,
            started=self.started,
            interval=self.poll_interval,
            floor=poll_floor(),
            until=self.until,
        )
        cutoff, beats = Cutoff(self.shard, self.batch_id), Beats(self.shard, self.active)
        async with ClaudeHook(self.conn_id).async_gateway() as gateway:
            pause = max(polling.first_look - epoch_now(), 0.0)
            while True:
                left = await self._until_cutoff(cutoff, gateway)
                if left is None:
                    return _event(left_event(self.batch_id))
                await asyncio.sleep(min(pause, left))
                polling, decision = await self._look(gateway, polling)
                match decision:
                    case Wait(seconds=pause):
                        await asyncio.to_thread(beats.beat)
                    case Ended():
                        return _event(_ended(self.batch_id, self._seen))
                    case StopWaiting(unknown=True) if self.shard is not None:
                        return _event(decision.handed_over(self.batch_id))
                    case StopWaiting():
                        return _event(decision.event(self.batch_id))

    async def _until_cutoff(self, cutoff: Cutoff, gateway: AsyncGateway) -> float | None:
        """Seconds until the next check of the cutoff, None to stop waiting for the batch.

        At the cutoff the batch is cancelled, if it is proven to be this shard's.
        """
        cancel = partial(gateway.cancel_batch, self.batch_id)
        return await keep_cutoff(cutoff, cancel, listener=self.listener, log=self.log)

    async def _look(self, gateway: AsyncGateway, polling: Polling) -> tuple[Polling, Decision]:
        try:
            info = await gateway.batch(self.batch_id)
        except ClaudeError as error:
            self.log.warning("Batch %s could not be polled: %s", self.batch_id, error)
            return polling.on_error(error, now=epoch_now())
        self._seen = info
        return polling.on_status(info.status, now=epoch_now(), asked=info.retry_after)


def left_event(batch_id: str) -> dict[str, Any]:
    """The event of a wait that has stopped."""
    message = f"Stopped waiting for batch {batch_id} at its cutoff. Its answers may be paid for twice; see the report."
    return {"status": "left", "batch_id": batch_id, "message": message, "terminal": False}


def _ended(batch_id: str, seen: BatchInfo | None) -> dict[str, Any]:
    return {
        "status": "ended",
        "batch_id": batch_id,
        "message": f"Batch {batch_id} has ended.",
        "terminal": False,
        "batch": to_builtins(seen),
    }


def _event(payload: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]
