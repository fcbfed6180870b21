"""The control plane, `/_control/...`: the knobs a test turns. No key, no faults, no limits apply to it.

    POST   /reset                       back to the start
    GET    /books                       who was billed for what, and what twice
    GET    /calls                       how often each route was called
    GET    /traffic                     messages admitted, answered and in flight, 429s by route, how others fared
    GET    /knobs                       pace, latency, seed, tier, limits, burst, speed, time, behaviour, label_noise,
                    progressive, retry_after
    POST   /knobs   {"pace": "polls:3", "seed": 7, "tier": "start", "speed": 60, "progressive": true}
                    {"latency": "lognormal:2,0.5", "limits": {"requests": 600, "input_tokens": 300000}, "burst": 1}
                    limits that are not named are the tier's; naming a tier, or limits, drops those set before
    POST   /others  {"requests": 100, "input_tokens": 50000, "output_tokens": 9000}  a minute, by others; DELETE ends it
    POST   /behaviour {"refusal": 0.01}  shares that are not named stay; DELETE sets all to what they were at first
    POST   /label_noise  {"flips": {"neutral": {"positive": 0.1}}, "first": 0.02, "changes": [{"since": "2026-12-24T00:00:00Z",
                    "days": 0, "flips": {...}}]}  instead of what was set; DELETE: as it was at first
    POST   /truth   {"texts": [...], "labels": [...], "field": "sentiment"}  the labels without noise, and the chances of each
    POST   /models  {"id": "claude-haiku-5-5", "lifecycle": "deprecated", "retires_at": "2026-12-24T00:00:00Z", "batch": false}
                    what the Models API says of a model from now on; what is not named is as it was at first
    POST   /clock   {"advance": 3600}   simulated seconds
    GET    /faults                      those that are set; POST {"name": "error_529", "times": 2, "route": "create"}
    DELETE /faults                      none

A wrong knob is a 400 with {"error": text}; nothing is changed then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airflow_provider_claude.simulator.api.admission import json_response
from airflow_provider_claude.simulator.faults import Fault
from airflow_provider_claude.simulator.model.behaviour import Behaviour
from airflow_provider_claude.simulator.model.catalogue import find_model
from airflow_provider_claude.simulator.model.label_noise import Asking, LabelNoise
from airflow_provider_claude.simulator.model.truth import Question, truths
from airflow_provider_claude.simulator.world.clock import timestamp
from airflow_provider_claude.simulator.world.latency import parse_latency
from airflow_provider_claude.simulator.world.other_traffic import Rate
from airflow_provider_claude.simulator.world.pace import parse_pace
from airflow_provider_claude.simulator.world.rate_limits import Limits
from airflow_provider_claude.simulator.world.state import World


class _Knobs(Struct, forbid_unknown_fields=True):
    pace: str | UnsetType = UNSET
    latency: str | UnsetType = UNSET
    seed: int | UnsetType = UNSET
    tier: str | UnsetType = UNSET
    limits: dict[str, int] | UnsetType = UNSET
    burst: float | UnsetType = UNSET
    speed: float | UnsetType = UNSET
    progressive: bool | UnsetType = UNSET
    retry_after: Annotated[float, Meta(ge=0)] | UnsetType = UNSET


class _Model(Struct, forbid_unknown_fields=True, omit_defaults=True):
    id: str
    lifecycle: Literal["active", "deprecated", "retired"] | UnsetType = UNSET
    retires_at: str | UnsetType | None = UNSET
    batch: bool | UnsetType = UNSET


class _Clock(Struct, forbid_unknown_fields=True):
    advance: float


async def _reset(world: World, _body: bytes) -> Any:
    await world.reset()
    return {}


async def _books(world: World, _body: bytes) -> Any:
    return await world.books()


async def _calls(world: World, _body: bytes) -> Any:
    return dict(world.calls)


async def _knobs(world: World, _body: bytes) -> Any:
    return {
        "pace": world.pace.text,
        "latency": world.latency.text,
        "seed": world.seed,
        "tier": world.limits.name,
        "limits": world.limits.describe(),
        "burst": world.limits.burst,
        "speed": world.clock.speed,
        "progressive": world.progressive,
        "retry_after": world.retry_after,
        "behaviour": world.behaviour,
        "label_noise": world.label_noise,
        "now": timestamp(world.clock.now()),
    }


async def _turn(world: World, body: bytes) -> Any:
    knobs = msgspec.json.decode(body, type=_Knobs)
    pace = world.pace if knobs.pace is UNSET else parse_pace(knobs.pace)
    latency = world.latency if knobs.latency is UNSET else parse_latency(knobs.latency)
    world.limits.catch_up(world.clock.now())
    limits = _limits(world.limits, knobs)
    if knobs.speed is not UNSET:
        world.run_at(knobs.speed)
    world.pace, world.latency, world.limits = pace, latency, limits
    world.seed = world.seed if knobs.seed is UNSET else knobs.seed
    world.progressive = world.progressive if knobs.progressive is UNSET else knobs.progressive
    world.retry_after = world.retry_after if knobs.retry_after is UNSET else knobs.retry_after
    return await _knobs(world, b"")


def _limits(old: Limits, knobs: _Knobs) -> Limits:
    """The limits from now on, with full buckets where anything about them changed."""
    tier = old.name if knobs.tier is UNSET else knobs.tier
    kept = old.numbers if knobs.tier is UNSET else {}
    numbers = kept if knobs.limits is UNSET else knobs.limits
    burst = old.burst if knobs.burst is UNSET else knobs.burst
    if (tier, numbers, burst) == (old.name, old.numbers, old.burst):
        return old
    return Limits(tier, numbers, burst, old.others)


async def _others(world: World, body: bytes) -> Any:
    rate = msgspec.json.decode(body, type=Rate)
    world.limits.catch_up(world.clock.now())
    world.limits.others.change(rate, world.clock.now())
    return world.limits.others.describe()


async def _end_others(world: World, _body: bytes) -> Any:
    return await _others(world, b"{}")


async def _traffic(world: World, _body: bytes) -> Any:
    return world.flow()


async def _behave(world: World, body: bytes) -> Any:
    world.behaviour = world.behaviour.changed(**msgspec.json.decode(body, type=dict[str, float]))
    return world.behaviour


async def _behave_well(world: World, _body: bytes) -> Any:
    world.behaviour = Behaviour(credulous=world.options.credulous)
    return world.behaviour


async def _plant(world: World, body: bytes) -> Any:
    world.label_noise = msgspec.json.decode(body, type=LabelNoise)
    return world.label_noise


async def _plant_none(world: World, _body: bytes) -> Any:
    world.label_noise = world.options.label_noise
    return world.label_noise


async def _truth(world: World, body: bytes) -> Any:
    question = msgspec.json.decode(body, type=Question)
    return truths(question, Asking(world.label_noise, world.seed, "", world.clock.now()), world.options.words)


async def _change_model(world: World, body: bytes) -> Any:
    change = msgspec.json.decode(body, type=_Model)
    model = find_model(change.id)
    if model is None:
        raise ValueError(f"there is no model {change.id!r}")
    world.model_changes[model.id] = {**msgspec.to_builtins(change), "id": model.id}
    return world.model_changes


async def _advance(world: World, body: bytes) -> Any:
    world.advance(msgspec.json.decode(body, type=_Clock).advance)
    return {"now": timestamp(world.clock.now())}


async def _faults(world: World, _body: bytes) -> Any:
    return {"faults": world.faults.set}


async def _add_fault(world: World, body: bytes) -> Any:
    world.faults.add(msgspec.json.decode(body, type=Fault))
    return {"faults": world.faults.set}


async def _clear_faults(world: World, _body: bytes) -> Any:
    world.faults.set.clear()
    return {}


def _route(method: str, path: str, action: Callable[[World, bytes], Awaitable[Any]]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return json_response(await action(request.app.state.world, await request.body()))
        except (ValueError, msgspec.DecodeError) as error:
            return json_response({"error": str(error)}, 400)

    return Route(f"/_control{path}", endpoint, methods=[method])


ROUTES = [
    _route("POST", "/reset", _reset),
    _route("GET", "/books", _books),
    _route("GET", "/calls", _calls),
    _route("GET", "/traffic", _traffic),
    _route("POST", "/others", _others),
    _route("DELETE", "/others", _end_others),
    _route("GET", "/knobs", _knobs),
    _route("POST", "/knobs", _turn),
    _route("POST", "/behaviour", _behave),
    _route("DELETE", "/behaviour", _behave_well),
    _route("POST", "/label_noise", _plant),
    _route("DELETE", "/label_noise", _plant_none),
    _route("POST", "/truth", _truth),
    _route("POST", "/models", _change_model),
    _route("POST", "/clock", _advance),
    _route("GET", "/faults", _faults),
    _route("POST", "/faults", _add_fault),
    _route("DELETE", "/faults", _clear_faults),
]
