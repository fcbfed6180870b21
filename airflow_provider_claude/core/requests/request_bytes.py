r"""Columns of items become request bytes: the constant JSON is encoded once, only a row's own text is escaped.

A value is a JSON string literal with `<` written `\u003c`, which can close neither its quotes nor a tag around it, between
tags whose id, a hash of the row and a key of the job, no author of a row can know:

    <untrusted id="9f3a1c2e55d0b716">"…"</untrusted id="9f3a1c2e55d0b716">

In the placement `tool_result` these tags hold an object of all values, in `user` each value where the prompt has it.
"""

from __future__ import annotations

from binascii import b2a_hex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import repeat
from typing import Any, Self, TypeVar

import msgspec
import pyarrow as pa

from airflow_provider_claude.job import JobSpec
from airflow_provider_claude.job.template import Piece, parse_prompt
from airflow_provider_claude.job.untrusted import TOOL, TOOL_USE_ID, TOOLS, Placement, full_system, reference

_T = TypeVar("_T")

BODY_OPEN, BODY_CLOSE = b'{"requests":[', b"]}"
ENVELOPE_BYTES = len(BODY_OPEN) + len(BODY_CLOSE)

#: Characters of the shard's fingerprint that its custom ids carry.
FINGERPRINT_CHARS = 24

#: Batches take longer than the five minutes that a cache lasts otherwise.
_CACHE = {"type": "ephemeral", "ttl": "1h"}

#: Stands for the nonce among the columns: no column of a prompt has an empty name.
_NONCE = ""
_NONCE_BYTES = 8
_TAG_OPEN, _TAG_OPENED, _TAG_CLOSE, _TAG_CLOSED = '<untrusted id="', '">', '</untrusted id="', '">'

_encode = msgspec.json.Encoder().encode

#: Stands in the parameters for what differs between requests, until they are cut there.
CONTENT_MARK = "\x00content\x00"
_ENTRY_OPEN, _ENTRY_PARAMS, _ENTRY_CLOSE = b'{"custom_id":"', b'","params":', b"}"
_ID_CHARS = FINGERPRINT_CHARS + 1 + 6

#: What a batch puts around the parameters of one request, the comma included.
ENTRY_BYTES = len(_ENTRY_OPEN) + _ID_CHARS + len(_ENTRY_PARAMS) + len(_ENTRY_CLOSE) + 1


def request_params(spec: JobSpec, content: Any, *, task: str = "") -> dict[str, Any]:
    """The Messages API parameters of one request of the job *spec*.

    *content* is what differs between requests. *task* is said about all of it.
    """
    extra = dict(spec.params)
    effort = extra.pop("effort", None)
    output_config = {"format": {"type": "json_schema", "schema": spec.schema}}
    params: dict[str, Any] = {"model": spec.model, "max_tokens": spec.max_tokens}
    if spec.thinking is not None:
        params["thinking"] = spec.thinking
    params |= extra
    params["output_config"] = output_config if effort is None else {"effort": effort, **output_config}
    system = full_system(spec.placement, spec.system, spec.secret_key)
    params["system"] = [{"type": "text", "text": system, "cache_control": _CACHE}] if spec.cache else system
    if spec.placement == "tool_result":
        params |= {"tools": TOOLS, "tool_choice": {"type": "none"}}
        params["messages"] = _as_result(_referring(spec.prompt) + (f"\n\n{task}" if task else ""), content)
    else:
        params["messages"] = [{"role": "user", "content": content + task}]
    return params


def _as_result(asked: str, content: Any) -> list[dict[str, Any]]:
    """The messages of a request whose tool has been called and returned *content*."""
    return [
        {"role": "user", "content": asked},
        {"role": "assistant", "content": [{"type": "tool_use", "id": TOOL_USE_ID, "name": TOOL, "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": TOOL_USE_ID, "content": content}]},
    ]


def _referring(prompt: str) -> str:
    """The *prompt* with references to its values."""
    return "".join(literal + (reference(column) if column else "") for literal, column in parse_prompt(prompt))


class Frame:
    """What the parameters of all requests of a job have around what differs: the content of each."""

    def __init__(self, head: bytes, tail: bytes) -> None:
        self.head, self.tail = head, tail
        self.bytes = len(head) + len(tail)
        self._begun = sha256(head)

    @classmethod
    def of(cls, spec: JobSpec) -> Self:
        return cls(*_encode(request_params(spec, CONTENT_MARK)).split(_inner(CONTENT_MARK)))

    def params(self, content: bytes) -> bytes:
        """The parameters of a request, as the bytes that go on the wire."""
        return b"".join((self.head, content, self.tail))

    def digest(self, content: bytes) -> bytes:
        """The SHA-256 of these parameters: the head, more than half of them, is hashed once for all requests."""
        found = self._begun.copy()
        found.update(content)
        found.update(self.tail)
        return found.digest()


class RequestEncoder:
    """Encodes the requests of one job. Stateless after construction; about 5 µs a row of 1.2 kB."""

    def __init__(self, spec: JobSpec) -> None:
        pieces = parse_prompt(spec.prompt)
        self.columns = tuple(dict.fromkeys(column for _, column in pieces if column))
        self.frame = Frame.of(spec)
        self._key = spec.secret_key
        placed = _placed(pieces, self.columns, spec.placement)
        self._between, self._order = _splice(placed, (*self.columns, _NONCE))

    def params(self, values: Mapping[str, Sequence[str | None]]) -> Iterator[bytes]:
        """The parameters of each row, as the bytes that go on the wire. *values*: one sequence a column."""
        return map(self.frame.params, self.contents(values))

    def contents(self, values: Mapping[str, Sequence[str | None]]) -> Iterator[bytes]:
        """What differs in the parameters of each row: its message, as the inside of a JSON string."""
        encoded = [[_literal(text) for text in values[name]] for name in self.columns]
        encoded.append(_nonces(self._key, encoded))
        first, *others = [encoded[i] for i in self._order]
        parts: list[Iterable[bytes]] = [repeat(self._between[0], len(first)), first]
        for literal, column in zip(self._between[1:-1], others, strict=True):
            parts += [repeat(literal, len(first)), column]
        parts.append(repeat(self._between[-1], len(first)))
        return map(b"".join, zip(*parts, strict=True))

    def of_batch(self, batch: pa.RecordBatch) -> Iterator[bytes]:
        """The content of each row of *batch*, which has the columns of the prompt."""
        return self.contents({name: batch.column(name).to_pylist() for name in self.columns})

    def row_bytes(self, content: bytes) -> int:
        """What one row adds to a body: its parameters, custom id, and a comma."""
        return self.frame.bytes + len(content) + ENTRY_BYTES


def _splice(pieces: Sequence[Piece], columns: Sequence[str]) -> tuple[list[bytes], list[int]]:
    """The literal bytes around the values (one more than there are values), and each value's column."""
    between, order = [b""], []
    for literal, column in pieces:
        between[-1] += _inner(literal)
        if column is not None:
            order.append(columns.index(column))
            between.append(b"")
    return between, order


def _placed(pieces: Sequence[Piece], columns: Sequence[str], placement: Placement) -> Sequence[Piece]:
    """The text of a request that differs from row to row, its values between tags that hold the nonce."""
    if placement == "tool_result":
        fields = [(f"{', ' if n else ''}{_encode(name).decode()}: ", name) for n, name in enumerate(columns)]
        return [
            (_TAG_OPEN, _NONCE),
            (_TAG_OPENED + "{", None),
            *fields,
            ("}" + _TAG_CLOSE, _NONCE),
            (_TAG_CLOSED, None),
        ]
    placed: list[Piece] = []
    for literal, column in pieces:
        placed.append((literal, None))
        if column is not None:
            placed += [(_TAG_OPEN, _NONCE), (_TAG_OPENED, column), (_TAG_CLOSE, _NONCE), (_TAG_CLOSED, None)]
    return placed


def _nonces(key: bytes, columns: Sequence[Sequence[bytes]]) -> list[bytes]:
    """The id of each row's tags: a text that holds its own hash cannot be found."""
    join, prefix = b"\0".join, (key,)
    return [b2a_hex(sha256(join(prefix + row)).digest()[:_NONCE_BYTES]) for row in zip(*columns, strict=True)]


def _inner(text: str) -> bytes:
    """*text* as the inside of a JSON string."""
    return _encode(text)[1:-1]


def _literal(text: str | None) -> bytes:
    """*text* as a JSON string literal that cannot hold a tag, as the inside of a JSON string."""
    if text is None:
        return b"null"
    literal = _encode(text).replace(b"<", b"\\u003c")
    return literal.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def id_start(fingerprint: str) -> str:
    """What the custom ids of the shard with *fingerprint* have in common."""
    return f"{fingerprint[:FINGERPRINT_CHARS]}-"


def custom_id(fingerprint: str, index: int) -> str:
    """The custom id of row *index* (from 0) of the shard with *fingerprint*: `^[a-zA-Z0-9_-]{1,64}$`."""
    return f"{id_start(fingerprint)}{index:06d}"


def index_of(custom_id: str, start: str, rows: int) -> int | None:
    """The row a custom id stands for; None for one of another shard than that whose ids have *start* in common."""
    number = custom_id.removeprefix(start)
    if len(number) != 6 or len(custom_id) == 6 or not (number.isascii() and number.isdecimal()):
        return None
    index = int(number)
    return index if index < rows else None


class Named:
    """Which requests of the attempt with *fingerprint* its results have named: a byte each in `seen`."""

    def __init__(self, fingerprint: str, requests: int) -> None:
        self.seen = bytearray(requests)
        self._start = id_start(fingerprint)

    def add(self, custom_id: str) -> bool | None:
        """Whether *custom_id* names a request for the first time; None where it is none of the attempt's."""
        index = self.index(custom_id)
        if index is None:
            return None
        first = not self.seen[index]
        self.seen[index] = True
        return first

    def index(self, custom_id: str) -> int | None:
        """The request that *custom_id* names; None where it is none of the attempt's."""
        return index_of(custom_id, self._start, len(self.seen))

    def first(self, results: Iterable[tuple[str, _T]]) -> Iterator[tuple[int, _T]]:
        """The first of *results*, each with its custom id, of every request, with the number of the request."""
        for custom_id, result in results:
            index = self.index(custom_id)
            if index is not None and not self.seen[index]:
                self.seen[index] = True
                yield index, result


def entry(custom_id: str, frame: Frame, content: bytes) -> bytes:
    """One element of a batch's `requests`."""
    params = frame.head, content, frame.tail
    return b"".join((_ENTRY_OPEN, custom_id.encode(), _ENTRY_PARAMS, *params, _ENTRY_CLOSE))
