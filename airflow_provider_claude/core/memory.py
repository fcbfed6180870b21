"""What working on many rows does to the memory and the garbage collector of its process.

Arrow's own allocator keeps what it once had: with the system's, create and load of 100,000 rows peak 20 MB lower, in the same
time (`make bench`), and a scan 30 MB. Arrow chooses as it is imported, for all that its C++ side makes by itself, so `stages` and
`sources` say so before that; where a user's module has imported Arrow earlier, this sets the allocator of what Python asks for.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: So many times rarer are collections while rows are worked on, and the full ones among them.
_RARER = 10


class _Inside:
    """How many blocks are being worked in, by all threads, and what to put back when the last ends."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks = 0
        self.before: tuple[Any, tuple[int, int, int]] | None = None


_inside = _Inside()


@contextmanager
def many_rows() -> Iterator[None]:
    """A block, or a decorated function, whose Arrow buffers come from the system's allocator (buffers know theirs, so that those
    made before and after are not touched), and in which full garbage collections are rare: with the Claude SDK imported each
    takes a tenth of a second, and rows make no cycles. Blocks may lie in each other, and several threads may be in one.
    """
    import pyarrow as pa

    with _inside.lock:
        if not _inside.blocks:
            thresholds = gc.get_threshold()
            _inside.before = pa.default_memory_pool(), thresholds
            pa.set_memory_pool(pa.system_memory_pool())
            gc.set_threshold(thresholds[0] * _RARER, thresholds[1], thresholds[2] * _RARER)
        _inside.blocks += 1
    try:
        yield
    finally:
        with _inside.lock:
            _inside.blocks -= 1
            if not _inside.blocks and _inside.before is not None:
                pool, thresholds = _inside.before
                gc.set_threshold(*thresholds)
                pa.set_memory_pool(pool)
