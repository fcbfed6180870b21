"""What a probe asks: the same items several times, each time in another order, alone or in packs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Asking:
    """One shard of a probe: items of the run, by their ordinals in the *order* in which they are asked, at most *pack* of them
    a request.
    """

    order: Sequence[int]
    pack: int = 1


def shuffled(ordinals: Sequence[int], seed: str) -> list[int]:
    """*ordinals* in an order drawn by *seed*, which is not theirs."""
    order = random.Random(seed).sample(ordinals, len(ordinals))  # noqa: S311 - no secret
    return order if order != list(ordinals) else order[::-1]
