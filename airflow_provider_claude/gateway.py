"""The only module that speaks to the API, through the official SDK's client; see api_errors for its errors.

Importing this module is cheap; `import anthropic` costs seconds a process, and happens at the first call.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from copy import copy
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, TypeVar
from urllib.parse import quote

import msgspec
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from airflow_provider_claude.api_errors import api_errors, retry_after
from airflow_provider_claude.core.account import ORGANIZATION_HEADER, WORKSPACE_HEADER, Account, account_of, check_same
from airflow_provider_claude.core.plan.lifecycle import ModelInfo
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import (
    ApiUnavailableError,
    ClaudeError,
    JobError,
    RequestRejectedError,
    Transient,
    UnknownFateError,
)

if TYPE_CHECKING:
    import httpx2
    from anthropic import Anthropic, AsyncAnthropic
    from anthropic._types import RequestOptions

_T = TypeVar("_T")

_BATCHES = "/v1/messages/batches"

#: Every call is sent once by the SDK, which would sleep as long as a `retry-after` says, past any cutoff; see `_soon_again`. Mail
#: and keys go to the connection's own host and nowhere else, whatever a proxy answers.
_ONCE: RequestOptions = {"follow_redirects": False, "max_retries": 0}

#: What only informs is not waited for long.
_SOON: RequestOptions = {"follow_redirects": False, "max_retries": 0, "timeout": 20.0}

#: Seconds one upload or download may go without a byte.
_PATIENCE = 600.0

#: Seconds one download may take: the largest results there are come with 100 KB/s.
_DOWNLOAD = 3600.0

#: So often, and with pauses of so many seconds at the most, a call is tried that costs nothing.
_TRIES, _PAUSE = 3, 4.0

#: Seconds a connection may take, and an upload may stand still.
_STALL = 30.0

#: Seconds one answer of the Messages API may take. One that comes later is paid for, and lost.
_ANSWER = 300.0


class Body(Protocol):
    """A request body of known length that can be sent again from its start."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


_SPELLING = {"status": "processing_status", "counts": "request_counts"}


class BatchInfo(msgspec.Struct, frozen=True, kw_only=True, rename=_SPELLING):
    """A Message Batch as the API describes it. Counts stay in `processing` until it has ended.

    *retry_after*: the seconds until the next look that the API asks for, with a batch that has not ended.
    """

    id: str
    status: str
    counts: dict[str, int]
    created_at: str
    expires_at: str
    ended_at: str | None = None
    retry_after: float | None = None


class _Page(msgspec.Struct):
    data: list[BatchInfo]
    has_more: bool = False
    last_id: str | None = None


class _Models(msgspec.Struct):
    data: list[ModelInfo]


class _Count(msgspec.Struct):
    input_tokens: int


#: What https://platform.claude.com/docs/en/api/messages-count-tokens takes of a message's parameters.
_COUNTED = frozenset(
    {"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control", "speed"}
)


class Gateway:
    """Synchronous calls on the official SDK's client, which *connect* makes at the first of them.

    A task that finds all it needs in the run folder makes none, and is spared the import of the SDK. *credentials* says
    which key to put right where the API does not accept it, *workspace* the workspace that the connection names, or nothing.
    """

    def __init__(
        self,
        connect: Callable[[], Anthropic],
        *,
        credentials: str = "",
        workspace: Callable[[], str] = str,
    ) -> None:
        self._connect, self._workspace = connect, workspace
        self._only: Account | None = None
        self._errors = partial(api_errors, credentials=credentials)

    def of(self, account: Account) -> Self:
        """This gateway for *account* alone: where its connection is of another, its first call raises StateError."""
        bound = copy(self)
        vars(bound).pop("_client", None)
        vars(bound)["_only"] = account
        return bound

    @cached_property
    def _client(self) -> Anthropic:
        client = self._connect()
        if self._only is not None:
            check_same(self._only, self._account_of(client))
        return client

    def account(self) -> Account:
        """Whose batches this connection leads to; one free call.

        Raises CredentialsError where that cannot be known, or is not the workspace that the connection names.
        """
        return self._only if self._only is not None and self._client else self._account_of(self._client)

    def _account_of(self, client: Anthropic) -> Account:
        stated = str(self._workspace() or client.default_headers.get(WORKSPACE_HEADER) or "")

        def ask() -> Mapping[str, str]:
            with self._errors("ask which workspace the key is of"):
                return _headers(client, stated)

        return account_of(_platform(client), str(client.base_url), _soon_again(ask), stated)

    def connect(self) -> None:
        """Make the client now: what is wrong with the connection then shows before anything is put on record."""
        _ = self._client

    def create_batch(self, body: Body) -> BatchInfo:
        """Submit *body* (`{"requests": [...]}`) as one Message Batch. Never retried: a second try could pay twice."""
        options: RequestOptions = {
            "headers": {"content-type": "application/json", "content-length": str(len(body))},
            "max_retries": 0,
            "timeout": _sending(),
            "follow_redirects": False,
        }
        with self._errors("create the batch", creating=True):
            response = self._client.post(_BATCHES, cast_to=_response(), content=body, options=options)
        try:
            return _info(response)
        except ClaudeError as e:
            raise UnknownFateError(f"The API took the batch, and its answer cannot be read: {e}") from e

    def batch(self, batch_id: str) -> BatchInfo:
        with self._errors(f"look at batch {batch_id}", missing_is_transient=True):
            return _info(self._client.get(_path(batch_id), cast_to=_response(), options=_ONCE))

    def batches(self, *, since: float) -> Iterator[BatchInfo]:
        """The workspace's batches that were created at *since* (epoch seconds) or later, newest first."""
        after: dict[str, str] = {}
        while True:
            page = _soon_again(partial(self._page, after))
            for info in page.data:
                if epoch(info.created_at) < since:
                    return
                _path(info.id)
                yield info
            if not page.has_more or page.last_id is None or page.last_id == after.get("after_id"):
                return
            after = {"after_id": page.last_id}

    def _page(self, after: Mapping[str, str]) -> _Page:
        options: RequestOptions = {**_ONCE, "params": {"limit": "1000", **after}}
        with self._errors("list the batches"):
            return _decoded(self._client.get(_BATCHES, cast_to=_response(), options=options), _Page)

    def cancel_batch(self, batch_id: str) -> BatchInfo:
        """Ask for the batch to end. It has not ended before its status says so, and what it answered is billed."""

        def cancel() -> BatchInfo:
            with self._errors(f"cancel batch {batch_id}", missing_is_transient=True):
                return _info(self._client.post(f"{_path(batch_id)}/cancel", cast_to=_response(), options=_ONCE))

        return _soon_again(cancel)

    def delete_batch(self, batch_id: str) -> None:
        """Remove an ended batch and its results from the API."""

        def delete() -> None:
            with self._errors(f"delete batch {batch_id}"):
                self._client.delete(_path(batch_id), cast_to=_response(), options=_ONCE)

        _soon_again(delete)

    def results(self, batch_id: str) -> Iterator[bytes]:
        """The bytes of the batch's results (JSON lines), as they come. A stream that is cut, or takes more than an hour, raises
        ApiUnavailableError.

        Asked of the connection's own host, whatever host the batch's `results_url` names.
        """
        headers = {"X-Stainless-Raw-Response": "stream", "accept": "application/x-jsonl"}
        options: RequestOptions = {**_ONCE, "headers": headers}
        with (
            self._errors(f"download the results of batch {batch_id}", missing_is_transient=True),
            closing(self._client.get(f"{_path(batch_id)}/results", cast_to=_response(), options=options)) as response,
        ):
            began = time.monotonic()
            for chunk in response.iter_bytes():
                yield chunk
                if time.monotonic() - began > _DOWNLOAD:
                    raise ApiUnavailableError(
                        f"The results of batch {batch_id} came so slowly that they were not whole after {_DOWNLOAD:.0f} s."
                    )

    def model(self, name: str) -> ModelInfo | None:
        """The model of this id or alias, None where there is none; free (https://platform.claude.com/docs/en/api/models)."""
        path = f"/v1/models/{quote(name, safe='')}"
        try:
            with self._errors(f"look up the model {name}"):
                return _decoded(self._client.get(path, cast_to=_response(), options=_SOON), ModelInfo)
        except RequestRejectedError as e:
            if e.error_type == "not_found_error":
                return None
            raise

    def models(self) -> list[ModelInfo]:
        """The API's models but for retired ones, newest first; free."""
        options: RequestOptions = {**_SOON, "params": {"limit": "1000"}}
        with self._errors("list the models"):
            page = _decoded(self._client.get("/v1/models", cast_to=_response(), options=options), _Models)
        return page.data

    def count_tokens(self, params: bytes) -> int:
        """How many input tokens the request with the parameters *params* has, as the API estimates it; free."""
        options: RequestOptions = {**_ONCE, "headers": {"content-type": "application/json"}}
        body = _countable(params)

        def count() -> int:
            with self._errors("count the tokens of a request"):
                response = self._client.post(
                    "/v1/messages/count_tokens", cast_to=_response(), content=body, options=options
                )
            return _decoded(response, _Count).input_tokens

        return _soon_again(count)

    def create_message(self, params: bytes) -> bytes:
        """One request of the Messages API; the message as the API sent it. Not retried: it is paid for."""
        headers = {"content-type": "application/json"}
        options: RequestOptions = {"headers": headers, "max_retries": 0, "follow_redirects": False}
        with self._errors("send one request to the Messages API"):
            response = self._client.post("/v1/messages", cast_to=_response(), content=params, options=options)
        return bytes(response.content)


def _countable(params: bytes) -> bytes:
    """The parameters of a message without those that counting its tokens does not take."""
    given = msgspec.json.decode(params, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({name: value for name, value in given.items() if name in _COUNTED})


class Message(NamedTuple):
    """An answer of the Messages API as it was sent, and the headers that tell what is left of the limits."""

    body: bytes
    headers: Mapping[str, str]


class AsyncGateway:
    """What a trigger and the sync lane need, on the asynchronous client."""

    def __init__(self, client: AsyncAnthropic, *, credentials: str = "") -> None:
        self._client, self._errors = client, partial(api_errors, credentials=credentials)

    async def batch(self, batch_id: str) -> BatchInfo:
        with self._errors(f"look at batch {batch_id}", missing_is_transient=True):
            return _info(await self._client.get(_path(batch_id), cast_to=_response(), options=_ONCE))

    async def cancel_batch(self, batch_id: str) -> BatchInfo:
        """See Gateway.cancel_batch."""
        with self._errors(f"cancel batch {batch_id}", missing_is_transient=True):
            return _info(await self._client.post(f"{_path(batch_id)}/cancel", cast_to=_response(), options=_ONCE))

    async def create_message(self, params: bytes) -> Message:
        """See Gateway.create_message. Many may be under way at once, over the same connections."""
        options: RequestOptions = {
            "headers": {"content-type": "application/json"},
            "max_retries": 0,
            "timeout": _answering(),
            "follow_redirects": False,
        }
        with self._errors("send one request to the Messages API"):
            response = await self._client.post("/v1/messages", cast_to=_response(), content=params, options=options)
        return Message(bytes(response.content), response.headers)


@asynccontextmanager
async def open_async(client: AsyncAnthropic, *, credentials: str = "") -> AsyncIterator[AsyncGateway]:
    """A gateway on *client*, which is closed afterwards. *credentials*: see Gateway."""
    async with client:
        yield AsyncGateway(client, credentials=credentials)


def api_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """*schema* cut down by the SDK to what structured outputs take; what they do not becomes description.

    Raises JobError where the SDK finds no equivalent.
    """
    from anthropic import transform_schema

    try:
        return transform_schema(dict(schema))
    except (ValueError, AssertionError) as e:
        raise JobError(f"output cannot be asked for as a structured output: {e}") from e


def _soon_again(call: Callable[[], _T]) -> _T:
    """*call*, which costs nothing, tried three times within seconds. A longer pause that the API asks for is its caller's."""
    tries = Retrying(
        retry=retry_if_exception(lambda e: isinstance(e, Transient) and (e.retry_after or 0.0) <= _PAUSE),
        stop=stop_after_attempt(_TRIES),
        wait=_pause,
        reraise=True,
    )
    return tries(call)


def _pause(state: RetryCallState) -> float:
    """Seconds before the next try: what the API asked for, a little by chance otherwise."""
    asked = getattr(state.outcome and state.outcome.exception(), "retry_after", None) or 0.0
    return max(asked, wait_random_exponential(multiplier=0.5, max=_PAUSE)(state))


def _headers(client: Anthropic, stated: str) -> Mapping[str, str]:
    """The headers of an answer of the API, which name the account; also of a proxy that has no Models API, and of one that
    the key may not use, where the account is known without (*stated* is the workspace that the connection names).
    """
    import anthropic

    options: RequestOptions = {**_ONCE, "params": {"limit": "1"}}
    try:
        return client.get("/v1/models", cast_to=_response(), options=options).headers
    except anthropic.APIStatusError as e:
        headers = e.response.headers
        named = stated or headers.get(WORKSPACE_HEADER) or headers.get(ORGANIZATION_HEADER)
        if e.status_code in {404, 405, 501} or (e.status_code == 403 and named):
            return headers
        raise


def _platform(client: Anthropic) -> str:
    """Who serves the API, by the SDK's class of client."""
    return {"AnthropicAWS": "aws", "AnthropicBedrock": "bedrock", "AnthropicVertex": "vertex"}.get(
        type(client).__name__, "anthropic"
    )


def _path(batch_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", batch_id):
        raise RequestRejectedError(f"{batch_id[:80]!r} is not a batch id.")
    return f"{_BATCHES}/{batch_id}"


def _sending() -> httpx2.Timeout:
    """Patience for the answer, little for a body that does not move: its sender has to give up in time."""
    import httpx2

    return httpx2.Timeout(_STALL, read=_PATIENCE)


def _answering() -> httpx2.Timeout:
    """Patience for one answer of the Messages API; a connection may be waited for while others are in use."""
    import httpx2

    return httpx2.Timeout(_STALL, read=_ANSWER)


def _response() -> type[httpx2.Response]:
    import httpx2

    return httpx2.Response


def _info(response: httpx2.Response) -> BatchInfo:
    batch = _decoded(response, BatchInfo)
    _path(batch.id)
    return msgspec.structs.replace(batch, retry_after=retry_after(response.headers))


def _decoded(response: httpx2.Response, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.MsgspecError as e:
        raise ApiUnavailableError(f"The API's answer is not what was asked for: {e}. It may be a proxy's page.") from e
