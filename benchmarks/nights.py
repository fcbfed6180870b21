"""Simulated nights with the real decisions: is everything there at nine, and what does being sure of it cost?

`NIGHTS=10000 python -m benchmarks.nights` plays every night once for each of

    ours        core.plan.lane_choice.choose at midnight, then core.deadline.cutoff.switch whenever a shard asks
    all batch   every row by batch, whatever comes
    all sync    every row by the sync lane from midnight
    fixed       one cutoff for all shards: the deadline less what the sync lane needs for all
    blind       the sync lane is never idle from midnight on, and cancels take no time: what one can do without foresight
    oracle      knows every batch's end: what will not end in time goes to the sync lane at midnight, the rest by batch

Virtual time, seeded. A row has 400 input and 30 output tokens. A night has a median and a spread of its own batches, and
a stuck batch never ends; what earlier runs measured says nothing about tonight, or is missing. A cancelled batch has
answered nothing. Rows that nobody made by nine are paid in full by everyone. All batches are created at midnight: the
limit of batched requests in the queue is not simulated.

It fails (exit 1) where the sync lane alone makes all rows and we do not; and where the oracle makes all rows, the blind
player does with a shard and its cancel to spare, and we do not.
"""

from __future__ import annotations

import heapq
import math
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from airflow_provider_claude.core.cost.prices import Usage, price_of
from airflow_provider_claude.core.deadline.cutoff import Abandon, ShardBacklog, WaitOn, switch
from airflow_provider_claude.core.plan.cut_shards import Limits, sizes
from airflow_provider_claude.core.plan.lane_choice import Night, choose
from airflow_provider_claude.core.plan.past_durations import BatchTimes, Measured, cancel_seconds
from airflow_provider_claude.core.sync.account_limits import account_limits

ROWS = (10_000, 30_000, 100_000, 300_000, 450_000, 600_000, 1_000_000)
TIERS = ("start", "build", "scale")
STUCK = (0.0, 0.01, 0.05, 0.1, 0.3, 0.5, 1.0)

INPUT_TOKENS, OUTPUT_TOKENS = 400, 30
PRICE = price_of("claude-haiku-5-5")
COST = {
    lane: PRICE.picodollars(Usage(input=INPUT_TOKENS, output=OUTPUT_TOKENS), lane=lane) for lane in ("batch", "sync")
}

#: Seconds after midnight; the lane uses this share of the account's limits.
DUE, MARGIN, SHARE = 9 * 3600.0, 600.0, 0.9
PROMISED = DUE - MARGIN

#: At most so much more than the oracle is what we want to pay.
OVERPAY = 0.10

_ENDED, _RELEASED, _LOOK = range(3)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One night. Of each shard: `rows`, `drains` (the lane's seconds), `ends` and `cancels` (seconds; inf: never)."""

    tier: str
    total: int
    stuck: float
    rows: Sequence[int]
    drains: Sequence[float]
    ends: Sequence[float]
    cancels: Sequence[float]
    history: BatchTimes
    lead: float

    @property
    def seconds(self) -> float:
        return math.fsum(self.drains)


@dataclass(frozen=True, kw_only=True)
class Played:
    """When everything was there (seconds after midnight; inf: not at nine), and how many rows were paid in full."""

    done: float
    sync_rows: int


def scenes(count: int) -> Iterator[Scene]:
    """*count* nights or a few more: the same number for each of the grid's cells."""
    cells = list(product(TIERS, ROWS, STUCK))
    for number in range(-(-count // len(cells))):
        for tier, total, stuck in cells:
            yield scene(tier, total, stuck, random.Random(f"{tier} {total} {stuck} {number}"))


def scene(tier: str, total: int, stuck: float, rng: random.Random) -> Scene:
    rows = sizes(total, Limits().chosen_for(total, deadline=True).rows or total)
    minutes = batch_minutes(rng)
    earlier = batch_minutes(rng)
    known = rng.choice((0, 20))
    return Scene(
        tier=tier,
        total=total,
        stuck=stuck,
        rows=rows,
        drains=[lane_seconds(tier, count) for count in rows],
        ends=[math.inf if rng.random() < stuck else 60.0 * minutes() for _ in rows],
        cancels=[rng.uniform(20.0, 180.0) for _ in rows],
        history=BatchTimes(Measured(requests=rows[0], hour=0, minutes=earlier()) for _ in range(known)),
        lead=cancel_seconds(rng.uniform(20.0, 180.0) for _ in range(known)),
    )


def batch_minutes(rng: random.Random) -> Callable[[], float]:
    """What draws the lengths of a night's batches: lognormal, the median 10 to 90 minutes."""
    median, sigma = 10.0 * 9.0 ** rng.random(), rng.uniform(0.3, 1.0)
    return lambda: rng.lognormvariate(math.log(median), sigma)


def lane_seconds(tier: str, rows: int) -> float:
    return account_limits(tier).seconds(
        requests=rows, input_tokens=rows * INPUT_TOKENS, output_tokens=rows * OUTPUT_TOKENS, share=SHARE
    )


def usd(rows: int, sync_rows: int) -> int:
    """Picodollars for *rows*, so many of which went to the sync lane."""
    return sync_rows * COST["sync"] + (rows - sync_rows) * COST["batch"]


def ours(night: Scene) -> Played:
    choice = choose(
        Night(
            rows=night.total,
            sync_seconds=night.seconds,
            now=0.0,
            safe_deadline=PROMISED,
            median_seconds=night.history.median_seconds(night.rows[0], 0),
            late_seconds=night.history.late_seconds(night.rows[0], 0),
            lead=night.lead,
            cost={lane: Decimal(cost * night.total).scaleb(-12) for lane, cost in COST.items()},
        ),
        clock=str,
    )
    return Lane(night, choice.sync_rows).play()


class Lane:
    """The night from midnight to nine, event by event: a batch ends, a cancel is through, a shard asks `switch`."""

    def __init__(self, night: Scene, sync_rows: int) -> None:
        self.night = night
        self.rows = list(night.rows)
        self.open: dict[int, ShardBacklog] = {}
        self.cancelling = 0.0
        self.paid = sync_rows
        #: When the lane will have answered all it was given so far.
        self.free = 0.0
        self.events: list[tuple[float, int, int]] = []
        for shard, (count, seconds) in enumerate(zip(night.rows, night.drains, strict=True)):
            at_once = min(count, sync_rows)
            sync_rows -= at_once
            self.free += seconds * at_once / count
            if at_once < count:
                self.rows[shard] = count - at_once
                self.open[shard] = ShardBacklog(number=shard, seconds=seconds * self.rows[shard] / count)
                self.events += [(night.ends[shard], _ENDED, shard), (0.0, _LOOK, shard)]
        heapq.heapify(self.events)
        self.abandoned: dict[int, ShardBacklog] = {}

    def play(self) -> Played:
        while self.events and self.events[0][0] <= DUE:
            now, event, shard = heapq.heappop(self.events)
            if event == _RELEASED:
                seconds = self.abandoned[shard].seconds
                self.cancelling -= seconds
                self.free = max(self.free, now) + seconds
            elif shard in self.open and event == _ENDED:
                del self.open[shard]
            elif shard in self.open:
                self.look(shard, now)
        late = bool(self.open) or any(event == _RELEASED for _, event, _ in self.events)
        return Played(done=math.inf if late else self.free, sync_rows=self.paid + rows_of(self.rows, self.open))

    def look(self, shard: int, now: float) -> None:
        backlog = ShardBacklog(number=-1, seconds=max(self.free - now, 0.0) + self.cancelling, abandoned=True)
        queue = [backlog, *self.open.values()]
        match switch(shard, queue, now=now, safe_deadline=PROMISED, lead=self.night.lead):
            case WaitOn(until=until):
                heapq.heappush(self.events, (until, _LOOK, shard))
            case Abandon():
                self.abandoned[shard] = self.open.pop(shard)
                self.cancelling += self.abandoned[shard].seconds
                self.paid += self.rows[shard]
                heapq.heappush(self.events, (now + self.night.cancels[shard], _RELEASED, shard))


def all_batch(night: Scene) -> Played:
    return Played(done=max(night.ends), sync_rows=0)


def all_sync(night: Scene) -> Played:
    return Played(done=night.seconds, sync_rows=night.total)


def fixed(night: Scene) -> Played:
    at = max(PROMISED - night.lead - night.seconds, 0.0)
    abandoned = [shard for shard, end in enumerate(night.ends) if end > at]
    free = 0.0
    for released, shard in sorted((at + night.cancels[shard], shard) for shard in abandoned):
        free = max(free, released) + night.drains[shard]
    return Played(done=free, sync_rows=rows_of(night.rows, abandoned))


def blind(night: Scene) -> Played:
    free, taken = 0.0, []
    for shard, end in enumerate(night.ends):
        if end > free:
            free += night.drains[shard]
            taken.append(shard)
    return Played(done=free, sync_rows=rows_of(night.rows, taken))


def oracle(night: Scene) -> Played:
    late = [shard for shard, end in enumerate(night.ends) if end > DUE]
    return Played(done=math.fsum(night.drains[shard] for shard in late), sync_rows=rows_of(night.rows, late))


def rows_of(rows: Sequence[int], shards: Iterable[int]) -> int:
    return sum(rows[shard] for shard in shards)


PLAYERS = (ours, all_batch, all_sync, fixed, blind, oracle)

#: What we pay is told in multiples of what these pay.
COMPARED = ("all_batch", "all_sync", "fixed", "oracle")


@dataclass(frozen=True, kw_only=True)
class Result:
    """One night of every player, by its name. *sure*: the sync lane alone makes it. *easy*: blind does, with time to spare."""

    tier: str
    total: int
    stuck: float
    sure: bool
    easy: bool
    on_time: dict[str, bool]
    cost: dict[str, int]

    def more_than(self, player: str) -> float:
        """How much more we paid than *player*, as a part of what it paid."""
        return self.cost["ours"] / self.cost[player] - 1.0


def play(night: Scene) -> Result:
    played = {player.__name__: player(night) for player in PLAYERS}
    return Result(
        tier=night.tier,
        total=night.total,
        stuck=night.stuck,
        sure=night.seconds <= PROMISED,
        easy=played["blind"].done + night.drains[0] + night.lead <= DUE,
        on_time={name: one.done <= DUE for name, one in played.items()},
        cost={name: usd(night.total, one.sync_rows) for name, one in played.items()},
    )


def table(title: str, groups: Iterable[tuple[str, Sequence[Result]]]) -> Iterator[str]:
    names = [player.__name__ for player in PLAYERS]
    heads = [title, *names, *(f"× {name}" for name in COMPARED)]
    yield f"| {' | '.join(heads).replace('_', ' ')} |"
    yield "|---" + "|--:" * (len(names) + len(COMPARED)) + "|"
    for name, group in groups:
        on_time = [percent(sum(one.on_time[player] for one in group), len(group)) for player in names]
        costs = [ratios(group, player) for player in COMPARED]
        yield f"| {name} | {' | '.join([*on_time, *costs])} |"


def percent(part: int, whole: int) -> str:
    """Never 100 % where it is not all of them."""
    return f"{math.floor(1000 * part / whole) / 10:g} %"


def ratios(group: Sequence[Result], player: str) -> str:
    """The mean and the 99th percentile of what we pay to what *player* does."""
    values = sorted(1.0 + one.more_than(player) for one in group)
    return f"{statistics.fmean(values):.3f} ({values[math.ceil(0.99 * len(values)) - 1]:.2f})"


def claims(results: Sequence[Result]) -> Iterator[tuple[str, bool]]:
    """What is claimed of *results*, in sentences, and whether it holds."""
    sure = [one for one in results if one.sure]
    missed = sum(not one.on_time["ours"] for one in sure)
    yield f"The sync lane alone makes all rows in {len(sure):,} nights; we miss {missed:,} of them.", not missed
    made = [one for one in results if one.on_time["oracle"]]
    lost = [one for one in made if not one.on_time["ours"]]
    seen, easy = sum(one.on_time["blind"] for one in lost), sum(one.easy for one in lost)
    sentence = (
        f"The oracle makes {len(made):,} nights; we miss {len(lost):,} of them. Without foresight, but with cancels that take "
        f"no time, {seen:,} of those can be made, {easy:,} with a shard and its cancel to spare."
    )
    yield sentence, not easy
    for where, some in (
        ("", made),
        (" where the sync lane alone makes all rows", [one for one in made if one.sure]),
        (" where it does not", [one for one in made if not one.sure]),
    ):
        if some:
            yield overpay(where, sorted(one.more_than("oracle") for one in some)), True


def overpay(where: str, over: Sequence[float]) -> str:
    """*over*: what we paid more than the oracle, ascending."""
    beyond = sum(value > OVERPAY for value in over)
    return (
        f"More than the oracle{where}: {statistics.fmean(over):.2%} in the mean, {over[-1]:.1%} at most, beyond {OVERPAY:.0%} "
        f"in {beyond:,} of {len(over):,} nights."
    )


def main() -> int:
    began = time.perf_counter()
    results = [play(night) for night in scenes(int(os.environ.get("NIGHTS", "10000")))]
    print(
        f"{len(results):,} nights in {time.perf_counter() - began:.0f} s. Share of nights on time; cost: mean (p99).\n"
    )
    by_stuck = [(f"{stuck:.0%}", [one for one in results if one.stuck == stuck]) for stuck in STUCK]
    by_size = [
        (f"{tier} {rows:,}", [one for one in results if (one.tier, one.total) == (tier, rows)])
        for tier, rows in product(TIERS, ROWS)
    ]
    print("\n".join([*table("batches stuck", by_stuck), "", *table("tier, rows", by_size), ""]))
    kept = True
    for sentence, holds in claims(results):
        print(sentence if holds else f"BROKEN: {sentence}")
        kept = kept and holds
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
