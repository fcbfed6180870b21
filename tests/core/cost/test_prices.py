"""A price says where it comes from."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from airflow_provider_claude.core.cost.known_models import known_models
from airflow_provider_claude.core.cost.prices import Usage, price_of
from airflow_provider_claude.errors import JobError

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


def dated(day: str, price: str) -> dict[str, object]:
    return {"from": day, "tiers": [{**TIER, "input": price}]}


@pytest.mark.parametrize(
    ("on", "price", "since"),
    [
        ("2026-12-31T23:59:59+00:00", "3", "2026-10-01"),
        ("2027-01-01T00:00:00+00:00", "2", "2027-01-01"),
        ("2027-06-01", "2", "2027-01-01"),
        ("2026-01-01", "3", "2026-10-01"),
        (None, "2", "2027-01-01"),
    ],
)
def test_a_run_has_the_price_of_its_day(on: str | None, price: str, since: str) -> None:
    entries = [dated("2027-01-01", "2"), dated("2026-10-01", "3")]
    found = price_of("claude-x", {"claude-x": entries}, on=on)  # type: ignore[dict-item]
    assert (found.tiers[0].input, found.since) == (Decimal(price), since)


@pytest.mark.parametrize(
    "entries", [[dated("soon", "2")], [{"from": "2027-01-01"}], [dated("2027-01-01", "2"), TIER], []]
)
def test_an_entry_that_is_no_dated_price_is_refused(entries: list[object]) -> None:
    with pytest.raises(JobError, match="claude-x"):
        price_of("claude-x", {"claude-x": entries})  # type: ignore[dict-item]


def test_every_shipped_price_has_the_day_from_which_it_holds_and_the_ratios_of_its_page() -> None:
    for model in known_models():
        price = price_of(model)
        assert date.fromisoformat(price.since) <= date.fromisoformat(price.as_of)
        for tier in price.tiers:
            assert tier.cache_write_5m == tier.input * Decimal("1.25")
            assert tier.cache_write_1h == tier.input * 2
            assert tier.cache_read / tier.input in {Decimal("0.1"), Decimal("0.05"), Decimal("0.025")}


@pytest.mark.parametrize(
    ("model", "geo", "factor"),
    [
        ("claude-haiku-5-5", "us", "1.1"),
        ("claude-haiku-5-5", "eu", "1"),
        ("claude-haiku-5-5", None, "1"),
        ("claude-haiku-4-5", "us", "1"),
    ],
)
def test_inference_in_the_us_costs_a_tenth_more_on_newer_models(model: str, geo: str | None, factor: str) -> None:
    plain, there = price_of(model), price_of(model, geo=geo)
    usage = Usage(input=1_000, output=100, cache_read=10, cache_write_5m=100, cache_write_1h=1_000)
    for lane in ("batch", "sync"):
        assert there.picodollars(usage, lane=lane) == plain.picodollars(usage, lane=lane) * Decimal(factor)


def test_a_price_of_the_dag_holds_as_it_is_wherever_inference_runs() -> None:
    assert price_of("claude-x", {"claude-x": [TIER]}, geo="us").tiers[0].input == 1
