"""The plan says what it caches, what it assumes, and what labelled examples cost."""

from __future__ import annotations

from decimal import Decimal

from airflow_provider_claude.core.cost.estimate import Estimate, Warm, estimate, with_cache, with_input
from airflow_provider_claude.core.cost.prices import price_of
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.plan.cache_plan import NO_CACHE, CachePlan, LaneCache
from airflow_provider_claude.core.plan.cache_sentences import cache_sentences

HAIKU = price_of("claude-haiku-5-5")


def sums(tokens: int = 1_000, requests: int = 100_000, output: float = 40) -> Estimate:
    model = TokenModel(input_per_byte=1.0, output=output, measured=True)
    return estimate(requests, tokens * requests, model, HAIKU)


def told(plan: CachePlan, expected: Estimate | None = None, lanes: tuple[str, ...] = ("batch",)) -> str:
    return " ".join(cache_sentences(plan, expected or sums(), HAIKU, lanes))


def test_the_cost_with_a_cache_is_that_of_its_reads_and_writes() -> None:
    warm = {"batch": Warm(600, "5m", 0.75)}
    cached = with_cache(sums(output=0), HAIKU, warm)
    each = Decimal("0.10") * 400 + Decimal("0.01") * 450 + Decimal("0.125") * 150
    assert cached.cost["batch"] == each * 100_000 / 1_000_000 / 2
    assert cached.uncached == {"batch": sums(output=0).cost["batch"]}
    assert cached.cost["sync"] == sums(output=0).cost["sync"]


def test_no_more_is_cached_than_a_request_has() -> None:
    assert with_cache(sums(), HAIKU, {"batch": Warm(5_000, "1h", 1.0)}).cost["batch"] > 0


def test_a_night_without_requests_has_no_cache() -> None:
    none = sums(requests=0)
    assert with_cache(none, HAIKU, {"batch": Warm(600, "5m", 0.5)}) == none
    assert with_input(none, HAIKU, -100).cost["batch"] == 0


def test_fewer_tokens_cost_less() -> None:
    assert with_input(sums(), HAIKU, -400).cost == sums(600).cost
    assert with_input(sums(), HAIKU, 0).cost == sums().cost


def test_nothing_is_said_where_nothing_was_counted() -> None:
    assert told(NO_CACHE) == ""


def test_too_short_a_prefix_says_what_the_model_needs() -> None:
    assert told(CachePlan(prefix_tokens=300)) == (
        "Nothing is cached: about 300 tokens are the same in all requests, and claude-haiku-5-5 caches 512 tokens or more."
    )


def test_a_cache_in_use_says_its_rate_both_sums_and_what_a_cold_batch_pays() -> None:
    plan = CachePlan(prefix_tokens=600, lanes={"batch": LaneCache(ttl="5m", rate=0.9), "sync": LaneCache(ttl="5m")})
    expected = with_cache(sums(), HAIKU, {"batch": Warm(600, "5m", 0.9), "sync": Warm(600, "5m", 0.6)})
    text = told(plan, expected)
    assert "90% of them are read from the cache, as in the last nights" in text
    assert "instead of $6.00" in text
    assert "A cold batch writes the cache many times" in text
    assert "60% of them are read from the cache, as is assumed, not measured" in told(plan, expected, ("sync",))


def test_a_shard_that_tries_the_cache_is_named_with_the_rate_from_which_it_pays() -> None:
    plan = CachePlan(prefix_tokens=600, lanes={"batch": LaneCache(probe="5m")}, probe_shard=9)
    assert told(plan).startswith("Shard 9 tries a cache of five minutes by batch")
    assert "It pays from 22% on" in told(plan)
    assert told(plan, lanes=("sync",)) == ""


def test_examples_are_told_with_a_warm_cache_without_one_and_without_them() -> None:
    plan = CachePlan(
        prefix_tokens=700, example_tokens=400, lanes={"batch": LaneCache(ttl="5m", rate=0.98)}, probe_shard=None
    )
    assert told(plan, with_cache(sums(), HAIKU, {"batch": Warm(700, "5m", 0.98)})).endswith(
        "Labelled examples are about 400 tokens of each request. By batch all requests cost $2.93 with a cache of which 98% is "
        "read, $6.00 without a cache, and $4.00 without examples and cache."
    )


def test_examples_that_do_not_reach_what_the_model_caches_are_told_without_a_cache() -> None:
    text = told(CachePlan(prefix_tokens=500, example_tokens=200))
    assert text.startswith("Nothing is cached")
    assert text.endswith("By batch all requests cost $6.00 without a cache, and $5.00 without examples and cache.")
