"""The parameters of a request: what all requests of a placement begin with, then the row.

The API reads and caches a request as tools, system, messages. `Prefix` is the part of that which is the same in every request:

    user         system, message: a long beginning of the prompt | the rest of it, a row's values where it has them
    tool_result  tools, system, message: the prompt with references, message: the call | message: its result, the row

It ends at the bar. A cache marker stands on the last block before it: in `tool_result` the `tool_use` block, in `user` the
beginning of the prompt, where that is long, else the system prompt. A marker changes no meaning: hashes of requests are those
of requests without one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from airflow_provider_claude.job import JobSpec
from airflow_provider_claude.job.cache import Ttl
from airflow_provider_claude.job.template import parse_prompt
from airflow_provider_claude.job.untrusted import TOOL, TOOL_USE_ID, TOOLS, Placement, full_system, reference

#: So long a beginning of the prompt, in bytes, has a block of its own, to be cached.
LONG_LEAD = 400

#: What a cache marker adds to a request, at most.
MARKER_BYTES = 90

_Blocks = list[dict[str, Any]]


class Prefix(NamedTuple):
    """What the requests of one placement have in common, in the order in which the API reads it; see the head of this file.

    *lead* are the blocks before the content in the last message.
    """

    tools: _Blocks
    system: _Blocks
    messages: _Blocks
    lead: _Blocks


def prefix_of(spec: JobSpec, placement: Placement, task: str = "", *, cache: Ttl | None = None) -> Prefix:
    """What all requests of the job *spec* begin with in *placement*. *task* is said about all that a request asks.

    *cache*: how long it is cached, None for no marker.
    """
    marker = {"cache_control": {"type": "ephemeral", "ttl": cache}} if cache else {}
    system: dict[str, Any] = {"type": "text", "text": full_system(spec.system, spec.secret_key, spec.examples)}
    if placement == "user":
        lead = "" if task else lead_of(spec, placement)
        if lead:
            return Prefix([], [system], [], [{"type": "text", "text": lead, **marker}])
        return Prefix([], [system | marker], [], [])
    asked = _referring(spec.prompt) + (f"\n\n{task}" if task else "")
    call = {"type": "tool_use", "id": TOOL_USE_ID, "name": TOOL, "input": {}, **marker}
    return Prefix(TOOLS, [system], [{"role": "user", "content": asked}, {"role": "assistant", "content": [call]}], [])


def lead_of(spec: JobSpec, placement: Placement) -> str:
    """The beginning of the prompt that has a block of its own; empty where there is none. In packs it stands in each item."""
    literal, _ = parse_prompt(spec.prompt)[0]
    return literal if placement == "user" and len(literal.encode()) >= LONG_LEAD else ""


def request_params(
    spec: JobSpec, placement: Placement, content: Any, *, task: str = "", cache: Ttl | None = None
) -> dict[str, Any]:
    """The Messages API parameters of one request of the job *spec*, whose row stands in *placement*.

    *content* is what differs between requests. *task* is said about all of it. *cache*: how long what all requests begin with
    is cached, None for no marker.
    """
    prefix = prefix_of(spec, placement, task, cache=cache)
    params = _settings(spec)
    params["system"] = prefix.system if "cache_control" in prefix.system[0] else prefix.system[0]["text"]
    if placement == "user":
        said = [*prefix.lead, {"type": "text", "text": content}] if prefix.lead else content + task
        last: dict[str, Any] = {"role": "user", "content": said}
    else:
        params |= {"tools": prefix.tools, "tool_choice": {"type": "none"}}
        last = {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": TOOL_USE_ID, "content": content}],
        }
    params["messages"] = [*prefix.messages, last]
    return params


def _settings(spec: JobSpec) -> dict[str, Any]:
    """The parameters that are no text."""
    extra = dict(spec.params)
    effort = extra.pop("effort", None)
    output_config = {"format": {"type": "json_schema", "schema": spec.schema}}
    params: dict[str, Any] = {"model": spec.model, "max_tokens": spec.max_tokens}
    if spec.thinking is not None:
        params["thinking"] = spec.thinking
    params |= extra
    params["output_config"] = output_config if effort is None else {"effort": effort, **output_config}
    return params


def _referring(prompt: str) -> str:
    """The *prompt* with references to its values."""
    return "".join(literal + (reference(column) if column else "") for literal, column in parse_prompt(prompt))
