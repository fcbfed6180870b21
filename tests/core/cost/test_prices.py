"""A price says where it comes from."""

from __future__ import annotations

from datetime import date

from airflow_provider_claude.core.cost.prices import price_of

TIER = dict.fromkeys(("input", "output", "cache_read", "cache_write_5m", "cache_write_1h"), "1")


def test_a_shipped_price_names_its_page_and_its_day() -> None:
    price = price_of("claude-haiku-5-5")
    assert price.source.startswith("https://platform.claude.com/docs/")
    assert date.fromisoformat(price.as_of)


def test_a_price_of_the_dag_says_so_and_has_no_day() -> None:
    price = price_of("claude-haiku-5-5", {"claude-haiku-5-5": [TIER]})
    assert (price.model, price.source, price.as_of) == ("claude-haiku-5-5", "set by the DAG", "")


def test_a_bound_of_a_tier_may_be_a_text() -> None:
    price = price_of("claude-x", {"claude-x": [{**TIER, "up_to": "5"}, TIER]})
    assert [tier.up_to for tier in price.tiers] == [5, None]
