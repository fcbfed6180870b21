"""A request as it arrives: checked, measured, and split by what the prompt cache holds. The answer comes later."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from airflow_provider_claude.simulator.http_errors import InvalidRequestError
from airflow_provider_claude.simulator.model.chance import digest
from airflow_provider_claude.simulator.model.prompt_cache import Breakpoint, Split, block_breakpoints, split
from airflow_provider_claude.simulator.model.request_params import (
    Message,
    Params,
    Terms,
    check_params,
    size_of,
    text_of,
)
from airflow_provider_claude.simulator.model.shape import Shape, shape_of
from airflow_provider_claude.simulator.model.token_counts import tokens

#: Tokens every message adds to the prompt.
TURN_TOKENS = 4


class Prompt(NamedTuple):
    """A request that may be answered; *split* says how its tokens are charged, *marks* what it caches."""

    params: Params
    shape: Shape
    split: Split
    marks: tuple[Breakpoint, ...]

    @property
    def asked(self) -> str:
        """The text of the last message."""
        return text_of(self.params.messages[-1].content)

    @property
    def in_result(self) -> bool:
        """Whether that is a tool result."""
        content = self.params.messages[-1].content
        return not isinstance(content, str) and any(block.type == "tool_result" for block in content)

    @property
    def counted(self) -> int:
        """The tokens that draw on the input meter: all but cache reads."""
        return self.split.fresh + self.split.write_5m + self.split.write_1h

    def cached(self, started: float) -> dict[int, float]:
        """The prefixes that a request which *started* then writes or reads, and when they are gone, in simulated seconds."""
        least = self.shape.model.min_cacheable
        return {mark.prefix: started + mark.ttl for mark in self.marks if mark.tokens >= least}


def read_prompt(params: Params, terms: Terms, warm: Container[object] = ()) -> Prompt:
    """The prompt of a request, given the prefixes that are *warm* when it starts.

    Raises ApiError where the API refuses the request.
    """
    shape = shape_of(params)
    check_params(params, shape.model, terms)
    total, marks = measure(params, shape)
    if total > shape.model.context:
        raise InvalidRequestError(f"prompt is too long: {total} tokens > {shape.model.context} maximum")
    return Prompt(params, shape, split(total, marks, warm, shape.model.min_cacheable), marks)


def measure(params: Params, shape: Shape) -> tuple[int, tuple[Breakpoint, ...]]:
    """The prompt tokens of a request, and the places where its prefix may be cached."""
    total, prefix, marks = shape.prompt_tokens, shape.prefix, shape.breakpoints
    last = _last_marked(params.messages) if shape.top_ttl is None else len(params.messages)
    for number, message in enumerate(params.messages, start=1):
        if number <= last:
            marks += _marks_in(message, prefix, total)
            prefix = digest(prefix, message.role, text_of(message.content))
        total += TURN_TOKENS + tokens(size_of(message.content))
    if shape.top_ttl is not None:
        marks += (Breakpoint(prefix, total, shape.top_ttl),)
    return total, marks


def _last_marked(messages: Sequence[Message]) -> int:
    """The number of the last of *messages* with a breakpoint, counted from 1; 0 where none has one."""
    return max((number for number, one in enumerate(messages, start=1) if _is_marked(one)), default=0)


def _is_marked(message: Message) -> bool:
    return not isinstance(message.content, str) and any(bytes(block.cache_control) for block in message.content)


def _marks_in(message: Message, prefix: int, before: int) -> tuple[Breakpoint, ...]:
    if isinstance(message.content, str):
        return ()
    return block_breakpoints(message.content, digest(prefix, message.role), before)
