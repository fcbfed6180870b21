"""The way from an Airflow connection to the API: the official provider's hook, as it is."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook
from airflow.sdk.log import mask_secret

from airflow_provider_claude.core.sync.concurrency import CEILING
from airflow_provider_claude.errors import CredentialsError
from airflow_provider_claude.gateway.async_client import AsyncGateway, open_async
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.hooks.connection import (
    CONN_TYPE,
    check_client,
    check_connection,
    how_to_set,
    missing,
    named,
    no_key,
    secrets_of,
)
from airflow_provider_claude.runtime.now import epoch_now

if TYPE_CHECKING:
    from airflow.providers.anthropic.hooks.anthropic import AnthropicHook
    from anthropic import Anthropic, AsyncAnthropic

    from airflow_provider_claude.stages.sync.lane_factory import Connection, LaneFactory

#: The loggers of the SDK and of the HTTP client below it, in the versions of both that the SDK may use.
_CLIENT_LOGGERS = ("anthropic", "httpx", "httpx2", "httpcore", "httpcore2")


class ClaudeHook(BaseHook):
    """Opens the API through a connection of the official provider's type `anthropic`.

    The connection works unchanged: password is the API key, host an optional base URL (the simulator's, say), extra
    as `airflow.providers.anthropic.hooks.anthropic.AnthropicHook` documents it, and besides `workspace`, the workspace that
    the key is of: it has to be named only behind a proxy that drops the API's headers. A connection that is missing or cannot
    work raises CredentialsError, which names it and says what to write.

    :param conn_id: the connection id.
    """

    conn_name_attr = "conn_id"
    default_conn_name = "anthropic_default"
    conn_type = CONN_TYPE
    hook_name = "Anthropic"

    def __init__(self, conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.conn_id = conn_id

    def gateway(self) -> Gateway:
        """The synchronous gateway. Its first call reads the connection."""
        return Gateway(self._connect, credentials=named(self.conn_id), workspace=self._workspace)

    def _workspace(self) -> str:
        """The workspace that the connection names in its extra; empty where it leaves that to the API."""
        with self._errors():
            return str(self.get_connection(self.conn_id).extra_dejson.get("workspace") or "").strip()

    def _connect(self) -> Anthropic:
        with self._errors():
            self._checked(self.get_connection(self.conn_id))
            return cast("Anthropic", self._with_key(_official(self.conn_id).get_conn()))

    def _checked(self, connection: Any) -> None:
        """Raise CredentialsError where *connection* cannot work; what it holds is masked in Airflow's logs."""
        for secret in secrets_of(connection):
            mask_secret(secret)
        check_connection(connection, self.conn_id)

    @asynccontextmanager
    async def async_gateway(self) -> AsyncIterator[AsyncGateway]:
        """The asynchronous gateway, closed afterwards. The SDK's import, seconds long, stays off the event loop."""
        with self._errors():
            hook = await asyncio.to_thread(_official, self.conn_id)
            await asyncio.to_thread(self._checked, await _read_async(hook))
            client = self._with_key(await hook.get_async_conn())
        async with open_async(cast("AsyncAnthropic", client), credentials=named(self.conn_id)) as gateway:
            yield gateway

    def lane_factory(self, *, in_flight: int = int(CEILING), shed: bool = False) -> LaneFactory:
        """The factory of the sync lane; the connection is read when it is first needed."""
        from airflow_provider_claude.stages.sync.lane_factory import LaneFactory

        return LaneFactory(open_connection=self._open_connection, now=epoch_now, in_flight=in_flight, shed=shed)

    def _open_connection(self) -> Connection:
        from airflow_provider_claude.stages.sync.lane_factory import Connection

        with self._errors():
            connection = self.get_connection(self.conn_id)  # must not happen in an event loop
            self._checked(connection)
        hook = _official(self.conn_id)
        _ = hook.platform  # it reads its own here, too

        @asynccontextmanager
        async def connect() -> AsyncIterator[AsyncGateway]:
            with self._errors():
                client = self._with_key(await hook.get_async_conn())
            async with open_async(cast("AsyncAnthropic", client), credentials=named(self.conn_id)) as gateway:
                yield gateway

        identity = f"{connection.host} {connection.password} {connection.extra}"
        return Connection(account=hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest(), connect=connect)

    def _with_key(self, client: Any) -> Any:
        """*client*, if it has credentials of any kind: the connection's, or what the SDK finds in the environment."""
        from anthropic import Anthropic, AsyncAnthropic

        check_client(client, self.conn_id)
        if type(client) not in {Anthropic, AsyncAnthropic} or client.credentials is not None:
            return client
        sent = {name.lower() for name, value in client.default_headers.items() if isinstance(value, str) and value}
        if not sent & {"x-api-key", "authorization"}:
            raise no_key(self.conn_id)
        return client

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raises what the connection or the SDK's client refuses as an error that is not retried."""
        try:
            yield
        except AirflowNotFoundException as e:
            raise missing(self.conn_id) from e
        except _refusals() as e:
            reason = str(e).rstrip(".")
            raise CredentialsError(
                f"Connection {self.conn_id!r} cannot be used: {reason}. {how_to_set(self.conn_id)}"
            ) from e


def _official(conn_id: str) -> AnthropicHook:
    from airflow.providers.anthropic.hooks.anthropic import AnthropicHook

    _quiet_client()
    return AnthropicHook(conn_id=conn_id)


def _quiet_client() -> None:
    """Silence the INFO line that the HTTP client logs for each call, unless the deployment sets a level (`namespace_levels`)."""
    for name in _CLIENT_LOGGERS:
        log = logging.getLogger(name)
        if log.level == logging.NOTSET:
            log.setLevel(logging.WARNING)


def _refusals() -> tuple[type[Exception], ...]:
    """What building a client raises for settings that it cannot use."""
    from airflow.providers.anthropic.exceptions import AnthropicError
    from anthropic import AnthropicError as SdkError

    return AnthropicError, SdkError, TypeError, ValueError


async def _read_async(hook: AnthropicHook) -> Any:
    from airflow.providers.common.compat.connection import get_async_connection

    return await get_async_connection(hook.conn_id, hook=hook)
