"""Waits for a Message Batch in the triggerer, so that no worker is held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pendulum
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_claude.core.batch.polling import Decision, Ended, GiveUp, Polling, Wait
from airflow_provider_claude.errors import ClaudeError
from airflow_provider_claude.gateway import AsyncGateway
from airflow_provider_claude.hooks.claude import ClaudeHook


class ClaudeBatchTrigger(BaseTrigger):
    """Looks at a batch until it has ended, through an hour of trouble with the API. It never cancels a batch.

    Yields one event: ``{"status": "ended" | "gave_up", "batch_id": ..., "message": ...}``.

    :param batch_id: the batch to wait for.
    :param conn_id: a connection of type `anthropic`.
    :param poll_interval: the most seconds between two looks; the first ones come sooner.
    :param started: epoch seconds when the wait began: it goes on counting in another triggerer.
    :param until: epoch seconds to wait at most; None for ever.
    """

    def __init__(
        self, batch_id: str, conn_id: str, poll_interval: float, started: float, until: float | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.batch_id = batch_id
        self.conn_id = conn_id
        self.poll_interval = poll_interval
        self.started = started
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "airflow_provider_claude.triggers.batch.ClaudeBatchTrigger",
            {
                "batch_id": self.batch_id,
                "conn_id": self.conn_id,
                "poll_interval": self.poll_interval,
                "started": self.started,
                "until": self.until,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield await self._wait()

    async def _wait(self) -> TriggerEvent:
        """The one event. The client is closed before it is yielded: nobody has to run the generator to its end."""
        polling = Polling(batch_id=self.batch_id, started=self.started, interval=self.poll_interval, until=self.until)
        async with ClaudeHook(self.conn_id).async_gateway() as gateway:
            while True:
                polling, decision = await self._look(gateway, polling)
                match decision:
                    case Wait(seconds=seconds):
                        await asyncio.sleep(seconds)
                    case Ended():
                        return self._event("ended", f"Batch {self.batch_id} has ended.")
                    case GiveUp(message=message):
                        return self._event("gave_up", message)

    async def _look(self, gateway: AsyncGateway, polling: Polling) -> tuple[Polling, Decision]:
        try:
            info = await gateway.batch(self.batch_id)
        except ClaudeError as error:
            self.log.warning("Looking at batch %s failed: %s", self.batch_id, error)
            return polling.on_error(error, now=_now())
        return polling.on_status(info.status, now=_now())

    def _event(self, status: str, message: str) -> TriggerEvent:
        payload = {"status": status, "batch_id": self.batch_id, "message": message}
        return TriggerEvent(payload)  # type: ignore[no-untyped-call]


def _now() -> float:
    return pendulum.now("UTC").timestamp()
