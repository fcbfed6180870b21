"""Faults by name: each strikes a given number of times, on given routes, and is then gone.

The table `FAULTS` is the documentation: where a fault strikes and what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from airflow_provider_claude.simulator.http_errors import (
    ApiError,
    AuthenticationError,
    BillingError,
    GatewayTimeoutError,
    InternalError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitedError,
)

Stage = Literal["error", "cut", "slow", "html", "cut_after", "error_after", "hang", "deaf", "results", "counts"]
ROUTES = (
    "create",
    "retrieve",
    "list",
    "cancel",
    "delete",
    "results",
    "messages",
    "count_tokens",
    "models",
)


class Fault(Struct, kw_only=True, forbid_unknown_fields=True):
    """A fault that is set. *route* None means all routes of its kind, *times* None that it strikes always.

    *seconds*: real seconds a `slow` answer waits · *retry_after*: seconds in the header of the rate limits ·
    *share*: part of the results that is sent where they are cut, short or torn.
    """

    name: str
    times: int | None = 1
    route: str | None = None
    seconds: float = 1.0
    retry_after: int = 1
    share: float = 0.5


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fault does: *stage* says when it strikes, *error* makes its answer, *routes* where it may."""

    stage: Stage
    routes: tuple[str, ...] = ROUTES
    error: Callable[[Fault], ApiError] | None = None


def _spend_limit(_fault: Fault) -> ApiError:
    return RateLimitedError(
        "Your organization has reached its monthly spend limit.",
        details={"error_code": "enforced_spend_limit_reached"},
    )


def _ramp_limit(fault: Fault) -> ApiError:
    return RateLimitedError(
        "Your usage is increasing faster than the acceleration limit allows. Ramp up gradually.",
        details={"error_code": "ramp_limit_exceeded"},
        headers={"retry-after": str(fault.retry_after)},
    )


def _rate_limit(fault: Fault) -> ApiError:
    text = "This request would exceed your organization's rate limit."
    return RateLimitedError(text, headers={"retry-after": str(fault.retry_after)})


def _no_batches(_fault: Fault) -> ApiError:
    return InvalidRequestError(
        "Message Batches are not available to this workspace.",
        details={"error_code": "workspace_human_review_disabled"},
    )


FAULTS: Mapping[str, Kind] = {
    "error_500": Kind("error", error=lambda _: InternalError("Internal server error")),
    "error_504": Kind("error", error=lambda _: GatewayTimeoutError("Request timed out")),
    "error_529": Kind("error", error=lambda _: OverloadedError("Overloaded")),
    "rate_limit": Kind("error", error=_rate_limit),
    "rate_limit_bare": Kind("error", error=lambda _: RateLimitedError("This request would exceed a rate limit.")),
    "spend_limit": Kind("error", error=_spend_limit),
    "ramp_limit": Kind("error", error=_ramp_limit),
    "bad_key": Kind("error", error=lambda _: AuthenticationError("API key is invalid.")),
    "billing": Kind("error", error=lambda _: BillingError("Your credit balance is too low.")),
    "permission": Kind("error", error=lambda _: PermissionDeniedError("Your API key may not use this resource.")),
    "bad_request": Kind("error", error=lambda _: InvalidRequestError("This cannot be served as asked.")),
    "not_found_after_create": Kind("error", ("retrieve", "results"), lambda _: NotFoundError("")),
    "batches_refused": Kind("error", ("create",), _no_batches),
    "html_413": Kind("html", ("create", "messages", "count_tokens")),
    "slow": Kind("slow"),
    "reset_before_accept": Kind("cut"),
    # The call is carried out, and its answer is lost: the connection breaks, or a gateway answers 504 in its place.
    "reset_after_accept": Kind("cut_after"),
    "error_504_after_accept": Kind("error_after", error=lambda _: GatewayTimeoutError("Request timed out")),
    # The new batch needs 48 h: it expires half done after 24 h, where it is not cancelled before.
    "batch_hangs": Kind("hang", ("create",)),
    # The batch says that it is being cancelled, and continues as if it were not.
    "cancel_has_no_effect": Kind("deaf", ("cancel",)),
    # The connection breaks in the middle of the results.
    "cut_results": Kind("results", ("results",)),
    # The results end cleanly, and early: after a whole line, or in the middle of one.
    "short_results": Kind("results", ("results",)),
    "torn_results": Kind("results", ("results",)),
    # Each line has a custom id that was not asked for; or each line is there, and comes once more with such an id.
    "strange_results": Kind("results", ("results",)),
    "extra_results": Kind("results", ("results",)),
    # The batch says of all its counts that they are 0.
    "zero_counts": Kind("counts", ("retrieve", "list")),
}


class FaultBox:
    """The faults that are set, in the order they were set."""

    def __init__(self) -> None:
        self.set: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Set a fault.

        Raises ValueError for an unknown name or route.
        """
        if fault.name not in FAULTS:
            raise ValueError(f"fault {fault.name!r} is none of {', '.join(FAULTS)}")
        routes = FAULTS[fault.name].routes
        if fault.route is not None and fault.route not in routes:
            raise ValueError(f"{fault.name} cannot strike {fault.route!r}, only {', '.join(routes)}")
        self.set.append(fault)

    def take(self, route: str, *stages: Stage) -> Fault | None:
        """The first fault for this route and these stages, used up by one."""
        for fault in self.set:
            kind = FAULTS[fault.name]
            if kind.stage in stages and route in ([fault.route] if fault.route else kind.routes):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.set.remove(fault)
                return fault
        return None
