"""What the night cost, and what the same tokens would have cost at the synchronous rate. Money in USD, exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

#: The Message Batches API costs half of every token price
#: (https://platform.claude.com/docs/en/build-with-claude/batch-processing).
SYNC_OVER_BATCH = 2


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """`actual` = `batch` + `sync` + `failed` + `retried`; `at_sync_rate` − `actual` = `saved`.

    `failed` was paid for rows without an answer, `retried` for tries that a later round replaced. Both count the same on
    both sides, so savings are never overstated. `tokens` are those of the answered rows, by kind. `estimated` is the
    plan's sum, None if it had none. `cache_saved` is what the answered rows would have cost more without a cache; less than
    nothing where it was written more often than it paid.
    """

    batch: Decimal
    sync: Decimal
    failed: Decimal
    retried: Decimal
    actual: Decimal
    at_sync_rate: Decimal
    saved: Decimal
    estimated: Decimal | None
    tokens: dict[str, int]
    cache_saved: Decimal = Decimal(0)

    @classmethod
    def of(
        cls,
        *,
        batch: Decimal,
        sync: Decimal,
        failed: Decimal,
        retried: Decimal = Decimal(0),
        estimated: Decimal | None,
        tokens: dict[str, int],
        cache_saved: Decimal = Decimal(0),
    ) -> Costs:
        actual = batch + sync + failed + retried
        at_sync_rate = SYNC_OVER_BATCH * batch + sync + failed + retried
        return cls(
            batch=batch,
            sync=sync,
            failed=failed,
            retried=retried,
            actual=actual,
            at_sync_rate=at_sync_rate,
            saved=at_sync_rate - actual,
            estimated=estimated,
            tokens=tokens,
            cache_saved=cache_saved,
        )

    @property
    def saved_share(self) -> float:
        return float(self.saved / self.at_sync_rate) if self.at_sync_rate else 0.0


def planned_cost(estimate: dict[str, Any], lane: str) -> Decimal | None:
    """The plan's estimate for *lane*, None where it has none."""
    cost = estimate.get("lanes", {}).get(lane, {}).get("cost_usd")
    return None if cost is None else Decimal(cost)
