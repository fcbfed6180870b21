"""The requests of an attempt in a temporary file: of each what differs; what they have in common is in memory, once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import add
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from airflow_provider_claude.core.requests.request_bytes import (
    BODY_CLOSE,
    BODY_OPEN,
    ENTRY_BYTES,
    ENVELOPE_BYTES,
    Frame,
    entries,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Bytes that are sent together: twice as fast as a megabyte, which is new memory each time.
_CHUNK = 1 << 18


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
        self.sizes.extend(map(add, [frame.bytes for frame in frames], map(len, contents)))
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
        """The bytes of a batch with all requests, a piece at a time."""
        self._stream.seek(0)
        ends = self._ends()
        for first, stop in pairwise(self._cuts()):
            yield entries(self._name, first, self._frames[first:stop], self._read(ends[first : stop + 1]))
        yield BODY_CLOSE if self.count else BODY_OPEN + BODY_CLOSE

    def _cuts(self) -> list[int]:
        """The numbers of the first request of each piece, and how many there are."""
        pieces = np.cumsum(np.asarray(self.sizes, dtype="<i8")) // _CHUNK
        return [*np.unique(pieces, return_index=True)[1].tolist(), self.count]

    def _read(self, ends: NDArray[Any]) -> Iterator[bytes]:
        """The next contents, which end at *ends*; before the first of them, the one before has ended."""
        begin = int(ends[0])
        data = self._stream.read(int(ends[-1]) - begin)
        return (data[start:stop] for start, stop in pairwise((ends - begin).tolist()))

    def _ends(self) -> NDArray[Any]:
        """Where the content of each request ends in the stream; before the first stands a 0."""
        stored = np.asarray(self.sizes, dtype="<i8") - np.array([frame.bytes for frame in self._frames], dtype="<i8")
        return np.concatenate(([0], np.cumsum(stored)))

    def params(self, numbers: Iterable[int]) -> Iterator[bytes]:
        """The parameters of the requests with these *numbers*."""
        ends = self._ends()
        for number in numbers:
            self._stream.seek(ends[number])
            yield self._frames[number].params(self._stream.read(ends[number + 1] - ends[number]))
