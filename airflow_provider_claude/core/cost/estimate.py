"""What a run will use and cost, lane by lane, and the plan as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

import msgspec

from airflow_provider_claude.core.cost.prices import Price, Usage, to_usd
from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.times import shown_in
from airflow_provider_claude.job.cache import Ttl


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Items and their requests, and the tokens they are expected to use together. Costs are USD, by lane; *uncached* is what
    they would be without a cache, in the lanes that have one.
    """

    items: int
    requests: int
    input_tokens: int
    output_tokens: int
    measured: bool
    cost: Mapping[str, Decimal]
    uncached: Mapping[str, Decimal] = field(default_factory=dict)

    def planned(self) -> PlannedCost:
        """The estimate as plan.json keeps it."""
        lanes = {
            lane: LaneCost(cost_usd=f"{cost:f}", input_tokens=self.input_tokens, output_tokens=self.output_tokens)
            for lane, cost in self.cost.items()
        }
        return PlannedCost(requests=self.requests, measured=self.measured, lanes=lanes)


class LaneCost(msgspec.Struct, frozen=True, kw_only=True):
    """What all requests of a run are expected to use in one lane, and to cost there in USD."""

    cost_usd: str
    input_tokens: int = 0
    output_tokens: int = 0


class PlannedCost(msgspec.Struct, frozen=True, kw_only=True):
    """The estimate as plan.json keeps it, by lane: `batch` and `sync`. No lane has one before the requests are weighed."""

    requests: int = 0
    measured: bool = False
    lanes: dict[str, LaneCost] = {}

    def usd(self, lane: str) -> Decimal | None:
        """What all requests cost in *lane*, None where there is no estimate."""
        return Decimal(self.lanes[lane].cost_usd) if lane in self.lanes else None


def estimate(
    requests: int,
    request_bytes: int,
    model: TokenModel,
    price: Price,
    *,
    items: int | None = None,
    in_results: int = 0,
    more_output: int = 0,
) -> Estimate:
    """The estimate for *requests* requests of *request_bytes* bytes together.

    *items*: how many they ask about, None for one each; *in_results*: how many have their row in a tool result; *more_output*:
    tokens that answers have beside the items' own.
    """
    items = requests if items is None else items
    tokens_in, tokens_out = model.input_tokens(request_bytes, in_results), model.output_tokens(items) + more_output
    mean = Usage(input=round(tokens_in / requests), output=round(tokens_out / requests)) if requests else Usage()
    return Estimate(
        items=items,
        requests=requests,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        measured=model.measured,
        cost={lane: to_usd(price.picodollars(mean, lane=lane) * requests) for lane in ("batch", "sync")},
    )


class Warm(NamedTuple):
    """What the cache is expected to do in a lane: a share *rate* (0 to 1) of the requests finds the first *tokens* of each."""

    tokens: int
    ttl: Ttl
    rate: float


def with_cache(sums: Estimate, price: Price, warm: Mapping[str, Warm]) -> Estimate:
    """*sums* where the lanes of *warm* have a cache."""
    if not sums.requests or not warm:
        return sums
    cost = {lane: to_usd(price.picodollars(_mean(sums, one), lane=lane) * sums.requests) for lane, one in warm.items()}
    return replace(sums, cost={**sums.cost, **cost}, uncached={lane: sums.cost[lane] for lane in warm})


def with_input(sums: Estimate, price: Price, tokens: int) -> Estimate:
    """*sums* without a cache, where each request has *tokens* more, or less."""
    plain = replace(sums, input_tokens=max(sums.input_tokens + tokens * sums.requests, 0), uncached={})
    mean = _mean(plain, Warm(0, "5m", 0.0)) if plain.requests else Usage()
    cost = {lane: to_usd(price.picodollars(mean, lane=lane) * plain.requests) for lane in plain.cost}
    return replace(plain, cost=cost)


def _mean(sums: Estimate, warm: Warm) -> Usage:
    """What a request uses on average."""
    prompt = round(sums.input_tokens / sums.requests)
    cached = min(warm.tokens, prompt)
    read = round(cached * warm.rate)
    return Usage(
        input=prompt - cached,
        output=round(sums.output_tokens / sums.requests),
        cache_read=read,
        cache_write_5m=cached - read if warm.ttl == "5m" else 0,
        cache_write_1h=cached - read if warm.ttl == "1h" else 0,
    )


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the plan's sentences are about."""

    rows: int
    items: int
    quarantined: int
    lost: int = 0
    uncounted: int = 0
    duplicates: int
    reused: int
    shards: Sequence[int]
    model: str
    price_source: str
    trial: str
    deadline: str | None
    zone: str = "UTC"
    lanes: Sequence[str] = ()


def explain(facts: Facts, sums: Estimate) -> list[str]:
    """The plan, a sentence an entry, for the task log, plan.json and the report."""
    if not facts.rows and not facts.uncounted:
        return ["The source holds no rows tonight: nothing is sent, and the report says so."]
    lines = [
        (
            f"{facts.rows:,} rows were read: {facts.items:,} are to be answered, {facts.duplicates:,} repeat the text "
            f"of another and take its answer, {facts.quarantined:,} were set aside{_lost(facts)}."
        ),
        facts.trial,
    ]
    if facts.reused:
        lines.append(
            f"{facts.reused:,} items have an answer in the work folder from an earlier run: it is taken, and costs nothing."
        )
    if facts.shards:
        lines.append(
            f"{sum(facts.shards):,} items go to {facts.model} in {len(facts.shards):,} "
            f"shard{'s' if len(facts.shards) > 1 else ''} of at most {max(facts.shards):,}."
        )
    how = "measured" if sums.measured else "estimated from bytes"
    lines.append(
        f"About {sums.input_tokens:,} input and {sums.output_tokens:,} output tokens ({how}): "
        f"{usd(sums.cost['batch'])} by batch, {usd(sums.cost['sync'])} by the synchronous API "
        f"(prices: {facts.price_source}).{_per_thousand(sums)}"
    )
    lines += facts.lanes
    due = f"Due by {shown_in(facts.deadline, facts.zone)}" if facts.deadline else "No deadline is set for this run"
    lines.append(f"{due}. Times are in {facts.zone}.")
    return lines


def _per_thousand(sums: Estimate) -> str:
    each = {lane: per_thousand(cost, sums.items) for lane, cost in sums.cost.items()}
    batch, sync = each["batch"], each["sync"]
    return f" 1,000 rows cost {usd(batch)} or {usd(sync)}." if batch is not None and sync is not None else ""


def _lost(facts: Facts) -> str:
    regions = "1 place" if facts.uncounted == 1 else f"{facts.uncounted:,} places"
    unknown = f", and an unknown number in {regions} that cannot be read" if facts.uncounted else ""
    return f", {facts.lost:,} are lost in damaged places of the source{unknown}" if facts.lost or unknown else ""


#: The power of ten of the largest amount that is written out.
_LARGEST = 12


def usd(amount: Decimal) -> str:
    """*amount* for people: two places from a dollar on, four below, six below a tenth of a cent. What no run can cost, as a
    damaged record may have it, is written short.
    """
    if not amount.is_finite() or amount.adjusted() > _LARGEST:
        return f"${amount:.2E}"
    if amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.6f}" if 0 < amount < Decimal("0.001") else f"${amount:.4f}"


def per_thousand(amount: Decimal, rows: int) -> Decimal | None:
    """What 1,000 of *rows* cost, where all of them cost *amount* together; None without rows."""
    return amount * 1000 / rows if rows else None
