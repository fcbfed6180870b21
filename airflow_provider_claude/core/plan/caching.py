"""Whether the part of the prompt that all rows share is cached, and for how long: decided from what earlier nights measured.

A request that writes the cache pays 1.25 times the price of these tokens (five minutes) or twice (an hour), one that finds it
pays a tenth or less. So it pays only where enough requests find it, which no batch promises: hit rates of 30 to 98 % are
documented (https://platform.claude.com/docs/en/build-with-claude/batch-processing). While the first requests of a batch are
under way none of them can find anything, and each pays the write.

The rule: a ttl is used where the last nights measured that it costs less than no cache. Where nothing is known of it, the
smallest shard of one night tries it. Measurements are forgotten after `WINDOW` nights, so a ttl that did not pay is tried again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from airflow_provider_claude.core.cost.cache_use import CacheUse, merged
from airflow_provider_claude.core.cost.prices import Tier
from airflow_provider_claude.job.cache import TTLS, Cache, Ttl
from airflow_provider_claude.shipped import shipped

#: Nights that are looked back on: a try that saves nothing costs at most a quarter of the cached tokens of one night of them.
WINDOW = 14

#: The newest nights with a ttl whose hit rate counts, and the fewest requests that say anything about one.
_NEWEST = 3
ENOUGH = 100

#: The largest share of a night that tries an hour: writing it costs twice the price, where five minutes cost a quarter more.
_HOUR_SHARE = 0.1

#: Of the hit rates that are documented for batches, the highest.
_BEST_RATE = 0.98

_DATED = re.compile(r"-\d{8}$")


def least_cacheable(model: str) -> int | None:
    """The fewest tokens of a prefix that *model* caches, None if unknown."""
    data = msgspec.json.decode(shipped(__package__, "cacheable.json"))
    found: int | None = data["models"].get(_DATED.sub("", model))
    return found


def cost_factor(ttl: Ttl, rate: float, tier: Tier) -> float:
    """What cached tokens cost, where a share *rate* of the requests finds them, as a multiple of their price without a cache."""
    write = tier.cache_write_5m if ttl == "5m" else tier.cache_write_1h
    return float(tier.cache_read / tier.input) * rate + float(write / tier.input) * (1 - rate)


def break_even(ttl: Ttl, tier: Tier) -> float:
    """The hit rate above which *ttl* costs less than no cache."""
    write = float((tier.cache_write_5m if ttl == "5m" else tier.cache_write_1h) / tier.input)
    return (write - 1) / (write - float(tier.cache_read / tier.input))


class Choice(NamedTuple):
    """The *ttl* of all requests of a lane, None for no cache. *probe* is what the smallest shard tries instead.

    *rate* is the hit rate that was measured for *ttl*, None where it is not known.
    """

    ttl: Ttl | None = None
    probe: Ttl | None = None
    rate: float | None = None


def choose(nights: Sequence[Sequence[CacheUse]], tier: Tier, *, smallest: float, setting: Cache = "auto") -> Choice:
    """The cache of tonight's requests in one lane.

    *nights*: what the job's last nights measured in this lane, the newest first, nothing for nights without a cache.
    *smallest*: the share (0 to 1) of tonight's requests that are in the smallest shard large enough to learn from, 0 where there
    is none. *setting*: what the job says.
    """
    rates = _rates([merged(night) for night in nights[:WINDOW]])
    if setting != "auto":
        return Choice() if setting == "none" else Choice(setting, rate=rates.get(setting))
    costs = {ttl: cost_factor(ttl, rate, tier) for ttl, rate in rates.items() if rate is not None}
    best = min(costs, key=costs.__getitem__, default=None)
    if best is None or costs[best] >= 1:
        return Choice(probe=_probe(rates, 1.0, tier, smallest))
    return Choice(best, _probe(rates, costs[best], tier, smallest), rates[best])


def _rates(nights: Sequence[Sequence[CacheUse]]) -> dict[Ttl, float | None]:
    """The hit rates of those ttls that are known, None for one that had no effect."""
    found: dict[Ttl, float | None] = {}
    for ttl in TTLS:
        uses = [one for night in nights for one in night if one.ttl == ttl and one.requests >= ENOUGH][:_NEWEST]
        read = sum(one.read for one in uses)
        cached = read + sum(one.written for one in uses)
        if uses:
            found[ttl] = read / cached if cached else None
    return found


def _probe(rates: Mapping[Ttl, float | None], cost: float, tier: Tier, smallest: float) -> Ttl | None:
    """The ttl that the smallest shard tries: one that is not known, and may cost less than *cost*, that of the others."""
    if not smallest or None in rates.values():
        return None
    affordable: tuple[Ttl, ...] = TTLS if smallest <= _HOUR_SHARE else ("5m",)
    unknown = [ttl for ttl in affordable if ttl not in rates and cost_factor(ttl, _BEST_RATE, tier) < cost]
    return unknown[0] if unknown else None
