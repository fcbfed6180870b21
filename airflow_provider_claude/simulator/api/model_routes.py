"""`GET /v1/models` and `/v1/models/{id}`."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from airflow_provider_claude.simulator.api.admission import Call, json_response
from airflow_provider_claude.simulator.api.paging import page_of, read_cursor
from airflow_provider_claude.simulator.http_errors import NotFoundError
from airflow_provider_claude.simulator.model.catalogue import MODELS, Model, find_model


async def list_(call: Call) -> Response:
    """Newest first; `lifecycle` is "active,deprecated" unless asked otherwise."""
    query = call.request.query_params
    wanted = ",".join(query.getlist("lifecycle") or query.getlist("lifecycle[]")) or "active,deprecated"
    models = [shown for model in MODELS if (shown := _shown(call, model))["lifecycle"] in wanted.split(",")]
    page, has_more = page_of(models, read_cursor(query), lambda model: str(model["id"]))
    return json_response(
        {
            "data": page,
            "has_more": has_more,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
        }
    )


async def retrieve(call: Call) -> Response:
    """One model by id or alias."""
    name = call.request.path_params["model_id"]
    model = find_model(name)
    if model is None:
        raise NotFoundError(f"model: {name}")
    return json_response(_shown(call, model))


def _shown(call: Call, model: Model) -> dict[str, Any]:
    """The model, with what the control plane has changed of it."""
    shown, changed = model.describe(), call.world.model_changes.get(model.id, {})
    batch = changed.get("batch")
    capabilities = (
        {**shown["capabilities"], "batch": {"supported": batch}} if batch is not None else shown["capabilities"]
    )
    return {
        **shown,
        **{name: value for name, value in changed.items() if name != "batch"},
        "capabilities": capabilities,
    }
