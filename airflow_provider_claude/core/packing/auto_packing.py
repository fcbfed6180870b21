"""What `pack="auto"` tries, to find out how many items may share a request; see `pack_verdict`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from airflow_provider_claude.core.packing.packing import MAX_ITEMS, PACK_TOKENS, Packing, pack_by_of, pack_tokens_of
from airflow_provider_claude.errors import JobError

#: The value of `pack` that leaves it to the plan.
AUTO = "auto"

#: Sizes of a sample that make sense: fewer rows decide nothing, more cost what they are to save.
LEAST_ROWS, MOST_ROWS = 20, 2_000


@dataclass(frozen=True, kw_only=True)
class AutoPacking:
    """What `pack="auto"` tries: packs of *sizes* with *rows* rows, and by which *margin* (0.01: one point) their agreement may
    be worse. What was found holds for *days*. *tokens* and *by* as in `Packing`.
    """

    sizes: tuple[int, ...] = (5, 10, 20)
    rows: int = 300
    margin: float = 0.01
    days: float = 28.0
    tokens: int = PACK_TOKENS
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.sizes or not all(2 <= size <= MAX_ITEMS for size in self.sizes):
            raise JobError(f"pack tries sizes {list(self.sizes)}: write numbers from 2 to {MAX_ITEMS}.")
        if not LEAST_ROWS <= self.rows <= MOST_ROWS:
            raise JobError(f"pack tries {self.rows} rows: write {LEAST_ROWS} to {MOST_ROWS:,}.")
        if not 0 < self.margin < 1:
            raise JobError(f"pack has the margin {self.margin}: write a share between 0 and 1, such as 0.01.")

    def packing(self, items: int) -> Packing | None:
        """How items share requests, at most *items* of them; None for 1."""
        return None if items == 1 else Packing(items=items, tokens=self.tokens, by=self.by)

    @property
    def largest(self) -> Packing:
        return Packing(items=max(self.sizes), tokens=self.tokens, by=self.by)


def auto_packing_of(pack: object, tokens: object, by: Sequence[str]) -> AutoPacking | None:
    """How packs are tried, where *pack* leaves it to the plan; None where it is a number. Raises JobError."""
    if isinstance(pack, AutoPacking):
        return replace(pack, tokens=pack_tokens_of(tokens), by=pack_by_of(by))
    return AutoPacking(tokens=pack_tokens_of(tokens), by=pack_by_of(by)) if pack == AUTO else None
