"""`POST /v1/messages` and `/v1/messages/count_tokens`: the same answers as a batch, sooner and at full price."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from airflow_provider_claude.simulator.api.admission import Call, Cut, json_response
from airflow_provider_claude.simulator.api.body_files import slurp
from airflow_provider_claude.simulator.http_errors import InvalidRequestError
from airflow_provider_claude.simulator.model.answer import Reply, Setting, answer
from airflow_provider_claude.simulator.model.chance import content_digest
from airflow_provider_claude.simulator.model.prompt import Prompt, measure, read_prompt
from airflow_provider_claude.simulator.model.request_params import read_params
from airflow_provider_claude.simulator.model.shape import shape_of


async def create(call: Call) -> Response:
    """`POST /v1/messages`, not streamed. Input is drawn when it arrives, output when it is answered."""
    body = await slurp(call)
    world, arrived, scope = call.world, call.now, f"{call.workspace}/standard"
    prompt = _read(call, body, scope, arrived)
    world.limits.admit(prompt.counted, arrived)
    world.traffic.admit(prompt.counted, arrived)
    await _wait(call, arrived)
    words, noise = world.options.words, world.label_noise
    setting = Setting(world.seed, "", call.terms, world.behaviour, call.request_id, words, noise, arrived)
    reply = answer(prompt, setting)
    world.limits.spend(reply.output_tokens, call.now)
    world.traffic.answer(reply.output_tokens, call.now)
    world.cache.write(scope, prompt.cached(arrived), call.now)
    _bill(call, prompt, reply, body)
    return json_response({**reply.message, "container": None, "diagnostics": None})


def _read(call: Call, body: bytes, scope: str, arrived: float) -> Prompt:
    params = read_params(body)
    if params.stream:
        raise InvalidRequestError("stream: the simulator does not stream messages")
    return read_prompt(params, call.terms, call.world.cache.warm(scope, arrived))


async def _wait(call: Call, arrived: float) -> None:
    """Wait as long as the message takes. A client that leaves meanwhile changes nothing but that it is counted.

    Raises Cut if the simulator was reset or ends before.
    """
    world = call.world
    seconds = world.latency.seconds(world.seed, call.request_id)
    if seconds <= 0:
        return
    room = world.room
    await room.wait(arrived + seconds)
    gone = await call.request.is_disconnected()
    if room.closed:
        raise Cut
    world.traffic.abandoned += gone


def _bill(call: Call, prompt: Prompt, reply: Reply, body: bytes) -> None:
    world = call.world
    geo, output = prompt.params.inference_geo, reply.output_tokens
    world.message_bill.add(prompt.shape.model, "standard", prompt.split, output, billed=reply.billed, geo=geo)
    if reply.billed:
        world.message_digests.add(content_digest(body))


async def count_tokens(call: Call) -> Response:
    """`POST /v1/messages/count_tokens`: free, and blind to the cache."""
    try:
        body = msgspec.json.decode(await slurp(call), type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise InvalidRequestError(f"The request body is not valid JSON: {error}") from error
    params = read_params(msgspec.json.encode({"max_tokens": 1, **body}))
    return json_response({"input_tokens": measure(params, shape_of(params))[0]})
