"""What the prompt cache did to requests that asked for it: who found it, who wrote it, and what that saved or cost."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from airflow_provider_claude.core.cost.estimate import usd
from airflow_provider_claude.job.cache import Ttl


class CacheUse(msgspec.Struct, frozen=True, kw_only=True):
    """What came of cache markers of *ttl* on `requests` answered requests in one lane, `batch` or `sync`.

    `hits` of them read the cache and `writes` wrote it; `read` and `written` are their tokens. `saved_usd` is what the same
    requests would have cost more without a cache: less than nothing where writing it cost more than reading it saved.
    """

    lane: str
    ttl: Ttl
    requests: int = 0
    hits: int = 0
    writes: int = 0
    read: int = 0
    written: int = 0
    saved_usd: str = "0"

    @property
    def rate(self) -> float | None:
        """The share of the cached tokens that were read, from 0 to 1; None where nothing was cached."""
        cached = self.read + self.written
        return self.read / cached if cached else None

    def sentence(self) -> str:
        """What the cache did, for people."""
        where = f"{self.requests:,} requests {'by batch' if self.lane == 'batch' else 'of the sync lane'}"
        if self.rate is None:
            return f"Cache markers of {self.ttl} on {where} had no effect: the part that all rows share is too short."
        saved = Decimal(self.saved_usd)
        effect = f"saved {usd(saved)}" if saved >= 0 else f"cost {usd(-saved)} more than no cache"
        return (
            f"Cached for {self.ttl}: of {where}, {self.hits:,} found the cache and {self.writes:,} wrote it "
            f"({self.rate:.0%} of its tokens were read), which {effect}."
        )

    def plus(self, other: CacheUse) -> CacheUse:
        """The same with *other* of the same lane and ttl added."""
        return CacheUse(
            lane=self.lane,
            ttl=self.ttl,
            requests=self.requests + other.requests,
            hits=self.hits + other.hits,
            writes=self.writes + other.writes,
            read=self.read + other.read,
            written=self.written + other.written,
            saved_usd=f"{Decimal(self.saved_usd) + Decimal(other.saved_usd):f}",
        )


def merged(uses: Iterable[CacheUse]) -> list[CacheUse]:
    """*uses* added up, one for each lane and ttl."""
    sums: dict[tuple[str, Ttl], CacheUse] = {}
    for one in uses:
        key = one.lane, one.ttl
        sums[key] = sums[key].plus(one) if key in sums else one
    return [sums[key] for key in sorted(sums)]
