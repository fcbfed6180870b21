"""The most that requests can cost, all at once, is what each can cost by itself."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.cost.prices import Usage, price_of
from airflow_provider_claude.job.cache import Ttl
from airflow_provider_claude.stages.cost import budget

_TIER = {"input": "1", "output": "5.5", "cache_read": "0.1", "cache_write_5m": "1.25", "cache_write_1h": "2"}
_PRICE = price_of("two-tiers", {"two-tiers": [{**_TIER, "up_to": 9_000}, {**_TIER, "input": "2.000001"}]})


@given(
    st.lists(st.tuples(st.integers(1, 256_000_000), st.integers(1, 64_000), st.booleans()), max_size=8),
    st.sampled_from([None, "5m", "1h"]),
    st.floats(0.01, 2),
    st.sampled_from(["batch", "sync"]),
)
def test_the_most_of_many_requests_is_that_of_each(
    requests: list[tuple[int, int, bool]], cache: Ttl | None, per_byte: float, lane: str
) -> None:
    body: Any = SimpleNamespace(
        sizes=[size for size, _, _ in requests],
        limits=[limit for _, limit, _ in requests],
        in_results=[tool for _, _, tool in requests],
        count=len(requests),
        cache=cache,
    )
    plan: Any = SimpleNamespace(
        lanes=SimpleNamespace(input_per_byte=per_byte, tool_tokens=700.3),
        price=_PRICE,
    )
    a_byte = min(1.5 * per_byte, 1.0)

    def used(size: int, limit: int, tool: float) -> Usage:
        tools = tool * 1.5 * 700.3
        if cache is None:
            return Usage(input=math.ceil(size * a_byte + tools), output=limit)
        own, written = max(size - 4_000, 0) * a_byte, math.ceil(min(size, 4_000) * a_byte + tools)
        five, hour = (written, 0) if cache == "5m" else (0, written)
        return Usage(input=math.ceil(own), output=limit, cache_write_5m=five, cache_write_1h=hour)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "_shared_bytes", lambda _: 4_000)
        most = budget.most_of(body, plan, lane)
    assert most == [_PRICE.picodollars(used(*one), lane=lane) for one in requests]
