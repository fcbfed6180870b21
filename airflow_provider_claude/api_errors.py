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
    BillingError,
    ClaudeError,
    CredentialsError,
    NotFoundYetError,
    RateLimitedError,
    RequestRejectedError,
    UnknownFateError,
)


@contextmanager
def api_errors(doing: str, *, missing_is_transient: bool = False, credentials: str = "") -> Iterator[None]:
    """Raise the SDK's errors, and those of its transport, as ours. *doing* completes "Could not …"; *credentials* follows
    where the key is not accepted.
    """
    import anthropic
    import httpx2

    try:
        yield
    except anthropic.APIStatusError as e:
        error = _of_status(e, doing, missing_is_transient=missing_is_transient)
        raise (_refused(error, credentials) if isinstance(error, CredentialsError) else error) from e
    except (anthropic.APIConnectionError, httpx2.TransportError, httpx2.StreamError) as e:
        if isinstance(e.__cause__ or e, httpx2.UnsupportedProtocol):
            raise _refused(f"Could not {doing}: {e}{_cause(e)}", credentials) from e
        never_sent = isinstance(e.__cause__ or e, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)
        kind = ApiUnavailableError if never_sent else UnknownFateError
        raise kind(f"Could not {doing}{_at(e)}: {e or type(e).__name__}{_cause(e)}") from e
    except anthropic.AnthropicError as e:
        raise _refused(f"Could not {doing}: {e}", credentials) from e


def _refused(told: object, credentials: str) -> CredentialsError:
    """*told*, and which key to put right."""
    return CredentialsError(f"{str(told).rstrip('.')}. {credentials}".rstrip())


def _at(error: Any) -> str:
    """The host that was asked, where the error knows it."""
    known = vars(error)  # a transport error that knows no request raises where it is asked for it
    url = getattr(known.get("request") or known.get("_request"), "url", None)
    return f" at {url.scheme}://{url.netloc.decode('ascii', 'replace')}" if url is not None else ""


def _cause(error: Exception) -> str:
    return f" ({error.__cause__})" if error.__cause__ else ""


def _told(error: Any) -> str:
    """What the API says is wrong, on one line. Never the body itself: it may be a proxy's page, or echo the mail."""
    if isinstance(error.api_message, str):
        return ascii(error.api_message[:300])[1:-1]
    kind = error.response.headers.get("content-type", "no content type")
    return f"the answer is no error of the API ({ascii(kind[:60])[1:-1]}); a proxy may have sent it"


#: Limits on spending, which no waiting lifts (https://platform.claude.com/docs/en/api/rate-limits).
_SPENDING = frozenset({"enforced_spend_limit_reached", "contract_spend_limit_reached"})


#: Statuses with which the API says that it took nothing: conflict, unavailable, overloaded. Other 5xx, and those of a
#: proxy on the way, may come after the deed.
_NOT_TAKEN = frozenset({409, 503, 529})


def _of_status(error: Any, doing: str, *, missing_is_transient: bool) -> ClaudeError:
    """Our error for the SDK's status error *error*."""
    request = f", request {error.request_id}" if error.request_id else ""
    said = f"Could not {doing}: HTTP {error.status_code} {error.type or ''}{request}: {_told(error)}"
    terminal = _terminal(error)
    if terminal is not None and not (error.status_code == 404 and missing_is_transient):
        if terminal is RequestRejectedError:
            return RequestRejectedError(said, error.type, _told(error))
        return terminal(said)
    if error.status_code == 404:
        return NotFoundYetError(said)
    if error.status_code == 429:
        return RateLimitedError(said, retry_after=retry_after(error.response.headers))
    by_the_api = isinstance(error.api_message, str)
    kind = ApiUnavailableError if error.status_code in _NOT_TAKEN and by_the_api else UnknownFateError
    return kind(said, retry_after=retry_after(error.response.headers))


def _terminal(error: Any) -> type[ClaudeError] | None:
    """The kind of a status that no retry mends; None for one that a retry may."""
    match error.status_code:
        case 401 | 403:
            return CredentialsError
        case 402:
            return BillingError
        case _ if error.error_code in _SPENDING:
            return BillingError
        case 408 | 409 | 429:
            return None
        case code if 300 <= code < 500:
            return RequestRejectedError
        case _:
            return None


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
