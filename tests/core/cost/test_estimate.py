"""What a run is expected to use and cost, and how the plan says it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_claude.core.cost.estimate import Facts, estimate, explain, usd
from airflow_provider_claude.core.cost.prices import price_of
from airflow_provider_claude.core.cost.tokens import TokenModel

HAIKU = price_of("claude-haiku-5-5")
MEASURED = TokenModel(input_per_byte=0.5, output=10, measured=True)


def plan(**changes: Any) -> str:
    """The plan of a thousand rows, as text."""
    facts: dict[str, Any] = {
        "rows": 1_000, "items": 1_000, "quarantined": 0, "duplicates": 0, "reused": 0, "shards": [1_000], "model": "m",
        "price_source": "the list", "trial": "Tried.", "deadline": None,
    }  # fmt: skip
    model = changes.pop("tokens", MEASURED)
    return " ".join(explain(Facts(**{**facts, **changes}), estimate(1_000, 31_000, model, HAIKU)))


def test_requests_that_share_items_cost_their_bytes_the_output_of_all_items_and_their_own() -> None:
    one = estimate(4, 8_000, MEASURED, HAIKU, items=40, more_output=20)
    assert (one.requests, one.items, one.input_tokens, one.output_tokens, one.measured) == (4, 40, 4_000, 420, True)
    assert one.cost == {"batch": Decimal("0.000305"), "sync": Decimal("0.00061")}


def test_without_packs_each_request_is_about_one_item_and_has_no_more_output() -> None:
    one = estimate(4, 8_000, TokenModel(output=10), HAIKU)
    assert (one.items, one.output_tokens, one.measured) == (4, 40, False)


def test_no_requests_cost_nothing() -> None:
    assert estimate(0, 0, MEASURED, HAIKU).cost == {"batch": 0, "sync": 0}


def test_the_tier_of_an_estimate_is_that_of_the_mean_request_and_not_of_their_sum() -> None:
    many = estimate(1_000, 2_000_000, MEASURED, HAIKU)
    assert many.cost["sync"] == 1_000 * (1_000 * Decimal("0.10") + 10 * Decimal("0.50")) / 1_000_000


@pytest.mark.parametrize(("tokens", "how"), [(MEASURED, "(measured)"), (TokenModel(), "(estimated from bytes)")])
def test_the_plan_says_whether_its_tokens_were_measured(tokens: TokenModel, how: str) -> None:
    assert how in plan(tokens=tokens)


UNREAD = "and an unknown number in {} that cannot be read"


@pytest.mark.parametrize(
    ("lost", "uncounted", "regions"),
    [
        (0, 0, ""),
        (7, 0, ", 7 are lost in damaged places of the source"),
        (7, 1, f", 7 are lost in damaged places of the source, {UNREAD.format('1 place')}"),
        (0, 2, f", 0 are lost in damaged places of the source, {UNREAD.format('2 places')}"),
    ],
)
def test_the_plan_counts_the_rows_that_the_source_has_lost(lost: int, uncounted: int, regions: str) -> None:
    assert f"0 were set aside{regions}." in plan(lost=lost, uncounted=uncounted)


def test_the_plan_counts_its_shards_and_says_that_no_deadline_is_set() -> None:
    assert "1,000 items go to m in 1 shard of at most 1,000." in plan()
    assert "1,000 items go to m in 2 shards of at most 600." in plan(shards=[600, 400])
    assert plan().endswith("No deadline is set for this run. Times are in UTC.")


@pytest.mark.parametrize(
    ("amount", "text"), [("0.99994", "$0.9999"), ("1", "$1.00"), ("1234.567", "$1,234.57"), ("1e9999", "$1.00E+9999")]
)
def test_money_has_four_places_below_a_dollar_and_two_above(amount: str, text: str) -> None:
    assert usd(Decimal(amount)) == text
