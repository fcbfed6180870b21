"""How a run's shards are divided between the lanes: the first rows go to the sync lane, exactly as many as it should take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LaneSplit(NamedTuple):
    """The first *whole* shards go to the sync lane, and *rows* rows of the next one."""

    whole: int
    rows: int


def lane_split(sizes: Sequence[int], sync_rows: int) -> LaneSplit:
    """Divide shards of *sizes* rows each between the lanes: the sync lane gets *sync_rows* in all."""
    left = sync_rows
    for whole, size in enumerate(sizes):
        if size > left:
            return LaneSplit(whole, left)
        left -= size
    return LaneSplit(len(sizes), 0)


def items_up_to(asked: NDArray[Any], rows: int) -> int:
    """How many items, from the first, hold *rows* of those that are *asked*, a bool an item; *rows* is 1 or more."""
    return int(np.searchsorted(np.cumsum(asked), rows)) + 1
