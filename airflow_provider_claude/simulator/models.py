"""`GET /v1/models` and `/v1/models/{id}`."""

from __future__ import annotations

from starlette.responses import Response

from airflow_provider_claude.simulator.catalogue import MODELS, find_model
from airflow_provider_claude.simulator.errors import NotFoundError
from airflow_provider_claude.simulator.gate import Call, json_response
from airflow_provider_claude.simulator.paging import page_of, read_cursor


async def list_(call: Call) -> Response:
    """Newest first; `lifecycle` is "active,deprecated" unless asked otherwise."""
    query = call.request.query_params
    wanted = ",".join(query.getlist("lifecycle") or query.getlist("lifecycle[]")) or "active,deprecated"
    models = [model for model in MODELS if model.lifecycle in wanted.split(",")]
    page, has_more = page_of(models, read_cursor(query), lambda model: model.id)
    return json_response(
        {
            "data": [model.describe() for model in page],
            "has_more": has_more,
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }
    )


async def retrieve(call: Call) -> Response:
    """One model by id or alias."""
    name = call.request.path_params["model_id"]
    model = find_model(name)
    if model is None:
        raise NotFoundError(f"model: {name}")
    return json_response(model.describe())
