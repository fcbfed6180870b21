"""What the plan says about the prompt cache."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from airflow_provider_claude.core.cost.estimate import Estimate, Warm, usd, with_cache, with_input
from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.core.plan.cache_plan import CachePlan, LaneCache
from airflow_provider_claude.core.plan.caching import break_even, least_cacheable
from airflow_provider_claude.job.cache import Ttl

_FOR: dict[Ttl, str] = {"5m": "five minutes", "1h": "an hour"}
_BY = {"batch": "by batch", "sync": "by the sync lane"}


def cache_sentences(plan: CachePlan, sums: Estimate, price: Price, lanes: Collection[str]) -> list[str]:
    """What is cached in *lanes*, and what that is expected to cost; or why nothing is."""
    if not plan.prefix_tokens:
        return []
    used = [lane for lane in _BY if lane in lanes]
    examples = [_of_examples(plan, lane, sums, price) for lane in used if plan.example_tokens]
    if not _is_cacheable(plan, price.model):
        return [_too_short(plan.prefix_tokens, price.model), *examples]
    return [*(one for lane in used for one in _of_lane(plan, lane, sums, price)), *examples]


def _is_cacheable(plan: CachePlan, model: str) -> bool:
    least = least_cacheable(model)
    return bool(plan.lanes) or (least is not None and plan.prefix_tokens >= least)


def _too_short(tokens: int, model: str) -> str:
    least = least_cacheable(model)
    needs = f"{model} caches {least:,} tokens or more" if least else f"how many {model} needs is not known here"
    return f"Nothing is cached: about {tokens:,} tokens are the same in all requests, and {needs}."


def _of_lane(plan: CachePlan, lane: str, sums: Estimate, price: Price) -> Iterator[str]:
    chosen = plan.lanes.get(lane, LaneCache())
    if chosen.ttl is not None:
        how = "as is assumed, not measured" if chosen.rate is None else "as in the last nights"
        yield (
            f"About {plan.prefix_tokens:,} tokens, the same in all requests, are cached for {_FOR[chosen.ttl]} {_BY[lane]}. If "
            f"{chosen.expected_rate:.0%} of them are read from the cache, {how}, that costs {usd(sums.cost[lane])} instead of "
            f"{usd(sums.uncached[lane])}. A cold batch writes the cache many times: once for each request that starts before "
            "the first one is answered."
        )
    if chosen.probe is not None and plan.probe_shard is not None:
        pays = break_even(chosen.probe, price.tier(plan.prefix_tokens))
        yield (
            f"Shard {plan.probe_shard} tries a cache of {_FOR[chosen.probe]} {_BY[lane]}, whose hit rate is not known for this "
            f"job. It pays from {pays:.0%} on; the next nights use what is measured."
        )


def _of_examples(plan: CachePlan, lane: str, sums: Estimate, price: Price) -> str:
    """What the labelled examples cost, with a warm cache and without one."""
    plain, without = with_input(sums, price, 0), with_input(sums, price, -plan.example_tokens)
    warm = ""
    if _is_cacheable(plan, price.model):
        chosen = plan.lanes.get(lane, LaneCache())
        rate = chosen.expected_rate
        ttl = chosen.ttl or chosen.probe or "5m"
        cached = with_cache(plain, price, {lane: Warm(plan.prefix_tokens, ttl, rate)})
        warm = f"{usd(cached.cost[lane])} with a cache of which {rate:.0%} is read, "
    return (
        f"Labelled examples are about {plan.example_tokens:,} tokens of each request. {_BY[lane].capitalize()} all requests cost "
        f"{warm}{usd(plain.cost[lane])} without a cache, and {usd(without.cost[lane])} without examples and cache."
    )
