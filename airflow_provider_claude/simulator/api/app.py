"""The routes table: which path is answered by which handler, behind which limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airflow_provider_claude.simulator.api import batch_routes, control, message_routes, model_routes
from airflow_provider_claude.simulator.api.admission import BATCH_BYTES, gated, json_response
from airflow_provider_claude.simulator.world.bucket import Bucket
from airflow_provider_claude.simulator.world.rate_limits import Limits
from airflow_provider_claude.simulator.world.state import Options, World


def _batches(limits: Limits) -> Bucket:
    return limits.batches


def _messages(limits: Limits) -> Bucket:
    return limits.requests


def _counts(limits: Limits) -> Bucket:
    return limits.counts


_BATCHES = "/v1/messages/batches"
_BATCH = f"{_BATCHES}/{{batch_id}}"
_CREATE = gated("create", batch_routes.create, meter=_batches, max_bytes=BATCH_BYTES)

ROUTES = [
    Route("/v1/messages", gated("messages", message_routes.create, meter=_messages), methods=["POST"]),
    Route(_BATCHES, _CREATE, methods=["POST"]),
    Route(_BATCHES, gated("list", batch_routes.list_, meter=_batches), methods=["GET"]),
    Route(_BATCH, gated("retrieve", batch_routes.retrieve, meter=_batches), methods=["GET"]),
    Route(_BATCH, gated("delete", batch_routes.delete, meter=_batches), methods=["DELETE"]),
    Route(f"{_BATCH}/cancel", gated("cancel", batch_routes.cancel, meter=_batches), methods=["POST"]),
    Route(f"{_BATCH}/results", gated("results", batch_routes.results, meter=_batches), methods=["GET"]),
    Route(
        "/v1/messages/count_tokens",
        gated("count_tokens", message_routes.count_tokens, meter=_counts),
        methods=["POST"],
    ),
    Route("/v1/models", gated("models", model_routes.list_), methods=["GET"]),
    Route("/v1/models/{model_id}", gated("models", model_routes.retrieve), methods=["GET"]),
    *control.ROUTES,
]


def build_app(root: Path, options: Options) -> Starlette:
    """The simulator as an ASGI app that keeps its state under *root*."""
    world = World(root, options)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await world.crew.start()
        try:
            yield
        finally:
            await world.close()

    app = Starlette(routes=ROUTES, lifespan=lifespan, exception_handlers={HTTPException: _no_such_route})
    app.state.world = world
    return app


async def _no_such_route(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    body: dict[str, Any] = {"type": "error", "error": {"type": "not_found_error", "message": "Not found"}}
    return json_response(body, status)
