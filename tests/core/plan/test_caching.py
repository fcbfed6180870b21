"""The cache is used where the nights before say that it pays."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from airflow_provider_claude.core.cost.cache_use import CacheUse, merged
from airflow_provider_claude.core.cost.prices import price_of
from airflow_provider_claude.core.plan.caching import (
    ENOUGH,
    WINDOW,
    Choice,
    break_even,
    choose,
    cost_factor,
    least_cacheable,
)
from airflow_provider_claude.job.cache import Ttl

HAIKU = price_of("claude-haiku-5-5").tiers[0]
PREFIX = 800

Nights = list[list[CacheUse]]


def night(ttl: Ttl, rate: float, requests: int = 10_000) -> list[CacheUse]:
    hits = round(requests * rate)
    read, written = hits * PREFIX, (requests - hits) * PREFIX
    return [
        CacheUse(
            lane="batch", ttl=ttl, requests=requests, hits=hits, writes=requests - hits, read=read, written=written
        )
    ]


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-haiku-5-5", 512),
        ("claude-sonnet-5", 1024),
        ("claude-opus-4-7", 2048),
        ("claude-haiku-4-5", 4096),
        ("claude-haiku-4-5-20251001", 4096),
        ("claude-unheard-of", None),
    ],
)
def test_each_model_has_its_least(model: str, least: int | None) -> None:
    assert least_cacheable(model) == least


def test_the_break_even_is_that_of_the_prices() -> None:
    assert break_even("1h", HAIKU) == pytest.approx(0.526, abs=0.001)
    assert break_even("5m", HAIKU) == pytest.approx(0.217, abs=0.001)
    for ttl in ("5m", "1h"):
        assert cost_factor(ttl, break_even(ttl, HAIKU), HAIKU) == pytest.approx(1)


def test_a_model_whose_reads_are_cheaper_pays_off_earlier() -> None:
    fable = price_of("claude-fable-5-1").tiers[0]
    assert break_even("5m", fable) < break_even("5m", HAIKU)


def test_where_nothing_is_known_the_smallest_shard_tries_five_minutes() -> None:
    assert choose([], HAIKU, smallest=1.0) == Choice(None, "5m")


def test_where_no_shard_is_large_enough_to_learn_from_nothing_is_cached() -> None:
    assert choose([], HAIKU, smallest=0.0) == Choice()


@pytest.mark.parametrize(("rate", "ttl"), [(0.1, None), (0.2, None), (0.25, "5m"), (0.6, "5m"), (0.98, "5m")])
def test_five_minutes_are_used_where_they_paid(rate: float, ttl: Ttl | None) -> None:
    assert choose([night("5m", rate)], HAIKU, smallest=1.0).ttl == ttl


@pytest.mark.parametrize(
    ("five", "hour", "ttl"), [(0.1, 0.9, "1h"), (0.6, 0.9, "1h"), (0.6, 0.7, "5m"), (0.1, 0.5, None)]
)
def test_of_two_that_are_known_the_cheaper_one_is_used(five: float, hour: float, ttl: Ttl | None) -> None:
    assert choose([night("1h", hour), night("5m", five)], HAIKU, smallest=1.0).ttl == ttl


def test_an_hour_is_tried_by_a_small_shard_only_and_where_it_may_cost_less() -> None:
    assert choose([night("5m", 0.1)], HAIKU, smallest=0.1).probe == "1h"
    assert choose([night("5m", 0.6)], HAIKU, smallest=0.1) == Choice("5m", "1h", 0.6)
    assert choose([night("5m", 0.6)], HAIKU, smallest=0.25).probe is None
    assert choose([night("5m", 0.98)], HAIKU, smallest=0.1).probe is None


def test_a_cache_that_had_no_effect_is_not_tried_again_while_that_is_known() -> None:
    short = [CacheUse(lane="batch", ttl="5m", requests=10_000)]
    assert choose([short], HAIKU, smallest=0.05) == Choice()
    assert choose([*[[]] * WINDOW, short], HAIKU, smallest=0.05) == Choice(None, "5m")


def test_a_measurement_of_a_few_requests_says_nothing() -> None:
    few = night("5m", 0.9, requests=ENOUGH - 1)
    assert choose([few], HAIKU, smallest=1.0) == Choice(None, "5m")


def test_one_bad_night_does_not_outweigh_two_good_ones() -> None:
    nights = [night("5m", 0.1), night("5m", 0.9), night("5m", 0.9)]
    assert choose(nights, HAIKU, smallest=1.0).ttl == "5m"
    assert choose([night("5m", 0.1)] * 3 + [night("5m", 0.9)] * 9, HAIKU, smallest=1.0).ttl is None


def test_what_the_job_says_is_what_is_done() -> None:
    nights = [night("5m", 0.9)]
    assert choose(nights, HAIKU, smallest=1.0, setting="none") == Choice()
    assert choose(nights, HAIKU, smallest=1.0, setting="5m") == Choice("5m", None, 0.9)
    assert choose(nights, HAIKU, smallest=1.0, setting="1h") == Choice("1h")


def nights_cost(hits: Callable[[Ttl], float], smallest: float, nights: int = 14) -> float:
    """What the cached tokens of *nights* nights cost, as a multiple of no cache; each night learns from those before."""
    seen: Nights = []
    total = 0.0
    for _ in range(nights):
        choice = choose(seen, HAIKU, smallest=smallest)
        tonight: list[CacheUse] = []
        trying = smallest if choice.probe else 0.0
        for ttl, share in ((choice.probe, trying), (choice.ttl, 1 - trying)):
            total += share * (cost_factor(ttl, rate := hits(ttl), HAIKU) if ttl else 1.0)
            tonight += night(ttl, rate, round(100_000 * share)) if ttl and share else []
        seen.insert(0, merged(tonight))
    return total / nights


@pytest.mark.parametrize("smallest", [1.0, 0.5, 0.25, 0.0999, 0.02, 0.0])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.2, 0.3, 0.6, 0.9, 0.98])
def test_over_a_fortnight_the_choice_is_never_dearer_than_no_cache_by_two_percent(rate: float, smallest: float) -> None:
    assert nights_cost(lambda _: rate, smallest) <= 1.02


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize("seed", range(20))
def test_nor_where_the_hit_rate_differs_from_night_to_night(rate: float, seed: int) -> None:
    draw = random.Random(seed)
    assert nights_cost(lambda _: min(max(draw.gauss(rate, 0.08), 0.0), 0.98), 0.0999) <= 1.02


@pytest.mark.parametrize(("rate", "most"), [(0.3, 0.92), (0.6, 0.62), (0.9, 0.3), (0.98, 0.21)])
def test_where_the_cache_pays_most_of_what_it_can_save_is_saved(rate: float, most: float) -> None:
    assert nights_cost(lambda _: rate, 0.0999) <= most


def test_an_hour_is_found_where_five_minutes_are_too_short() -> None:
    assert nights_cost(lambda ttl: 0.1 if ttl == "5m" else 0.95, 0.0999, nights=28) < 0.35


def test_uses_are_added_up_by_lane_and_ttl() -> None:
    one, two = night("5m", 0.5, 100)[0], night("1h", 0.5, 100)[0]
    first, second = merged([one, two, one])
    assert (first.ttl, first.requests) == ("1h", 100)
    assert (second.ttl, second.requests, second.hits, second.rate) == ("5m", 200, 100, 0.5)


def test_a_use_says_what_it_saved_or_cost() -> None:
    use = CacheUse(lane="batch", ttl="5m", requests=10, hits=6, writes=4, read=600, written=400, saved_usd="0.02")
    assert use.sentence() == (
        "Cached for 5m: of 10 requests by batch, 6 found the cache and 4 wrote it (60% of its tokens were read), which saved "
        "$0.0200."
    )
    dear = CacheUse(lane="sync", ttl="1h", requests=10, hits=1, writes=9, read=100, written=900, saved_usd="-3")
    assert dear.sentence().endswith("which cost $3.00 more than no cache.")
    assert "had no effect" in CacheUse(lane="sync", ttl="1h", requests=10).sentence()
