"""How many of the items that are asked in the next round share a request.

never asked before            as many as the plan says
failed in a pack, few         alone
failed in a pack, many        half as many as before, if a round is left in which to ask alone
failed alone                  alone
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from airflow_provider_claude.core.settle.unresolved import Unresolved

#: From this many unresolved items of packs on, asking each of them alone would cost more than another pack.
MANY = 1_000


@dataclass(frozen=True, kw_only=True)
class Repack:
    """At most *items* items a request; those of *alone*, by ordinal, have one of their own."""

    items: int = 1
    alone: frozenset[int] = frozenset()


def repack(unresolved: Sequence[Unresolved], again: Collection[int], *, items: int, rounds: int) -> Repack:
    """How to ask the items *again*, some of *unresolved*, which may be asked *rounds* times more than once.

    *items*: as the plan says, 1 for no packs.
    """
    asked = [one for one in unresolved if one.ordinal in again]
    failed = [one for one in asked if one.tries and one.packed > 1]
    half = max((one.packed for one in failed), default=0) // 2
    halves = len(failed) > MANY and half > 1 and all(one.tries < rounds for one in failed)
    together = {one.ordinal for one in asked if not one.tries} if items > 1 else set()
    if halves:
        together |= {one.ordinal for one in failed}
    if not together:
        return Repack()
    return Repack(items=half if halves else items, alone=frozenset(again) - together)
