"""What the synchronous and the asynchronous client share: how a call is sent, and how its answer is read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

from airflow_provider_claude.errors import (
    ApiUnavailableError,
    RequestRejectedError,
)
from airflow_provider_claude.gateway.api_errors import retry_after

if TYPE_CHECKING:
    import httpx2
    from anthropic._types import RequestOptions
from airflow_provider_claude.gateway.batch_info import BatchInfo

_T = TypeVar("_T")


BATCHES = "/v1/messages/batches"


#: Every call is sent once by the SDK, which would sleep as long as a `retry-after` says, past any cutoff; see `_soon_again`. Mail
#: and keys go to the connection's own host and nowhere else, whatever a proxy answers.
ONCE: RequestOptions = {"follow_redirects": False, "max_retries": 0}


#: Seconds a connection may take, and an upload may stand still.
STALL = 30.0


def batch_path(batch_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", batch_id):
        raise RequestRejectedError(f"{batch_id[:80]!r} is not a batch id.")
    return f"{BATCHES}/{batch_id}"


def raw_response() -> type[httpx2.Response]:
    import httpx2

    return httpx2.Response


def batch_info(response: httpx2.Response) -> BatchInfo:
    batch = decoded(response, BatchInfo)
    batch_path(batch.id)
    return msgspec.structs.replace(batch, retry_after=retry_after(response.headers))


def decoded(response: httpx2.Response, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.MsgspecError as e:
        raise ApiUnavailableError(f"The API's answer is not what was asked for: {e}. It may be a proxy's page.") from e
