"""What the rows of a batch have in common, read once: model, system, tools, thinking, output format.

Every row of a batch usually carries the same bytes for all but its messages; `shape_of` is cached on those bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from airflow_provider_claude.simulator.http_errors import InvalidRequestError
from airflow_provider_claude.simulator.model.answer_maker import compile_schema
from airflow_provider_claude.simulator.model.catalogue import Model
from airflow_provider_claude.simulator.model.chance import digest
from airflow_provider_claude.simulator.model.prompt_cache import Breakpoint, block_breakpoints, ttl_of
from airflow_provider_claude.simulator.model.property_values import Maker
from airflow_provider_claude.simulator.model.request_params import (
    EFFORTS,
    Block,
    Effort,
    Params,
    resolve_model,
    text_of,
)
from airflow_provider_claude.simulator.model.token_counts import tokens, utf8_size

MAX_STRICT_TOOLS = 20


class Common(NamedTuple):
    """The raw bytes that make a shape."""

    model: str
    system: bytes
    tools: bytes
    tool_choice: bytes
    thinking: bytes
    output_config: bytes
    cache_control: bytes


class Shape(NamedTuple):
    """A read `Common`. *system*: its text.

    *prompt_tokens*: of everything but the messages; *top_ttl*: of a top-level `cache_control`.
    """

    model: Model
    effort: Effort
    thinks: bool
    answer: Maker | None
    tool: str | None
    prompt_tokens: int
    prefix: int
    breakpoints: tuple[Breakpoint, ...]
    top_ttl: int | None
    system: str = ""


def shape_of(params: Params) -> Shape:
    """The shape of *params*.

    Raises ApiError for what is wrong in the shared parts.
    """
    return _shape(
        Common(
            params.model,
            bytes(params.system),
            bytes(params.tools),
            bytes(params.tool_choice),
            bytes(params.thinking),
            bytes(params.output_config),
            bytes(params.cache_control),
        )
    )


@lru_cache(maxsize=256)
def _shape(common: Common) -> Shape:
    model = resolve_model(common.model)
    config = _read(common.output_config, "output_config", dict[str, Any]) or {}
    tools = _read(common.tools, "tools", list[dict[str, Any]]) or []
    effort = _effort(config)
    forced = _forced_tool(model, tools, _read(common.tool_choice, "tool_choice", dict[str, Any]) or {})
    answer, tool = _answer(config.get("format"), forced)
    system = _read(common.system, "system", str | list[Block]) or ""
    before = utf8_size(common.tools.decode())
    prefix = digest(model.id, repr(common._replace(system=b"", cache_control=b"")))
    hidden = model.hidden_tool_tokens[forced is not None] if tools else 0
    overhead = tokens(utf8_size(common.output_config.decode())) + hidden
    breakpoints = _tool_breakpoints(tools, prefix, tokens(before))
    if isinstance(system, list):
        breakpoints += block_breakpoints(system, prefix, tokens(before) + overhead)
    return Shape(
        model=model,
        effort=effort,
        thinks=_thinks(model, _read(common.thinking, "thinking", dict[str, Any]), effort, forced=forced is not None),
        answer=answer,
        tool=tool,
        prompt_tokens=tokens(before + utf8_size(text_of(system))) + overhead,
        prefix=digest(prefix, text_of(system)),
        breakpoints=breakpoints,
        top_ttl=ttl_of(common.cache_control),
        system=text_of(system),
    )


def _read(raw: bytes, name: str, kind: Any) -> Any:
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw, type=kind | None)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"{name}: {error}") from error


def _effort(config: dict[str, Any]) -> Effort:
    for effort in EFFORTS:
        if effort == (config.get("effort") or "medium"):
            return effort
    raise InvalidRequestError(f"output_config.effort: Input should be one of {', '.join(EFFORTS)}")


def _thinks(model: Model, thinking: dict[str, Any] | None, effort: Effort, *, forced: bool) -> bool:
    kind = (thinking or {}).get("type")
    if model.thinking == "extended":
        return kind == "enabled"
    if kind == "enabled":
        raise InvalidRequestError('thinking: type "enabled" is not supported for this model. Use "adaptive".')
    if kind == "disabled":
        if model.thinking == "always":
            raise InvalidRequestError('thinking: type "disabled" is not supported for this model.')
        if effort in {"xhigh", "max"}:
            raise InvalidRequestError(f'thinking: type "disabled" is not supported at effort "{effort}".')
        return False
    return not forced


def _forced_tool(model: Model, tools: list[dict[str, Any]], choice: dict[str, Any]) -> dict[str, Any] | None:
    _check_strict(tools)
    if choice.get("type") not in {"tool", "any"}:
        return None
    if not model.forced_tools:
        raise InvalidRequestError('tool_choice: type "tool" and "any" are not supported for this model.')
    wanted = [tool for tool in tools if choice["type"] == "any" or tool.get("name") == choice.get("name")]
    if not wanted:
        raise InvalidRequestError(f"tool_choice: Tool {choice.get('name')!r} not found in provided tools")
    return wanted[0]


def _check_strict(tools: list[dict[str, Any]]) -> None:
    strict = [tool for tool in tools if tool.get("strict")]
    if len(strict) > MAX_STRICT_TOOLS:
        raise InvalidRequestError("Schema is too complex for compilation.")
    for tool in strict:
        compile_schema(tool.get("input_schema"))


def _answer(form: dict[str, Any] | None, forced: dict[str, Any] | None) -> tuple[Maker | None, str | None]:
    if forced is not None:
        strict = bool(forced.get("strict"))
        return compile_schema(forced.get("input_schema"), strict=strict), str(forced.get("name"))
    if form is None:
        return None, None
    if form.get("type") != "json_schema":
        raise InvalidRequestError("output_config.format.type: Input should be 'json_schema'")
    if "schema" not in form:
        raise InvalidRequestError("output_config.format.schema: Field required")
    return compile_schema(form["schema"]), None


def _tool_breakpoints(tools: Iterable[dict[str, Any]], prefix: int, size: int) -> tuple[Breakpoint, ...]:
    marked = [tool for tool in tools if tool.get("cache_control")]
    if not marked:
        return ()
    return (Breakpoint(digest(prefix, "tools"), size, ttl_of(msgspec.json.encode(marked[-1]["cache_control"])) or 300),)
