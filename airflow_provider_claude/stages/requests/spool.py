"""The requests of an attempt in a temporary file: of each what differs; what they have in common is in memory, once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

import numpy as np

from airflow_provider_claude.core.requests.request_bytes import (
    BODY_CLOSE,
    BODY_OPEN,
    ENTRY_BYTES,
    ENVELOPE_BYTES,
    Frame,
    custom_id,
    entry,
)

#: Bytes that are sent together.
_CHUNK = 1 << 20


class Spool:
    """Requests that are written once, and read as a body or one by one. *name* is the fingerprint in their custom ids.

    *sizes* are the bytes of the parameters of each, *limits* the `max_tokens`.
    """

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name = stream, name
        self._frames: list[Frame] = []
        self.sizes, self.limits = array("I"), array("I")

    def write(self, contents: Sequence[bytes], frames: Sequence[Frame], limits: Sequence[int]) -> None:
        self._stream.write(b"".join(contents))
        self._frames += frames
        self.sizes.extend(frame.bytes + len(content) for frame, content in zip(frames, contents, strict=True))
        self.limits.extend(limits)

    @property
    def count(self) -> int:
        return len(self._frames)

    @property
    def in_results(self) -> list[bool]:
        """Of each request, whether its items stand in a tool result."""
        return [frame.in_result for frame in self._frames]

    @property
    def body_bytes(self) -> int:
        """The bytes of a body of them all; between two entries is a comma, behind the last is none."""
        return ENVELOPE_BYTES + max(sum(self.sizes) + self.count * ENTRY_BYTES - 1, 0)

    def body(self) -> Iterator[bytes]:
        """The bytes of a batch with all requests, about a megabyte at a time."""
        self._stream.seek(0)
        parts, size = [BODY_OPEN], 0
        for number, frame in enumerate(self._frames):
            content = self._stream.read(self.sizes[number] - frame.bytes)
            parts += (b"," if number else b"", entry(custom_id(self._name, number), frame, content))
            size += self.sizes[number]
            if size >= _CHUNK:
                yield b"".join(parts)
                parts, size = [], 0
        yield b"".join((*parts, BODY_CLOSE))

    def params(self, numbers: Iterable[int]) -> Iterator[bytes]:
        """The parameters of the requests with these *numbers*."""
        stored = np.asarray(self.sizes, dtype="<i8") - np.array([frame.bytes for frame in self._frames], dtype="<i8")
        starts = np.cumsum(stored) - stored
        for number in numbers:
            self._stream.seek(starts[number])
            yield self._frames[number].params(self._stream.read(stored[number]))
