"""What every API call passes: faults, size, key, version, rate limit; and what every answer carries.

An answer always has a `request-id` and the organization and workspace headers, except where a proxy in front of the
API would answer (`html_413`). Sources: https://platform.claude.com/docs/en/api/overview and …/api/versioning
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response

from airflow_provider_claude.simulator.faults import FAULTS, Fault
from airflow_provider_claude.simulator.http_errors import (
    ApiError,
    AuthenticationError,
    InvalidRequestError,
    RateLimitedError,
    TooLargeError,
)
from airflow_provider_claude.simulator.model.request_params import VERSIONS, Terms
from airflow_provider_claude.simulator.world.bucket import Bucket
from airflow_provider_claude.simulator.world.rate_limits import Limits
from airflow_provider_claude.simulator.world.state import World

ORGANIZATION = "6f1c2f0a-5d0b-4c39-9a55-3b1f7a3b5c11"
Meter = Callable[[Limits], Bucket]
#: Largest bodies in bytes. Whether a MB is 10^6 or 2^20 bytes is not documented; the smaller one is safe.
BATCH_BYTES = 256_000_000
MESSAGE_BYTES = 32_000_000


@dataclass(slots=True)
class Call:
    """One API call on its way: what was asked, by whom, and the *headers* its answer will carry.

    *meter*: what the call was drawn from, once it came so far; its answer shows what is left.
    """

    request: Request
    world: World
    route: str
    max_bytes: int
    request_id: str
    workspace: str = "wrkspc_default"
    version: str = VERSIONS[-1]
    betas: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    meter: Meter | None = None

    @property
    def now(self) -> float:
        """Simulated time."""
        return self.world.clock.now()

    @property
    def terms(self) -> Terms:
        """How a request of this call is judged on the sync route."""
        return Terms("standard", self.version, tuple(self.betas))


Handler = Callable[[Call], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Cut(Exception):
    """The connection is cut instead of answering."""


def gated(route: str, handler: Handler, *, meter: Meter | None = None, max_bytes: int = MESSAGE_BYTES) -> Endpoint:
    """The endpoint of a *route*: its *handler* behind the gate. *meter*: the bucket one call is drawn from."""

    async def endpoint(request: Request) -> Response:
        world: World = request.app.state.world
        call = Call(request, world, route, max_bytes, world.next_id("req"))
        world.calls[route] += 1
        try:
            response = await _pass(call, handler, meter)
        except ApiError as error:
            response = _refused(call, error)
        except (Cut, ClientDisconnect):
            cut(request)
            return Response()
        if not isinstance(response, HTMLResponse):
            response.raw_headers += [(name.encode(), value.encode("latin-1")) for name, value in _headers(call).items()]
        return response

    return endpoint


def _refused(call: Call, error: ApiError) -> Response:
    if error.status == RateLimitedError.status:
        call.world.traffic.rejected[call.route] += 1
    call.headers.update(error.headers)
    return json_response(error.envelope(call.request_id), error.status)


async def _pass(call: Call, handler: Handler, meter: Meter | None) -> Response:
    struck = await _strike(call)
    if struck is not None:
        return struck
    check_size(call, int(call.request.headers.get("content-length", 0)))
    _check_key(call)
    _check_version(call)
    if meter is not None:
        call.meter = meter
        call.world.limits.call(meter(call.world.limits), call.now)
    response = await handler(call)
    fault = call.world.faults.take(call.route, "cut_after", "error_after")
    if fault is None:
        return response
    if FAULTS[fault.name].stage == "cut_after":
        raise Cut
    raise _fault_error(call, fault)


async def _strike(call: Call) -> Response | None:
    """Let the faults strike that come before the handler."""
    slow = call.world.faults.take(call.route, "slow")
    if slow is not None:
        await asyncio.sleep(slow.seconds)
    fault = call.world.faults.take(call.route, "cut", "html", "error")
    if fault is None:
        return None
    if FAULTS[fault.name].stage == "cut":
        raise Cut
    if FAULTS[fault.name].stage == "html":
        return HTMLResponse("<html><body><h1>413 Request Entity Too Large</h1></body></html>", 413)
    raise _fault_error(call, fault)


def _fault_error(call: Call, fault: Fault) -> ApiError:
    make = FAULTS[fault.name].error
    if make is None:
        raise LookupError(f"fault {fault.name} has no answer")
    error = make(fault)
    if fault.name == "not_found_after_create":
        error.message = f"Message Batch {call.request.path_params['batch_id']} not found."
    return error


def check_size(call: Call, size: int) -> None:
    """Whether a body of *size* bytes is taken.

    Raises TooLargeError.
    """
    if size > call.max_bytes:
        raise TooLargeError("Request exceeds the maximum size")


def _check_key(call: Call) -> None:
    headers = call.request.headers
    scheme, _, token = headers.get("authorization", "").partition(" ")
    key = (token if scheme.lower() == "bearer" else "") or headers.get("x-api-key", "")
    wanted = call.world.options.api_key
    if not key or (key != wanted if wanted else key.startswith("bad")):
        raise AuthenticationError("API key is invalid.")
    # A key written `name@workspace` belongs to that workspace.
    workspace = headers.get("anthropic-workspace-id") or key.partition("@")[2] or "default"
    call.workspace = f"wrkspc_{workspace.removeprefix('wrkspc_')}"


def _check_version(call: Call) -> None:
    version = call.request.headers.get("anthropic-version")
    if version is None:
        raise InvalidRequestError("anthropic-version: header is required")
    if version not in VERSIONS:
        raise InvalidRequestError(f'anthropic-version: "{version}" is not a valid version')
    call.version = version
    betas = ",".join(call.request.headers.getlist("anthropic-beta"))
    call.betas = [beta.strip() for beta in betas.split(",") if beta.strip()]


def _headers(call: Call) -> dict[str, str]:
    limits = call.world.limits
    return {
        "request-id": call.request_id,
        "anthropic-organization-id": ORGANIZATION,
        "anthropic-workspace-id": call.workspace,
        **(limits.headers(call.meter(limits), call.now) if call.meter else {}),
        **call.headers,
    }


def json_response(body: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def cut(request: Request) -> None:
    """Cut the connection of *request* without an answer, by means of the server, see `server`."""
    request.app.state.cut(request.scope["client"])
