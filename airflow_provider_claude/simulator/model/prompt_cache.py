"""The prompt cache: what a prompt reads, what it writes, and for how long.

Exact prefixes only, markers apart; an entry lives from the *start* of the last request that wrote or read it, can be read once
the request that wrote it has answered, and stays within its workspace and its channel (a sync call warms nothing for batches).
A prefix below the model's minimum is not cached, and nothing says so. Whether hidden tokens count towards the minimum is not
documented: here they do.
Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from airflow_provider_claude.simulator.http_errors import InvalidRequestError
from airflow_provider_claude.simulator.model.chance import digest
from airflow_provider_claude.simulator.model.request_params import Block, block_size, text_of
from airflow_provider_claude.simulator.model.token_counts import tokens

MAX_BREAKPOINTS = 4
#: Entries kept for each workspace and channel; the oldest go first.
MAX_ENTRIES = 1000


class Breakpoint(NamedTuple):
    """A place up to which a prompt may be cached: the prefix up to it, its length, its lifetime in seconds."""

    prefix: int
    tokens: int
    ttl: int


class Split(NamedTuple):
    """How the prompt tokens are charged."""

    fresh: int
    read: int = 0
    write_5m: int = 0
    write_1h: int = 0


class _Control(Struct):
    type: str
    ttl: str = "5m"


def ttl_of(raw: bytes) -> int | None:
    """Seconds of a `cache_control`, None without one; raises InvalidRequestError for a bad one."""
    if not raw or raw == b"null":
        return None
    try:
        control = msgspec.json.decode(raw, type=_Control)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"cache_control: {error}") from error
    if control.type != "ephemeral" or control.ttl not in {"5m", "1h"}:
        raise InvalidRequestError("cache_control: Input should be ephemeral with ttl '5m' or '1h'")
    return 300 if control.ttl == "5m" else 3600


def block_breakpoints(blocks: Sequence[Block], prefix: int, before: int) -> tuple[Breakpoint, ...]:
    """The breakpoints among *blocks*, which follow a *prefix* of *before* tokens."""
    found = []
    size = 0
    last = max((number for number, block in enumerate(blocks, 1) if bytes(block.cache_control)), default=0)
    for block in blocks[:last]:
        prefix = digest(prefix, block.type, block.text or text_of(block.content), block.name, repr(bytes(block.input)))
        size += block_size(block)
        ttl = ttl_of(bytes(block.cache_control))
        if ttl is not None:
            found.append(Breakpoint(prefix, before + tokens(size), ttl))
    if len(found) > MAX_BREAKPOINTS:
        raise InvalidRequestError(f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided.")
    return tuple(found)


def split(total: int, marks: Iterable[Breakpoint], warm: Container[object], least: int) -> Split:
    """How *total* prompt tokens are charged, given *marks*, the *warm* prefixes and the model's minimum."""
    usable = [mark for mark in marks if mark.tokens >= least]
    if not usable:
        return Split(total)
    read = max((mark.tokens for mark in usable if mark.prefix in warm), default=0)
    last = max(usable, key=lambda mark: mark.tokens)
    written = max(0, last.tokens - read)
    short = last.ttl == 300
    return Split(total - read - written, read, written if short else 0, 0 if short else written)


class PromptCache:
    """Entries by workspace and channel: prefix → (readable from, gone at), in simulated seconds."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[int, tuple[float, float]]] = {}

    def warm(self, scope: str, at: float) -> dict[int, float]:
        """The prefixes that can be read at this time, and when they are gone."""
        entries = self._entries.get(scope, {})
        return {prefix: end for prefix, (start, end) in entries.items() if start <= at < end}

    def write(self, scope: str, used: Mapping[int, float], readable: float) -> None:
        """Record prefixes (→ when they are gone) that requests wrote or read. One that is new can be read from *readable* on."""
        entries = self._entries.setdefault(scope, {})
        for prefix, end in used.items():
            start, gone = entries.pop(prefix, (readable, 0.0))
            entries[prefix] = (start if gone >= readable else readable, max(end, gone))
        for prefix in list(entries)[:-MAX_ENTRIES]:
            del entries[prefix]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
