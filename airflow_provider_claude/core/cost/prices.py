"""What tokens cost: dated data with its source (prices.json), overridable per model.

Money is exact: prices are decimal strings, and costs are whole picodollars (10^-12 USD) until they are written,
because one cached token of the cheapest model costs 5,000 of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any

import msgspec

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.shipped import shipped

PICODOLLARS = 10**12
_PER_TOKEN = PICODOLLARS // 10**6

#: The Message Batches API costs half of every token price
#: (https://platform.claude.com/docs/en/build-with-claude/batch-processing).
SYNC_OVER_BATCH = 2

#: 800 USD per million tokens. Five counts of tokens, each less than 2**31, cost less than 2**63 picodollars at that.
_MAX_RATE = 800 * _PER_TOKEN


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """Prices in USD per million tokens, for prompts of at most `up_to` tokens (None: any)."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    up_to: int | None = None

    @cached_property
    def rates(self) -> tuple[int, int, int, int, int, int]:
        """The five prices in picodollars a token, in whole numbers, and last what these have to be divided by."""
        prices = (self.input, self.output, self.cache_read, self.cache_write_5m, self.cache_write_1h)
        ratios = [(price * _PER_TOKEN).as_integer_ratio() for price in prices]
        scale = math.lcm(*(below for _, below in ratios))
        i, o, read, write_5m, write_1h = (above * scale // below for above, below in ratios)
        return i, o, read, write_5m, write_1h, scale

    def times(self, factor: Decimal) -> Tier:
        """The same, every price *factor* times as high."""
        names = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
        return msgspec.structs.replace(self, **{name: getattr(self, name) * factor for name in names})

    @property
    def countable(self) -> bool:
        """Whether costs are whole 64-bit numbers of picodollars."""
        prices = (self.input, self.output, self.cache_read, self.cache_write_5m, self.cache_write_1h)
        return all(price.is_finite() for price in prices) and all(0 <= rate <= _MAX_RATE for rate in self.rates)

    def picodollars(self, usage: Any, *, lane: str) -> Any:
        """The exact cost of *usage* in *lane* (`batch` or `sync`): of one request, or of many in columns."""
        i, o, read, write_5m, write_1h, scale = self.rates
        total = (
            usage.input * i
            + usage.output * o
            + usage.cache_read * read
            + usage.cache_write_5m * write_5m
            + usage.cache_write_1h * write_1h
        )
        return total // (scale * SYNC_OVER_BATCH if lane == "batch" else scale)


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tokens one request used."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0

    @property
    def prompt(self) -> int:
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """The price of one model: its tiers, lowest first, and where they come from. It holds since the day `since`, empty where
    that is not known, and was read on the day `as_of`.
    """

    model: str
    tiers: tuple[Tier, ...]
    source: str
    as_of: str
    since: str = ""

    def picodollars(self, usage: Usage, *, lane: str) -> int:
        """The exact cost of one request in *lane* (`batch` or `sync`)."""
        return int(self.tier(usage.prompt).picodollars(usage, lane=lane))

    def tier(self, prompt_tokens: int) -> Tier:
        for tier in self.tiers:
            if tier.up_to is None or prompt_tokens <= tier.up_to:
                return tier
        raise AssertionError("the last tier has no bound")


def to_usd(picodollars: int) -> Decimal:
    return Decimal(picodollars).scaleb(-12)


class _Geo(msgspec.Struct, frozen=True):
    """By how much requests in one place cost more, on some models."""

    factor: Decimal
    models: frozenset[str]


class _Dated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tiers that hold from a day (ISO 8601) on."""

    since: date = msgspec.field(name="from")
    tiers: tuple[Tier, ...]


def price_of(
    model: str,
    overrides: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    *,
    on: str | None = None,
    geo: str | None = None,
) -> Price:
    """The price of *model* on the day *on* (ISO 8601; None: the newest), from *overrides* or the shipped data.

    *overrides* have the form of `models` in prices.json, or a list of tiers for each model, and hold as they are. *geo*: the
    `inference_geo` of the requests, which costs more in some places.

    Raises JobError for a model without a price, or an override that is not one.
    """
    if overrides and model in overrides:
        given = list(overrides[model])
        return _price(
            model, given if _are_dated(given) else [{"from": date.min, "tiers": given}], "set by the DAG", on=on
        )
    data = msgspec.json.decode(shipped(__package__, "prices.json"))
    if model not in data["models"]:
        raise JobError(
            f"The prices of the model {model!r} are not known to this version of the package, so its cost cannot be "
            f"planned. Write prices={{{model!r}: [{{'input': '0.10', 'output': '0.50', 'cache_read': '0.01', "
            "'cache_write_5m': '0.125', 'cache_write_1h': '0.20'}]} (USD per million tokens) with the figures of "
            "https://platform.claude.com/docs/en/about-claude/pricing."
        )
    price = _price(model, data["models"][model], data["source"], data["as_of"], on=on)
    place = msgspec.convert(data["inference_geo"], dict[str, _Geo]).get(geo or "")
    if place is None or model not in place.models:
        return price
    tiers = tuple(tier.times(place.factor) for tier in price.tiers)
    return msgspec.structs.replace(price, tiers=tiers, source=f"{price.source}, {place.factor} times for {geo}")


def _are_dated(given: Sequence[Any]) -> bool:
    return any(isinstance(one, Mapping) and "tiers" in one for one in given)


def _price(model: str, entries: list[Any], source: str, as_of: str = "", *, on: str | None) -> Price:
    try:
        dated = sorted(msgspec.convert(entries, list[_Dated], strict=False), key=attrgetter("since"))
    except msgspec.ValidationError as e:
        raise JobError(f"prices[{model!r}] is not a list of price tiers: {e}.") from e
    for one in dated:
        _check(model, one.tiers)
    day = date.fromisoformat(on[:10]) if on else date.max
    chosen = next((one for one in reversed(dated) if one.since <= day), dated[0])
    since = "" if chosen.since == date.min else chosen.since.isoformat()
    return Price(model=model, tiers=chosen.tiers, source=source, as_of=as_of, since=since)


def _check(model: str, tiers: Sequence[Tier]) -> None:
    if not all(tier.countable for tier in tiers):
        raise JobError(f"prices[{model!r}] has a price below zero, above 800 USD, or with more than six decimals.")
    bounds = [tier.up_to if tier.up_to is not None else math.inf for tier in tiers]
    if bounds != sorted(set(bounds)) or bounds[-1:] != [math.inf]:
        raise JobError(
            f"prices[{model!r}] must be tiers of ascending 'up_to', the last without one, so that every prompt has a price."
        )
