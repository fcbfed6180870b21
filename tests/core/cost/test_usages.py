"""Many usages in columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.cost.prices import Price, Usage, price_of
from airflow_provider_claude.core.cost.usage_columns import Usages, share

HAIKU = price_of("claude-haiku-5-5")
FLAT = price_of("claude-opus-5")
DEAREST = price_of(
    "claude-x",
    {"claude-x": [dict.fromkeys(("input", "output", "cache_read", "cache_write_5m", "cache_write_1h"), "800")]},
)

TOKENS = st.integers(0, 2**31 - 1) | st.integers(0, 200_000)
USAGES = st.lists(
    st.builds(Usage, input=TOKENS, output=TOKENS, cache_read=TOKENS, cache_write_5m=TOKENS, cache_write_1h=TOKENS)
)


@given(USAGES, st.sampled_from(["batch", "sync"]))
@pytest.mark.parametrize("price", [HAIKU, FLAT, DEAREST], ids=lambda price: price.model)
def test_many_requests_cost_what_each_costs(price: Price, usages: list[Usage], lane: str) -> None:
    each = [price.picodollars(usage, lane=lane) for usage in usages]
    assert Usages.of(usages).picodollars(price, lane=lane).tolist() == each


def test_rows_that_used_nothing_cost_nothing() -> None:
    nothing = Usages.none(2)
    assert nothing.picodollars(HAIKU, lane="batch").tolist() == [0, 0]
    assert nothing.input.dtype == Usages.of([Usage()]).input.dtype


def test_what_is_shared_adds_up_and_the_first_get_the_rest() -> None:
    whole, of = np.array([10] * 4 + [3]), np.array([4, 4, 4, 4, 1])
    assert share(whole, np.array([0, 1, 2, 3, 0]), of).tolist() == [3, 3, 2, 2, 3]
