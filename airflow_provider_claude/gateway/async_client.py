"""The asynchronous client, for the trigger and the sync lane. It speaks to the API as `gateway.client` does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_claude.gateway.api_errors import api_errors

if TYPE_CHECKING:
    import httpx2
    from anthropic import AsyncAnthropic
    from anthropic._types import RequestOptions
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.gateway.wire import ONCE, STALL, batch_info, batch_path, raw_response

#: Seconds one answer of the Messages API may take. One that comes later is paid for, and lost.
_ANSWER = 300.0


class Message(NamedTuple):
    """An answer of the Messages API as it was sent, and the headers that show what is left of the limits."""

    body: bytes
    headers: Mapping[str, str]


class AsyncGateway:
    """What a trigger and the sync lane need, on the asynchronous client."""

    def __init__(self, client: AsyncAnthropic, *, credentials: str = "") -> None:
        self._client, self._errors = client, partial(api_errors, credentials=credentials)

    async def batch(self, batch_id: str) -> BatchInfo:
        with self._errors(f"look at batch {batch_id}", missing_is_transient=True):
            return batch_info(await self._client.get(batch_path(batch_id), cast_to=raw_response(), options=ONCE))

    async def cancel_batch(self, batch_id: str) -> BatchInfo:
        """See Gateway.cancel_batch."""
        with self._errors(f"cancel batch {batch_id}", missing_is_transient=True):
            return batch_info(
                await self._client.post(f"{batch_path(batch_id)}/cancel", cast_to=raw_response(), options=ONCE)
            )

    async def create_message(self, params: bytes) -> Message:
        """See Gateway.create_message. Many may be under way at once, over the same connections."""
        options: RequestOptions = {
            "headers": {"content-type": "application/json"},
            "max_retries": 0,
            "timeout": _answering(),
            "follow_redirects": False,
        }
        with self._errors("send one request to the Messages API"):
            response = await self._client.post("/v1/messages", cast_to=raw_response(), content=params, options=options)
        return Message(bytes(response.content), response.headers)


@asynccontextmanager
async def open_async(client: AsyncAnthropic, *, credentials: str = "") -> AsyncIterator[AsyncGateway]:
    """A gateway on *client*, which is closed afterwards. *credentials*: see Gateway."""
    async with client:
        yield AsyncGateway(client, credentials=credentials)


def _answering() -> httpx2.Timeout:
    """Patience for one answer of the Messages API; a connection may be waited for while others are in use."""
    import httpx2

    return httpx2.Timeout(STALL, read=_ANSWER)
