"""What many requests used, in columns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from airflow_provider_claude.core.cost.cache_use import CacheUse
from airflow_provider_claude.core.cost.prices import Price, Usage, to_usd

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Usages:
    """The fields of `Usage`, each a column of 64-bit numbers."""

    input: NDArray[Any]
    output: NDArray[Any]
    cache_read: NDArray[Any]
    cache_write_5m: NDArray[Any]
    cache_write_1h: NDArray[Any]

    @classmethod
    def of(cls, usages: Collection[Usage]) -> Self:
        return cls(*(np.fromiter(map(get, usages), "<i8", len(usages)) for get in _GETTERS))

    @classmethod
    def none(cls, rows: int) -> Self:
        """Rows that used nothing."""
        return cls(*(np.zeros(rows, dtype="<i8") for _ in _GETTERS))

    @property
    def cache_write(self) -> NDArray[Any]:
        written: NDArray[Any] = self.cache_write_5m + self.cache_write_1h
        return written

    @property
    def prompt(self) -> NDArray[Any]:
        tokens: NDArray[Any] = self.input + self.cache_read + self.cache_write
        return tokens

    def only(self, chosen: NDArray[Any]) -> Usages:
        return Usages(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def shared(self, indexes: NDArray[Any], of: NDArray[Any]) -> Usages:
        """What is each row's own, where *of* rows have used it together and this is number *indexes* among them."""
        return Usages(*(share(getattr(self, field.name), indexes, of) for field in fields(self)))

    def picodollars(self, price: Price, *, lane: str) -> NDArray[Any]:
        """The exact cost of each request."""
        *lower, last = price.tiers
        costs: NDArray[Any] = last.picodollars(self, lane=lane)
        for tier in reversed(lower):
            costs = np.where(self.prompt <= tier.up_to, tier.picodollars(self, lane=lane), costs)
        return costs


def use_of(usages: Usages, price: Price, like: CacheUse) -> CacheUse:
    """What the cache did to requests of *usages*, in the lane and with the ttl of *like*."""
    none = np.zeros_like(usages.prompt)
    uncached = Usages(usages.prompt, usages.output, none, none, none)
    saved = uncached.picodollars(price, lane=like.lane) - usages.picodollars(price, lane=like.lane)
    return CacheUse(
        lane=like.lane,
        ttl=like.ttl,
        requests=len(none),
        hits=int((usages.cache_read > 0).sum()),
        writes=int((usages.cache_write > 0).sum()),
        read=int(usages.cache_read.sum()),
        written=int(usages.cache_write.sum()),
        saved_usd=f"{to_usd(sum(saved.tolist())):f}",
    )


def share(whole: NDArray[Any], indexes: NDArray[Any], of: NDArray[Any]) -> NDArray[Any]:
    """The part of row *indexes* (from 0) in each *whole* that *of* rows share: whole numbers, the first ones get the rest."""
    part: NDArray[Any] = whole // of + (indexes < whole % of)
    return part


_GETTERS = tuple(attrgetter(field.name) for field in fields(Usages))
