"""One class per error the API documents, each with its HTTP status and `error.type`.

    ApiError
    ├── InvalidRequestError     400 invalid_request_error
    ├── AuthenticationError     401 authentication_error
    ├── BillingError            402 billing_error
    ├── PermissionDeniedError   403 permission_error
    ├── NotFoundError           404 not_found_error
    ├── TooLargeError           413 request_too_large
    ├── RateLimitedError        429 rate_limit_error
    ├── InternalError           500 api_error
    ├── GatewayTimeoutError     504 timeout_error
    └── OverloadedError         529 overloaded_error

Source: https://platform.claude.com/docs/en/api/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class ApiError(Exception):
    """An answer that is not a success.

    *details* goes into the envelope as it is (`{"error_code": ...}`); *headers* are added to the response.
    """

    status: ClassVar[int]
    type: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def envelope(self, request_id: str | None) -> dict[str, Any]:
        """The JSON body of the error, also used inside errored rows of a batch."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.details is not None:
            error["details"] = dict(self.details)
        return {"type": "error", "error": error, "request_id": request_id}


class InvalidRequestError(ApiError):
    """The request itself is wrong."""

    status = 400
    type = "invalid_request_error"


class AuthenticationError(ApiError):
    """The key is missing or not accepted."""

    status = 401
    type = "authentication_error"


class BillingError(ApiError):
    """There is no credit."""

    status = 402
    type = "billing_error"


class PermissionDeniedError(ApiError):
    """The key may not do this."""

    status = 403
    type = "permission_error"


class NotFoundError(ApiError):
    """No such batch, model or results."""

    status = 404
    type = "not_found_error"


class TooLargeError(ApiError):
    """The body has more bytes than the route takes."""

    status = 413
    type = "request_too_large"


class RateLimitedError(ApiError):
    """A limit is reached; see `details.error_code` for the flavour."""

    status = 429
    type = "rate_limit_error"


class InternalError(ApiError):
    """The API failed."""

    status = 500
    type = "api_error"


class GatewayTimeoutError(ApiError):
    """The API took too long."""

    status = 504
    type = "timeout_error"


class OverloadedError(ApiError):
    """The API has too much to do."""

    status = 529
    type = "overloaded_error"
