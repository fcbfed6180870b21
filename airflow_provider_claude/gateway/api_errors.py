"""The errors of the API, of the SDK and of its transport as ours: what happened, and whether a retry can help.

Importing this module is cheap: the SDK is imported when a call is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from airflow_provider_claude.errors import (
    ApiUnavailableError,
    BatchesRefusedError,
    BillingError,
    ClaudeError,
    CredentialsError,
    NotFoundYetError,
    RateLimitedError,
    RequestRejectedError,
    Transient,
    UnknownFateError,
)
from airflow_provider_claude.gateway.api_codes import NO_BATCHES, named


@contextmanager
def api_errors(
    doing: str, *, missing_is_transient: bool = False, creating: bool = False, credentials: str = ""
) -> Iterator[None]:
    """Raise the SDK's errors, and those of its transport, as ours. *doing* completes "Could not …"; *credentials* follows
    where the key is not accepted. *creating*: a batch was to be created.
    """
    import anthropic
    import httpx2

    try:
        yield
    except anthropic.APIStatusError as e:
        error = _of_status(e, doing, missing_is_transient=missing_is_transient, creating=creating)
        raise (_refused(error, credentials) if isinstance(error, CredentialsError) else error) from e
    except (anthropic.APIConnectionError, httpx2.TransportError, httpx2.StreamError) as e:
        if isinstance(e.__cause__ or e, httpx2.UnsupportedProtocol):
            raise _refused(f"Could not {doing}: {e}{_cause(e)}", credentials) from e
        never_sent = isinstance(e.__cause__ or e, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
        kind = ApiUnavailableError if never_sent else UnknownFateError
        raise kind(f"Could not {doing}{_at(e)}: {e or type(e).__name__}{_cause(e)}") from e
    except anthropic.AnthropicError as e:
        raise _refused(f"Could not {doing}: {e}", credentials) from e


def _refused(error: object, credentials: str) -> CredentialsError:
    """The message of *error*, and which key to correct."""
    forbidden = isinstance(error, CredentialsError) and error.forbidden
    return CredentialsError(f"{str(error).rstrip('.')}. {credentials}".rstrip(), forbidden=forbidden)


def _at(error: Any) -> str:
    """The host that was asked, where the error knows it."""
    known = vars(error)  # a transport error that knows no request raises where it is asked for it
    url = getattr(known.get("request") or known.get("_request"), "url", None)
    return f" at {url.scheme}://{url.netloc.decode('ascii', 'replace')}" if url is not None else ""


def _cause(error: Exception) -> str:
    return f" ({error.__cause__})" if error.__cause__ else ""


def _api_message(error: Any) -> str:
    """What the API says is wrong, on one line. Never the body itself: it may be a proxy's page, or echo the mail."""
    if isinstance(error.api_message, str):
        return ascii(error.api_message[:300])[1:-1]
    kind = error.response.headers.get("content-type", "no content type")
    return f"the answer is not an error of the API ({ascii(kind[:60])[1:-1]}); a proxy may have sent it"


#: Statuses with which the API says that it took nothing: conflict, unavailable, overloaded. Other 5xx, and those of a
#: proxy on the way, may come after the batch was created.
_NOT_TAKEN = frozenset({409, 503, 529})

#: What it may mean that the API does not know a batch.
_UNKNOWN = (
    "If that stays so, the batch was deleted, or the key of the connection (conn_id) is of another workspace than the one that "
    "created it"
)

#: Statuses with which the API refuses to create any batch, whatever its requests say: it has read only the frame of the
#: requests, which this package writes. 404 and 405 are those of a gateway without batches.
_NO_BATCHES = frozenset({400, 403, 404, 405})


def _of_status(error: Any, doing: str, *, missing_is_transient: bool, creating: bool) -> ClaudeError:
    """Our error for the SDK's status error *error*."""
    known = named(error.status_code, error.type, error.error_code, error.api_message)
    kind = known.kind or _kind(error)
    said = _with(f"Could not {doing}: HTTP {error.status_code} {_labels(error)}: {_api_message(error)}", known.do)
    if error.status_code == 404 and missing_is_transient:
        if isinstance(error.api_message, str):
            return NotFoundYetError(_with(said, _UNKNOWN))
        return ApiUnavailableError(said)
    if creating and known.kind is None and error.status_code in _NO_BATCHES:
        return BatchesRefusedError(_with(said, NO_BATCHES))
    if kind is RequestRejectedError:
        return RequestRejectedError(said, error.type, _api_message(error))
    if kind is CredentialsError:
        return CredentialsError(said, forbidden=error.status_code == 403)
    return kind(said, retry_after=retry_after(error.response.headers)) if issubclass(kind, Transient) else kind(said)


def _with(said: str, do: str) -> str:
    return f"{said.rstrip('. ')}. {do}" if do else said


#: What a status says whose code says nothing more.
_KINDS: Mapping[int, type[ClaudeError]] = {
    401: CredentialsError,
    402: BillingError,
    403: CredentialsError,
    408: UnknownFateError,
    429: RateLimitedError,
    499: UnknownFateError,
}


def _kind(error: Any) -> type[ClaudeError]:
    """The kind of a status whose code says nothing more."""
    status = error.status_code
    if status in _NOT_TAKEN:
        return ApiUnavailableError if isinstance(error.api_message, str) else UnknownFateError
    return _KINDS.get(status, RequestRejectedError if 300 <= status < 500 else UnknownFateError)


def _labels(error: Any) -> str:
    """The API's words for the error, and the id of the request, for its support."""
    code = error.error_code and f"code {error.error_code}"
    request = error.request_id and f"request {error.request_id}"
    return ", ".join(ascii(str(label)[:80])[1:-1] for label in (error.type, code, request) if label)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that `retry-after` asks for, None where it asks for none.

    It may be a date (RFC 9110, 10.2.3), which is then measured by the clock of the same answer.
    """
    value = headers.get("retry-after") or ""
    try:
        seconds = float(value)
    except ValueError:
        until, now = _date(value), _date(headers.get("date") or "")
        seconds = (until - now).total_seconds() if until and now else math.nan
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
