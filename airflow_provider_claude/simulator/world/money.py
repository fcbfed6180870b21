"""What a request costs, in whole picodollars (1e-12 USD), so that sums are exact.

Batches cost half. A prompt of more than 100,000 tokens, cache included, reprices the whole request where the model has
a dear price. Source: https://platform.claude.com/docs/en/about-claude/pricing
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from airflow_provider_claude.simulator.model.catalogue import Model
from airflow_provider_claude.simulator.model.prompt_cache import Split
from airflow_provider_claude.simulator.model.request_params import Channel

DEAR_ABOVE = 100_000
_PICO_PER_MTOK = 1_000_000


@cache
def _rates(model: Model, channel: Channel, dear: bool, geo: str | None) -> tuple[int, int, int, int, int]:  # noqa: FBT001 - cached
    price = model.dear if dear and model.dear else model.price
    share = (Decimal("0.5") if channel == "batch" else Decimal(1)) * (model.us_factor if geo == "us" else 1)
    dollars = (price.input, price.read, price.input * Decimal("1.25"), price.input * 2, price.output)
    fresh, read, write_5m, write_1h, output = (int(one * share * _PICO_PER_MTOK) for one in dollars)
    return fresh, read, write_5m, write_1h, output


def picodollars(model: Model, channel: Channel, split: Split, output_tokens: int, geo: str | None = None) -> int:
    """The price of one billed request; *geo*: its `inference_geo`."""
    fresh, read, write_5m, write_1h, output = _rates(model, channel, sum(split) > DEAR_ABOVE, geo)
    prompt = split.fresh * fresh + split.read * read + split.write_5m * write_5m + split.write_1h * write_1h
    return prompt + output_tokens * output


def dollars(pico: int) -> str:
    """USD as a decimal string without an exponent."""
    return format(Decimal(pico).scaleb(-12).normalize(), "f")
