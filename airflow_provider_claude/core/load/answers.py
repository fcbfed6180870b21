"""A line of a batch's results becomes a judgement: a valid answer with its usage, or an unresolved row with its reason.

Lines are decoded into typed structs, ten times as fast as into the SDK's objects; other fields are
skipped. A line that is not such a result matches no row: it is counted, and its row is reported as missing.

None of the structs can be part of a cycle, so the garbage collector need not walk thousands of them (`gc=False`).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from airflow_provider_claude.core.cost.prices import Usage
from airflow_provider_claude.core.load.validate import InvalidAnswerError, Validator
from airflow_provider_claude.core.outcomes import Outcome, of_message, of_result

#: A count that fits its column. A line with any other is not a result: it must not break the load of its shard.
Tokens = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class _CacheCreation(msgspec.Struct, gc=False):
    ephemeral_5m_input_tokens: Tokens = 0
    ephemeral_1h_input_tokens: Tokens = 0


class _Usage(msgspec.Struct, gc=False):
    input_tokens: Tokens = 0
    output_tokens: Tokens = 0
    cache_read_input_tokens: Tokens | None = 0
    cache_creation_input_tokens: Tokens | None = 0
    cache_creation: _CacheCreation | None = None

    def plain(self) -> Usage:
        if not self.cache_read_input_tokens and not self.cache_creation_input_tokens:
            return Usage(input=self.input_tokens, output=self.output_tokens)
        written = self.cache_creation_input_tokens or 0
        hour = self.cache_creation.ephemeral_1h_input_tokens if self.cache_creation else 0
        return Usage(
            input=self.input_tokens,
            output=self.output_tokens,
            cache_read=self.cache_read_input_tokens or 0,
            cache_write_5m=max(written - hour, 0),
            cache_write_1h=hour,
        )


class _Block(msgspec.Struct, gc=False):
    type: str
    text: str | None = None


class _Message(msgspec.Struct, gc=False):
    id: str
    model: str
    content: list[_Block]
    usage: _Usage
    stop_reason: str | None = None


class _ErrorBody(msgspec.Struct, gc=False):
    type: str = "unknown"
    message: str = ""


class _ErrorEnvelope(msgspec.Struct, gc=False):
    error: _ErrorBody = msgspec.field(default_factory=_ErrorBody)


class _Result(msgspec.Struct, gc=False):
    type: str
    message: _Message | None = None
    error: _ErrorEnvelope | None = None


class _Line(msgspec.Struct, gc=False):
    custom_id: str
    result: _Result


class _Kind(msgspec.Struct, gc=False):
    type: str


class _Head(msgspec.Struct, gc=False):
    custom_id: str
    result: _Kind


_decode_message = msgspec.json.Decoder(_Message).decode
_decode = msgspec.json.Decoder(_Line).decode
_decode_head = msgspec.json.Decoder(_Head).decode

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Judged(msgspec.Struct, frozen=True, gc=False):
    """One result: *answer* where the outcome is `succeeded`, else *reason* and the model's raw *text*, if any.

    *message_id* is set where there was a message, and so a bill; *error_type* where the API named an error. Where *of*
    items shared the request, *usage* is that of all of them, *index* is its position from 0, and *said* says whether the
    model said anything. *cleaned* is set where free text of the answer was cleaned.
    """

    custom_id: str
    outcome: Outcome
    usage: Usage
    message_id: str = ""
    model: str = ""
    stop_reason: str | None = None
    answer: dict[str, Any] | None = None
    reason: str = ""
    text: str | None = None
    error_type: str | None = None
    said: bool = False
    index: int = 0
    of: int = 1
    cleaned: bool = False


_NOTHING = Usage()
_SUCCEEDED = Outcome.SUCCEEDED


def read_head(line: bytes) -> tuple[str, str]:
    """Custom id and type of the result in *line* of a results file; empty if it is not a result."""
    try:
        head = _decode_head(line)
    except _UNREADABLE:
        return "", ""
    return head.custom_id, head.result.type


def read_usage(message: bytes) -> Usage | None:
    """What the message with the bytes *message* used; None if it is not a message of the API."""
    try:
        return _decode_message(message).usage.plain()
    except _UNREADABLE:
        return None


def judge(line: bytes, validate: Validator) -> Judged | None:
    """What *line* of a results file says; None if it is not a result."""
    try:
        decoded = _decode(line)
    except _UNREADABLE:
        return None
    result = decoded.result
    if result.type == "succeeded" and result.message is not None:
        return _judge_message(decoded.custom_id, result.message, validate)
    error_type = result.error.error.type if result.type == "errored" and result.error is not None else None
    return Judged(decoded.custom_id, of_result(result.type), _NOTHING, reason=_reason(result), error_type=error_type)


def _judge_message(custom_id: str, message: _Message, validate: Validator) -> Judged:
    outcome, text = of_message(message.stop_reason), _text(message.content)
    answer, reason = None, ""
    if outcome is not _SUCCEEDED:
        reason = f"stop_reason {message.stop_reason}"
    else:
        try:
            answer = validate(text)
        except InvalidAnswerError as error:
            outcome, reason = Outcome.INVALID, str(error)
    return Judged(
        custom_id,
        outcome,
        message.usage.plain(),
        message.id,
        message.model,
        message.stop_reason,
        answer,
        reason,
        text if answer is None else None,
    )


def _reason(result: _Result) -> str:
    if result.type == "errored" and result.error is not None:
        return f"{result.error.error.type}: {result.error.error.message}"[:500]
    if result.type in {"expired", "canceled"}:
        return f"the request was {result.type} before it was processed"
    return f"a result of type {result.type!r} without a message"


def _text(content: list[_Block]) -> str:
    if len(content) == 1 and content[0].type == "text":
        return content[0].text or ""
    return "".join([block.text for block in content if block.type == "text" and block.text])
