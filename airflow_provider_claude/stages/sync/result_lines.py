"""Answers and errors of the Messages API as lines of a batch's results."""

from __future__ import annotations

import msgspec

from airflow_provider_claude.errors import (
    ClaudeError,
    RateLimitedError,
    Transient,
)


def succeeded_line(custom_id: str, message: bytes) -> bytes:
    """An answer as a line of a batch's results. A JSON text has no newline that matters."""
    message = message.strip().replace(b"\n", b" ").replace(b"\r", b" ")
    return b'{"custom_id":"%b","result":{"type":"succeeded","message":%b}}' % (custom_id.encode(), message)


def errored_line(custom_id: str, error: ClaudeError, reason: str) -> bytes:
    passing = "rate_limit_error" if isinstance(error, RateLimitedError) else "api_error"
    kind = getattr(error, "error_type", None) or (passing if isinstance(error, Transient) else "invalid_request_error")
    detail = {
        "type": "error",
        "error": {"type": kind, "message": getattr(error, "detail", "") or reason},
        "request_id": None,
    }
    return msgspec.json.encode({"custom_id": custom_id, "result": {"type": "errored", "error": detail}})
