"""The time all workers see: real time and an offset, which lives in memory that forked processes share."""

from __future__ import annotations

import mmap
import struct
import time
from datetime import UTC, datetime

_OFFSET = struct.Struct("d")


class SharedClock:
    """Called, it is the `clock` of a stage. Made before any fork, it moves ahead for all of them at once."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _OFFSET.size)

    def __call__(self) -> str:
        return datetime.fromtimestamp(time.time() + self.offset, UTC).isoformat()

    @property
    def offset(self) -> float:
        """Seconds ahead of real time."""
        offset: float = _OFFSET.unpack_from(self._memory)[0]
        return offset

    def advance(self, seconds: float) -> None:
        _OFFSET.pack_into(self._memory, 0, self.offset + seconds)

    def reset(self) -> None:
        _OFFSET.pack_into(self._memory, 0, 0.0)
