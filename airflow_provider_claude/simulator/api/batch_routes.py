"""The six routes of Message Batches: parse, ask the world, serialise.

Source: https://platform.claude.com/docs/en/api/messages/batches
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response, StreamingResponse

from airflow_provider_claude.simulator.api.admission import Call, json_response
from airflow_provider_claude.simulator.api.body_files import spool
from airflow_provider_claude.simulator.api.paging import page_of, read_cursor
from airflow_provider_claude.simulator.api.sending import sent
from airflow_provider_claude.simulator.http_errors import InvalidRequestError, NotFoundError
from airflow_provider_claude.simulator.world import batch_life
from airflow_provider_claude.simulator.world.batch_life import Batch
from airflow_provider_claude.simulator.world.clock import timestamp
from airflow_provider_claude.simulator.world.pace import STUCK_SECONDS


async def create(call: Call) -> Response:
    """`POST /v1/messages/batches`. The answer shows the batch before any of it ran."""
    path = await spool(call)
    taken = await call.world.crew.take(str(path)) if path.stat().st_size else None
    if taken is None or taken.refusal:
        path.unlink()
        raise InvalidRequestError(taken.refusal if taken else "The request body is not valid JSON: it is empty")
    try:
        call.world.check_queue(taken.total)
    except BaseException:
        path.unlink()
        raise
    batch = call.world.open_batch(taken, path, workspace=call.workspace, version=call.version, betas=call.betas)
    if call.world.faults.take(call.route, "hang"):
        batch.duration, batch.polls_needed = STUCK_SECONDS, None
        call.world.registry.save(batch)
    shown = describe(call, batch)
    await call.world.look(batch, patience=0)
    return json_response(shown)


async def retrieve(call: Call) -> Response:
    """`GET /v1/messages/batches/{id}`. Counts as a poll where the pace counts polls."""
    batch = _find(call)
    batch.polls_seen += 1
    await call.world.look(batch)
    if batch.ended_at is None and call.world.retry_after:
        call.headers["retry-after"] = str(call.world.pause())
    return json_response(describe(call, batch))


async def list_(call: Call) -> Response:
    """`GET /v1/messages/batches?limit&after_id&before_id`, newest first."""
    batches = call.world.registry.newest_first(call.workspace)
    await asyncio.gather(*(call.world.look(batch) for batch in batches))
    cursor = read_cursor(call.request.query_params)
    page, has_more = page_of(batches, cursor, lambda batch: batch.id)
    return json_response(
        {
            "data": [describe(call, batch) for batch in page],
            "has_more": has_more,
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }
    )


async def cancel(call: Call) -> Response:
    """`POST /v1/messages/batches/{id}/cancel`. Counters stay as they are until the batch has ended."""
    batch = _find(call)
    if batch.ended_at is not None:
        # What the API says here is not documented.
        raise InvalidRequestError(f"Message Batch {batch.id} has already ended and cannot be canceled.")
    if batch.cancel_at is None:
        batch.cancel_at = call.now
        batch.cancel_ignored = call.world.faults.take(call.route, "deaf") is not None
        call.world.registry.save(batch)
    return json_response(describe(call, batch))


async def delete(call: Call) -> Response:
    """`DELETE /v1/messages/batches/{id}`, once it has ended."""
    batch = _find(call)
    await call.world.look(batch)
    if batch.ended_at is None:
        raise InvalidRequestError("In progress batches cannot be deleted. Consider canceling the batch instead.")
    call.world.registry.remove(batch)
    return json_response({"id": batch.id, "type": "message_batch_deleted"})


async def results(call: Call) -> Response:
    """`GET /v1/messages/batches/{id}/results`: the rows as JSON lines, in chunks."""
    batch = _find(call)
    await call.world.look(batch)
    if batch.ended_at is None or batch_life.archived_at(batch, call.now) is not None:
        raise NotFoundError(f"Message Batch {batch.id} has no available results.")
    path = call.world.registry.folder(batch.id) / "results.jsonl"
    fault = call.world.faults.take(call.route, "results")
    return StreamingResponse(sent(call, path, fault), media_type="application/x-jsonl")


def _find(call: Call) -> Batch:
    batch_id = call.request.path_params["batch_id"]
    batch = call.world.registry.find(batch_id, call.workspace)
    if batch is None:
        raise NotFoundError(f"Message Batch {batch_id} not found.")
    return batch


def describe(call: Call, batch: Batch) -> dict[str, Any]:
    """The batch as the API writes it; `results_url` is on the host the caller used."""
    ended = batch.ended_at is not None
    archived = batch_life.archived_at(batch, call.now)
    available = ended and archived is None
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": batch_life.status(batch),
        "request_counts": _counts(call, batch),
        "created_at": timestamp(batch.created_at),
        "expires_at": timestamp(batch.expires_at),
        "ended_at": _time(batch.ended_at),
        "archived_at": _time(archived),
        "cancel_initiated_at": _time(batch.cancel_at),
        "results_url": f"{call.request.base_url}v1/messages/batches/{batch.id}/results" if available else None,
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else timestamp(seconds)


def _counts(call: Call, batch: Batch) -> dict[str, int]:
    if batch.ended_at is not None and call.world.faults.take(call.route, "counts"):
        return dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    counts = batch.counts
    done = counts.succeeded + counts.errored + counts.canceled + counts.expired
    succeeded = counts.succeeded
    if batch.ended_at is None and call.world.progressive:
        done = succeeded = int(batch.total * batch_life.progress(batch, call.now))
    return {
        # Until a batch has ended everything counts as processing; this is no progress bar.
        "processing": 0 if batch.ended_at is not None else batch.total - done,
        "succeeded": succeeded,
        "errored": counts.errored,
        "canceled": counts.canceled,
        "expired": counts.expired,
    }
