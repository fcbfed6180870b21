"""What the night cost, and what the same tokens would have cost at the synchronous rate. Money in USD, exact."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from airflow_provider_claude.core.cost.cache_use import CacheUse
from airflow_provider_claude.core.cost.estimate import usd
from airflow_provider_claude.core.cost.prices import SYNC_OVER_BATCH


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What the record of spending says beside the rows of the table; see the fields of `Costs`."""

    replaced: Decimal = Decimal(0)
    this_run: Decimal = Decimal(0)
    unsure: Decimal = Decimal(0)
    unsure_requests: int = 0
    missing: Decimal = Decimal(0)
    missing_requests: int = 0
    probes: Decimal = Decimal(0)


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """The costs that a log names; see `Costs`."""

    actual: Decimal
    this_run: Decimal = Decimal(0)
    unsure: Decimal = Decimal(0)
    unsure_requests: int = 0
    missing: Decimal = Decimal(0)
    missing_requests: int = 0
    cache: list[CacheUse] = []

    def sentence(self) -> str:
        """The costs in one sentence, for a log."""
        said = f"Paid: {usd(self.actual)}"
        if self.this_run != self.actual:
            said += f" for this day so far, {usd(self.this_run)} of it by this run"
        if self.unsure_requests:
            said += f"; up to {usd(self.unsure)} more may have been paid for {self.unsure_requests:,} requests without an answer"
        return f"{said}.{self._missing_sentence()}"

    def _missing_sentence(self) -> str:
        if not self.missing_requests:
            return ""
        return (
            f" About {usd(self.missing)} of it, an estimate, was paid for {self.missing_requests:,} answers that their batches "
            "count and their results do not hold."
        )


class Costs(Paid, frozen=True, kw_only=True):
    """What all runs of this day, or other partition, have cost together.

    `actual` = `batch` + `sync` + `failed` + `retried` + `replaced` + `missing` + `probes` is paid; `at_sync_rate` − `actual` =
    `saved`.
    All of it is known to the last digit but `missing`, an estimate: batches say that they answered `missing_requests` whose
    answers their results do not hold.
    `failed` was paid for rows without an answer, `retried` for tries that a later round replaced, `replaced` for requests
    that this table takes nothing from any more: an earlier plan of the day sent them; `probes` for questions that only measure.
    These count the same on both sides, so
    savings are never overstated. `this_run` is the part of `actual` that was sent since the plan of this report was made.

    Up to `unsure` more may have been paid, for `unsure_requests` whose answers never came, those that are missing among them;
    see stages.cost.spent.

    `tokens` are those of the answered rows, by kind. `estimated` is the
    plan's sum, None if it had none. `cache` says what the prompt cache did to the requests that had cache markers.
    """

    batch: Decimal
    sync: Decimal
    failed: Decimal
    retried: Decimal
    at_sync_rate: Decimal
    saved: Decimal
    estimated: Decimal | None
    tokens: dict[str, int]
    replaced: Decimal = Decimal(0)
    probes: Decimal = Decimal(0)

    @property
    def cache_saved(self) -> Decimal:
        """What would have been paid more without a cache; less than nothing where writing it cost more than reading it saved."""
        return sum((Decimal(one.saved_usd) for one in self.cache), Decimal(0))

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
        cache: list[CacheUse] | None = None,
        spent: Spent | None = None,
    ) -> Costs:
        """*spent*: what the record of spending says of the day; None where nothing else was spent."""
        spent = spent or Spent(this_run=batch + sync + failed + retried)
        actual = batch + sync + failed + retried + spent.replaced + spent.missing + spent.probes
        at_sync_rate = actual + (SYNC_OVER_BATCH - 1) * batch
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
            cache=cache or [],
            replaced=spent.replaced,
            probes=spent.probes,
            this_run=spent.this_run,
            unsure=spent.unsure,
            unsure_requests=spent.unsure_requests,
            missing=spent.missing,
            missing_requests=spent.missing_requests,
        )
