"""The way from an Airflow connection to the API: the official provider's hook, as it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_claude.core.settle.concurrency import CEILING
from airflow_provider_claude.errors import CredentialsError
from airflow_provider_claude.gateway import AsyncGateway, Gateway, open_async
from airflow_provider_claude.runtime import epoch_now

if TYPE_CHECKING:
    from airflow.providers.anthropic.hooks.anthropic import AnthropicHook
    from anthropic import Anthropic, AsyncAnthropic

    from airflow_provider_claude.stages.lane import Courier, Line

#: The platforms that serve the Message Batches API.
PLATFORMS = ("anthropic", "aws")


class ClaudeHook(BaseHook):
    """Opens the API through a connection of the official provider's type `anthropic`.

    The connection works unchanged: password is the API key, host an optional base URL (the simulator's, say), extra
    as `airflow.providers.anthropic.hooks.anthropic.AnthropicHook` documents it.

    :param conn_id: the connection id.
    """

    conn_name_attr = "conn_id"
    default_conn_name = "anthropic_default"
    conn_type = "anthropic"
    hook_name = "Anthropic"

    def __init__(self, conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.conn_id = conn_id

    def gateway(self) -> Gateway:
        """The synchronous gateway. Its first call raises CredentialsError where the platform has no batches."""
        return Gateway(self._connect)

    def _connect(self) -> Anthropic:
        hook = _official(self.conn_id)
        self._check(hook)
        return cast("Anthropic", hook.get_conn())

    @asynccontextmanager
    async def async_gateway(self) -> AsyncIterator[AsyncGateway]:
        """The asynchronous gateway, closed afterwards. The SDK's import, seconds long, stays off the event loop."""
        hook = await asyncio.to_thread(_official, self.conn_id)
        client = cast("AsyncAnthropic", await hook.get_async_conn())
        async with open_async(client) as gateway:
            yield gateway

    def courier(self, *, in_flight: int = int(CEILING), shed: bool = False) -> Courier:
        """The way to the sync lane; the connection is read when it is first needed."""
        from airflow_provider_claude.stages.lane import Courier

        return Courier(dial=self._dial, now=epoch_now, in_flight=in_flight, shed=shed)

    def _dial(self) -> Line:
        from airflow_provider_claude.stages.lane import Line

        hook = _official(self.conn_id)
        self._check(hook)  # reads the connection, which must not happen in an event loop
        connection = self.get_connection(self.conn_id)

        @asynccontextmanager
        async def connect() -> AsyncIterator[AsyncGateway]:
            async with open_async(cast("AsyncAnthropic", await hook.get_async_conn())) as gateway:
                yield gateway

        return Line(account=f"{connection.host} {connection.password} {connection.extra}", connect=connect)

    def _check(self, hook: AnthropicHook) -> None:
        if hook.platform not in PLATFORMS:
            raise CredentialsError(
                f"Connection {self.conn_id!r} is for the platform {hook.platform!r}, which has no Message Batches API. "
                f"Use a connection for {' or '.join(PLATFORMS)}."
            )


def _official(conn_id: str) -> AnthropicHook:
    from airflow.providers.anthropic.hooks.anthropic import AnthropicHook

    return AnthropicHook(conn_id=conn_id)
