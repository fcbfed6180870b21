"""Copies the results of a batch as they come, and counts what they name: which of our requests, and how many others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec
import pyarrow as pa

from airflow_provider_claude.core.load.answers import read_head
from airflow_provider_claude.core.load.reread_results import Read
from airflow_provider_claude.core.requests.request_bytes import id_start, index_of
from airflow_provider_claude.store import IntentRecord
from airflow_provider_claude.store.results import MAX_LINE

#: The most bytes that the results of one request have on average: an answer of 64,000 tokens.
EACH_BYTES = 256 << 10

#: Bytes that results may have beyond that.
MORE_BYTES = 64 << 20

#: At most so many custom ids that are not ours are counted: a batch has no more requests.
_MOST_NAMES = 100_000


def copy_results(chunks: Iterable[bytes], out: pa.NativeFile, intent: IntentRecord) -> Read:
    """Copy the lines of *chunks* to *out*, and return what they name. Memory is bounded by a chunk, a line and the names."""
    names = _Names(id_start(intent.fingerprint), bytearray(intent.requests))
    last, room = b"", _Room(MORE_BYTES + intent.requests * EACH_BYTES)
    for lines, ended in _lines(room.first(chunks)):
        if lines:
            out.write(b"\n".join(lines) + b"\n")
            last = b"" if ended else lines[-1]
        names.add(lines)
    return Read(
        ours=names.ours,
        named=names.ours + len(names.others),
        torn=bool(last.strip()) and not _is_json(last),
        stopped=room.left < 0,
    )


@dataclass
class _Room:
    """How many bytes may still be read: *left*."""

    left: int

    def first(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks for which there is room. A stream may have no end."""
        for chunk in chunks:
            self.left -= len(chunk)
            if self.left < 0:
                return
            yield chunk


@dataclass
class _Names:
    """The different custom ids of a file: *seen* marks the requests that are ours, whose ids begin with *start*."""

    start: str
    seen: bytearray
    ours: int = 0
    others: set[int] = field(default_factory=set)

    def add(self, lines: Iterable[bytes]) -> None:
        start, seen = self.start, self.seen
        asked = len(seen)
        for name, _ in map(read_head, lines):
            row = index_of(name, start, asked)
            if row is not None:
                self.ours += not seen[row]
                seen[row] = True
            elif name and len(self.others) < _MOST_NAMES:
                self.others.add(hash(name))


def _lines(chunks: Iterable[bytes]) -> Iterator[tuple[list[bytes], bool]]:
    """Lines, many at a time, and whether they end with a newline: the last one may not. A line that is too long is left out."""
    rest, skipping = bytearray(), False
    for chunk in chunks:
        head, newline, tail = chunk.rpartition(b"\n")
        if not newline:
            rest += b"" if skipping else tail
        else:
            lines = (bytes(rest) + head).split(b"\n")
            yield [line for line in lines[skipping:] if line.strip()], True
            rest, skipping = bytearray(tail), False
        if len(rest) > MAX_LINE:
            rest, skipping = bytearray(), True
    if rest.strip():
        yield [bytes(rest)], False


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True
