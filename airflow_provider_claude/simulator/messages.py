"""`POST /v1/messages` and `/v1/messages/count_tokens`: the same answers as a batch, at once and at full price."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from airflow_provider_claude.simulator.answer import Reply, Setting, answer, measure
from airflow_provider_claude.simulator.chance import content_digest
from airflow_provider_claude.simulator.errors import InvalidRequestError
from airflow_provider_claude.simulator.gate import Call, json_response
from airflow_provider_claude.simulator.params import read_params
from airflow_provider_claude.simulator.shape import shape_of
from airflow_provider_claude.simulator.spool import slurp


async def create(call: Call) -> Response:
    """`POST /v1/messages`, not streamed."""
    world, body = call.world, await slurp(call)
    params = read_params(body)
    if params.stream:
        raise InvalidRequestError("stream: the simulator does not stream messages")
    scope = f"{call.workspace}/standard"
    warm = world.cache.warm(scope, call.now)
    reply = answer(
        params, Setting(world.seed, "", call.terms, world.behaviour, warm, world.serial, world.options.words)
    )
    counted = reply.split.fresh + reply.split.write_5m + reply.split.write_1h
    world.limits.admit(counted, call.now)
    call.headers.update(world.limits.spend(counted, reply.output_tokens, call.now))
    least = reply.shape.model.min_cacheable
    world.cache.write(scope, {m.prefix: m.ttl for m in reply.marks if m.tokens >= least}, call.now, call.now)
    _bill(call, reply, body)
    return json_response({**reply.message, "container": None, "diagnostics": None})


def _bill(call: Call, reply: Reply, body: bytes) -> None:
    bill = call.world.message_bill
    bill.add(reply.shape.model, "standard", reply.split, reply.output_tokens, billed=reply.billed)
    if reply.billed:
        call.world.remember_billed(content_digest(body))


async def count_tokens(call: Call) -> Response:
    """`POST /v1/messages/count_tokens`: free, and blind to the cache."""
    try:
        body = msgspec.json.decode(await slurp(call), type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise InvalidRequestError(f"The request body is not valid JSON: {error}") from error
    params = read_params(msgspec.json.encode({"max_tokens": 1, **body}))
    return json_response({"input_tokens": measure(params, shape_of(params))[0]})
