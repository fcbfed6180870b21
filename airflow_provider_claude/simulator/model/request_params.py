"""The body of a Messages request: its shape, and the checks that need no schema.

In a batch these checks become errored rows; on `/v1/messages` they are a 400.
Source: https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct

from airflow_provider_claude.simulator.http_errors import InvalidRequestError, NotFoundError
from airflow_provider_claude.simulator.model.batch_frame import pydantic_style
from airflow_provider_claude.simulator.model.catalogue import LONG_OUTPUT, LONG_OUTPUT_BETA, Model, find_model
from airflow_provider_claude.simulator.model.token_counts import utf8_size

NEW_VERSION = "2026-10-21"
VERSIONS = ("2023-06-01", NEW_VERSION)
Channel = Literal["batch", "standard"]
Effort = Literal["low", "medium", "high", "xhigh", "max"]
EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")


class Block(Struct):
    """A content block; what is not text counts as no text."""

    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: Raw = Raw()
    tool_use_id: str = ""
    content: "str | list[Block]" = ""  # noqa: UP037 - it names itself
    cache_control: Raw = Raw()
    citations: list[Any] | None = None


class Message(Struct):
    """One turn."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class Params(Struct, forbid_unknown_fields=True):
    """All top-level keys of a Messages request. Parts that rows share stay raw and are read once, see `shape`."""

    model: str
    max_tokens: int
    messages: list[Message]
    system: Raw = Raw()
    tools: Raw = Raw()
    tool_choice: Raw = Raw()
    thinking: Raw = Raw()
    output_config: Raw = Raw()
    cache_control: Raw = Raw()
    metadata: Raw = Raw()
    stop_sequences: list[str] | None = None
    service_tier: str | None = None
    inference_geo: str | None = None
    container: Raw = Raw()
    diagnostics: Raw = Raw()
    context_management: Raw = Raw()
    stream: bool | None = None
    speed: Raw = Raw()
    fallbacks: Raw = Raw()
    betas: Raw = Raw()
    billing_policy: Raw = Raw()
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None


class Terms(NamedTuple):
    """What a request is judged by besides its own body."""

    channel: Channel
    version: str
    betas: tuple[str, ...] = ()


_decoder = msgspec.json.Decoder(Params)


def read_params(raw: bytes | Raw) -> Params:
    """Decode one request body.

    Raises InvalidRequestError in the words of the API.
    """
    try:
        return _decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(pydantic_style(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"The request body is not valid JSON: {error}") from error


def resolve_model(name: str) -> Model:
    """The model of this name.

    Raises NotFoundError for unknown and retired ones.
    """
    model = find_model(name)
    if model is None or model.lifecycle == "retired":
        raise NotFoundError(f"model: {name}")
    return model


def check_params(params: Params, model: Model, terms: Terms) -> None:
    """Everything but the schema and the shared parts.

    Raises ApiError.
    """
    _check_max_tokens(params.max_tokens, model, terms)
    _check_sampling(params, terms.version)
    if terms.channel == "batch":
        _check_batch_only(params)
    _check_messages(params.messages, model, terms.version)
    _check_tool_turns(params)


def _check_max_tokens(asked: int, model: Model, terms: Terms) -> None:
    least = 1 if terms.channel == "batch" else 0
    if asked < least:
        raise InvalidRequestError(f"max_tokens: must be greater than or equal to {least}")
    long = terms.channel == "batch" and model.long_output and LONG_OUTPUT_BETA in terms.betas
    cap = LONG_OUTPUT if long else model.max_output
    if asked > cap:
        text = f"max_tokens: {asked} > {cap}, which is the maximum allowed number of output tokens for {model.id}"
        raise InvalidRequestError(text)


def _check_sampling(params: Params, version: str) -> None:
    given = {"temperature": params.temperature, "top_p": params.top_p, "top_k": params.top_k}
    allowed = {} if version == NEW_VERSION else {"temperature": 1, "top_p": 0.99}
    for name, value in given.items():
        if value is not None and allowed.get(name) != value:
            raise InvalidRequestError(f"{name}: Extra inputs are not permitted")


def _check_batch_only(params: Params) -> None:
    if params.stream:
        raise InvalidRequestError('"stream=True" is not supported in the Message Batches API')
    for name in ("fallbacks", "speed"):
        if bytes(getattr(params, name)):
            raise InvalidRequestError(f"{name}: not supported in the Message Batches API")
    if bytes(params.betas):
        raise InvalidRequestError("betas: Extra inputs are not permitted")
    if b'"user_profile"' in bytes(params.billing_policy):
        raise InvalidRequestError("billing_policy: not supported in the Message Batches API")


def _check_messages(messages: list[Message], model: Model, version: str) -> None:
    if not messages:
        raise InvalidRequestError("messages: at least one message is required")
    if messages[-1].role == "assistant" and not model.prefill:
        raise InvalidRequestError(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    for index, message in enumerate(messages):
        if not message.content:
            raise InvalidRequestError(f"messages.{index}: all messages must have non-empty content")
        if version == NEW_VERSION and not isinstance(message.content, str):
            _check_blocks(index, message.role, message.content)


def _check_blocks(index: int, role: str, blocks: list[Block]) -> None:
    for number, block in enumerate(blocks):
        at = f"messages.{index}.content.{number}"
        if role == "assistant" and block.type == "document":
            raise InvalidRequestError(f"{at}: document blocks are not permitted in assistant messages")
        if role == "user" and block.type == "text" and block.citations:
            raise InvalidRequestError(f"{at}.citations: must be empty on user text blocks")


def _check_tool_turns(params: Params) -> None:
    """Each tool result answers a call of the turn before it, and what is called is defined."""
    called: set[str] = set()
    for index, message in enumerate(params.messages):
        blocks = [] if isinstance(message.content, str) else message.content
        for number, block in enumerate(blocks):
            if block.type == "tool_result" and block.tool_use_id not in called:
                raise InvalidRequestError(
                    f"messages.{index}.content.{number}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{block.tool_use_id}. Each `tool_result` block must have a corresponding `tool_use` block in the "
                    "previous message."
                )
        answered = {block.tool_use_id for block in blocks if block.type == "tool_result"}
        if missing := sorted(called - answered):
            raise InvalidRequestError(
                f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
                "message."
            )
        called = {block.id for block in blocks if block.type == "tool_use"}
        if called and not bytes(params.tools):
            raise InvalidRequestError("Requests which include `tool_use` or `tool_result` blocks must define tools")


def text_of(content: str | list[Block]) -> str:
    """The text of a turn, tool results included."""
    if isinstance(content, str):
        return content
    return "\n".join(block.text or text_of(block.content) for block in content)


def size_of(content: str | list[Block]) -> int:
    """The bytes of a turn that are counted as tokens: its text, and what its calls say."""
    return utf8_size(content) if isinstance(content, str) else sum(map(block_size, content))


def block_size(block: Block) -> int:
    """The bytes of a block that are counted as tokens."""
    said = len(block.name) + len(bytes(block.input)) if block.type == "tool_use" else 0
    return utf8_size(block.text or text_of(block.content)) + said


_LITERAL = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_VALUES = rf"{_LITERAL}|\{{(?:[^\"{{}}]|{_LITERAL})*\}}"
_BETWEEN_TAGS = re.compile(rf">\s*({_VALUES})\s*(?=<)", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,80}>")


def item_text(prompt: str) -> str:
    """The text a prompt is about: the JSON strings between its tags where there are any, else all but the tags.

    An object of strings between tags is the strings it holds.
    """
    values = _BETWEEN_TAGS.findall(prompt) if '"' in prompt else []
    if values:
        return "\n".join(text for value in values for text in _read(value))
    return _TAG.sub(" ", prompt) if "<" in prompt else prompt


def _read(value: str) -> list[str]:
    try:
        read = msgspec.json.decode(value.encode())
    except msgspec.DecodeError:
        return [value]
    return [text for text in (read.values() if isinstance(read, dict) else [read]) if isinstance(text, str)]
