"""The only module that speaks to the API, through the official SDK's client; see api_errors for its errors.

Importing this module is cheap; `import anthropic` costs seconds a process, and happens at the first call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from copy import copy
from functools import cached_property, partial
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import msgspec

from airflow_provider_claude.core.account import ORGANIZATION_HEADER, WORKSPACE_HEADER, Account, account_of, check_same
from airflow_provider_claude.core.plan.model_lifecycle import ModelInfo
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import (
    ApiUnavailableError,
    ClaudeError,
    RequestRejectedError,
    UnknownFateError,
)
from airflow_provider_claude.gateway.api_errors import api_errors

if TYPE_CHECKING:
    import httpx2
    from anthropic import Anthropic
    from anthropic._types import RequestOptions
from airflow_provider_claude.gateway.batch_info import BatchInfo, Body
from airflow_provider_claude.gateway.retries import soon_again
from airflow_provider_claude.gateway.wire import BATCHES, ONCE, STALL, batch_info, batch_path, decoded, raw_response

#: Seconds for calls that only inform.
_SOON: RequestOptions = {"follow_redirects": False, "max_retries": 0, "timeout": 20.0}


#: Seconds one upload or download may go without a byte.
_PATIENCE = 600.0


#: Seconds one download may take: the largest results there are come with 100 KB/s.
_DOWNLOAD = 3600.0


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
    which key to correct where the API does not accept it, *workspace* the workspace that the connection names, or nothing.
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
        """The account that this connection leads to; one free call.

        Raises CredentialsError where that cannot be known, or is not the workspace that the connection names.
        """
        return self._only if self._only is not None and self._client else self._account_of(self._client)

    def _account_of(self, client: Anthropic) -> Account:
        stated = str(self._workspace() or client.default_headers.get(WORKSPACE_HEADER) or "")

        def ask() -> Mapping[str, str]:
            with self._errors("ask which workspace the key is of"):
                return _headers(client, stated)

        return account_of(_platform(client), str(client.base_url), soon_again(ask), stated)

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
            response = self._client.post(BATCHES, cast_to=raw_response(), content=body, options=options)
        try:
            return batch_info(response)
        except ClaudeError as e:
            raise UnknownFateError(f"The API took the batch, and its answer cannot be read: {e}") from e

    def batch(self, batch_id: str) -> BatchInfo:
        with self._errors(f"look at batch {batch_id}", missing_is_transient=True):
            return batch_info(self._client.get(batch_path(batch_id), cast_to=raw_response(), options=ONCE))

    def batches(self, *, since: float) -> Iterator[BatchInfo]:
        """The workspace's batches that were created at *since* (epoch seconds) or later, newest first."""
        after: dict[str, str] = {}
        while True:
            page = soon_again(partial(self._page, after))
            for info in page.data:
                if epoch(info.created_at) < since:
                    return
                batch_path(info.id)
                yield info
            if not page.has_more or page.last_id is None or page.last_id == after.get("after_id"):
                return
            after = {"after_id": page.last_id}

    def _page(self, after: Mapping[str, str]) -> _Page:
        options: RequestOptions = {**ONCE, "params": {"limit": "1000", **after}}
        with self._errors("list the batches"):
            return decoded(self._client.get(BATCHES, cast_to=raw_response(), options=options), _Page)

    def cancel_batch(self, batch_id: str) -> BatchInfo:
        """Ask for the batch to end. It has not ended before its status says so, and what it answered is billed."""

        def cancel() -> BatchInfo:
            with self._errors(f"cancel batch {batch_id}", missing_is_transient=True):
                return batch_info(
                    self._client.post(f"{batch_path(batch_id)}/cancel", cast_to=raw_response(), options=ONCE)
                )

        return soon_again(cancel)

    def delete_batch(self, batch_id: str) -> None:
        """Remove an ended batch and its results from the API."""

        def delete() -> None:
            with self._errors(f"delete batch {batch_id}"):
                self._client.delete(batch_path(batch_id), cast_to=raw_response(), options=ONCE)

        soon_again(delete)

    def results(self, batch_id: str) -> Iterator[bytes]:
        """The bytes of the batch's results (JSON lines), as they come. A stream that is cut, or takes more than an hour, raises
        ApiUnavailableError.

        Asked of the connection's own host, whatever host the batch's `results_url` names.
        """
        headers = {"X-Stainless-Raw-Response": "stream", "accept": "application/x-jsonl"}
        options: RequestOptions = {**ONCE, "headers": headers}
        with (
            self._errors(f"download the results of batch {batch_id}", missing_is_transient=True),
            closing(
                self._client.get(f"{batch_path(batch_id)}/results", cast_to=raw_response(), options=options)
            ) as response,
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
                return decoded(self._client.get(path, cast_to=raw_response(), options=_SOON), ModelInfo)
        except RequestRejectedError as e:
            if e.error_type == "not_found_error":
                return None
            raise

    def models(self) -> list[ModelInfo]:
        """The API's models but for retired ones, newest first; free."""
        options: RequestOptions = {**_SOON, "params": {"limit": "1000"}}
        with self._errors("list the models"):
            page = decoded(self._client.get("/v1/models", cast_to=raw_response(), options=options), _Models)
        return page.data

    def count_tokens(self, params: bytes) -> int:
        """How many input tokens the request with the parameters *params* has, as the API estimates it; free."""
        options: RequestOptions = {**ONCE, "headers": {"content-type": "application/json"}}
        body = _countable(params)

        def count() -> int:
            with self._errors("count the tokens of a request"):
                response = self._client.post(
                    "/v1/messages/count_tokens", cast_to=raw_response(), content=body, options=options
                )
            return decoded(response, _Count).input_tokens

        return soon_again(count)

    def create_message(self, params: bytes) -> bytes:
        """One request of the Messages API; the message as the API sent it. Not retried: it is paid for."""
        headers = {"content-type": "application/json"}
        options: RequestOptions = {"headers": headers, "max_retries": 0, "follow_redirects": False}
        with self._errors("send one request to the Messages API"):
            response = self._client.post("/v1/messages", cast_to=raw_response(), content=params, options=options)
        return bytes(response.content)


def _countable(params: bytes) -> bytes:
    """The parameters of a message without those that counting its tokens does not take."""
    given = msgspec.json.decode(params, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({name: value for name, value in given.items() if name in _COUNTED})


def _headers(client: Anthropic, stated: str) -> Mapping[str, str]:
    """The headers of an answer of the API, which name the account; also of a proxy that has no Models API, and of one that
    the key may not use, where the account is known without (*stated* is the workspace that the connection names).
    """
    import anthropic

    options: RequestOptions = {**ONCE, "params": {"limit": "1"}}
    try:
        return client.get("/v1/models", cast_to=raw_response(), options=options).headers
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


def _sending() -> httpx2.Timeout:
    """Patience for the answer, little for a body that does not move: its sender has to stop in time."""
    import httpx2

    return httpx2.Timeout(STALL, read=_PATIENCE)
