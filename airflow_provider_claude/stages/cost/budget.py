"""The budget: reserved before each submission at the most it can cost, settled with what it did cost.

    budgets/<scope>/00001.json          so much may be spent by an attempt of a shard; numbered, one writer wins a number
    budgets/<scope>/<shard>.spent.json  what a shard's loaded attempts did cost, instead of what was reserved for them

A task that reserves adds up the records and takes the next number; if another task has taken it, it adds up again. So the
sum of reserved and spent amounts never exceeds the budget, whatever runs at once. The reservation of an attempt that was
replaced by other content, or lost, stays.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from airflow_provider_claude.core.cost.estimate import Estimate, usd
from airflow_provider_claude.core.cost.prices import Usage, to_usd
from airflow_provider_claude.core.cost.usage_columns import Usages
from airflow_provider_claude.core.packing.pack_encoder import PackEncoder
from airflow_provider_claude.core.requests.request_bytes import RequestEncoder
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.encode_attempt import encode_body
from airflow_provider_claude.stages.requests.request_body import RequestBody
from airflow_provider_claude.store import (
    PlanRecord,
    RecordSequence,
    ReservedRecord,
    SpentRecord,
    WorkFolder,
    list_names,
    read_record,
    write_record,
)
from airflow_provider_claude.store.planned_shard import PlannedShard

if TYPE_CHECKING:
    from upath import UPath

_READERS = 8

#: By how much a text may have more tokens than its bytes let expect.
_CARE = 1.5


class Budget:
    """One budget and what is left of it. *limit* is in USD."""

    def __init__(self, folder: UPath, limit: Decimal) -> None:
        self._folder, self.limit = folder, limit
        self._reservations = RecordSequence(folder, ReservedRecord, digits=5)

    @classmethod
    def of(cls, work: WorkFolder, plan: PlanRecord) -> Budget | None:
        """The budget that *plan* is under, None where it has none. Each account has one of its own."""
        if plan.budget is None:
            return None
        identity = f"{plan.budget.scope}\n{plan.account.fingerprint}"
        scope = hashlib.sha256(identity.encode()).hexdigest()[:12]
        readable = re.sub(r"[^A-Za-z0-9._-]+", "-", plan.budget.scope)[:60]
        return cls(work.path / "budgets" / f"{readable}-{scope}", Decimal(plan.budget.usd))

    def reserve(self, shard: str, attempt: int, most: Sequence[int], *, whole: bool = False) -> int:
        """How many requests, from the first, attempt *attempt* of *shard* may send; that is on record when this returns.

        *most*: what each may cost, in picodollars. *whole*: all of them or none. For the same attempt the answer is the same.
        """
        while True:
            reserved = self._reserved()
            for one in reserved.values():
                if (one.shard, one.attempt) == (shard, attempt):
                    return min(one.requests, _fitting(most, Decimal(one.usd))[0])
            count, usd = _fitting(most, self.limit - self._total(reserved.values()))
            if whole and count < len(most):
                return 0
            record = ReservedRecord(shard=shard, attempt=attempt, requests=count, usd=f"{usd:f}")
            if not count or self._reservations.write_new(max(reserved, default=0) + 1, record):
                return count

    def spent(self, shard: str, attempts: Collection[int], usd: str) -> None:
        """*attempts* of *shard* have cost *usd* together: what was reserved for them and not spent is available again.

        Where nothing was reserved for them, they were paid for before, under another budget or none.
        """
        if not any(one.shard == shard and one.attempt in attempts for one in self._reserved().values()):
            return
        record = SpentRecord(shard=shard, attempts=sorted(attempts), usd=usd)
        write_record(self._folder / f"{_name(shard)}.spent.json", record)

    def free(self, shard: str, attempt: int) -> None:
        """*attempt* of *shard* was not carried out: its reservation is released."""
        known = read_record(self._folder / f"{_name(shard)}.spent.json", SpentRecord)
        self.spent(shard, {attempt, *(known.attempts if known else ())}, known.usd if known else "0")

    def left(self) -> Decimal:
        """USD that are neither spent nor reserved."""
        return self.limit - self._total(self._reserved().values())

    def _reserved(self) -> dict[int, ReservedRecord]:
        numbers = self._reservations.numbers()
        with ThreadPoolExecutor(_READERS) as pool:
            records = zip(numbers, pool.map(self._reservations.read, numbers), strict=True)
            return {number: one for number, one in records if one is not None}

    def _total(self, reserved: Collection[ReservedRecord]) -> Decimal:
        names = [name for name in list_names(self._folder) if name.endswith(".spent.json")]
        with ThreadPoolExecutor(_READERS) as pool:
            spent = list(filter(None, pool.map(lambda name: read_record(self._folder / name, SpentRecord), names)))
        done = {(one.shard, attempt) for one in spent for attempt in one.attempts}
        open_ = (Decimal(one.usd) for one in reserved if (one.shard, one.attempt) not in done)
        return sum(open_, sum((Decimal(one.usd) for one in spent), Decimal(0)))


def free_reserved(shard: PlannedShard, attempt: int) -> None:
    """Give back what the budget, if there is one, holds for *attempt* of *shard*, which was not carried out."""
    budget = Budget.of(shard.work, shard.plan)
    if budget is not None:
        budget.free(shard.work.name_of(shard.folder), attempt)


@contextmanager
def encode_affordable(
    shard: PlannedShard, selection: AttemptSelection, *, attempt: int, lane: str
) -> Iterator[tuple[RequestBody, AttemptSelection]]:
    """The body of as much of *selection* as the budget covers, reserved for *attempt*; and what is asked then. A probe is asked
    whole or not at all.
    """
    work, plan = shard.work, shard.plan
    selection = replace(selection, cache=plan.cache.ttl(lane, shard.number))
    budget = Budget.of(work, plan)
    with encode_body(shard, selection) as body:
        most = most_of(body, plan, lane) if budget else []
        name, whole = work.name_of(shard.folder), shard.run.is_probe
        count = budget.reserve(name, attempt, most, whole=whole) if budget and most else body.count
        if count == body.count:
            yield body, selection
            return
        asked = body.indexes(count)
        withheld = body.rows - len(asked)
    less = replace(selection, only=frozenset(shard.spec.start + place for place in asked), withheld=withheld)
    with encode_body(shard, less) as body:
        yield body, less


def most_of(body: RequestBody, plan: PlanRecord, lane: str) -> list[int]:
    """The most that each request of *body* can cost, in picodollars: a generous count of its text, all of its
    `max_tokens`, and what all have in common written to the cache, where that is asked for.
    """
    shared = _shared_bytes(plan) if body.cache else 0
    a_byte, a_tool = min(_CARE * plan.lanes.input_per_byte, 1.0), _CARE * plan.lanes.tool_tokens
    tools = np.asarray(body.in_results, dtype="f8") * a_tool
    sizes, none = np.asarray(body.sizes, dtype="f8"), np.zeros(body.count, dtype="<i8")
    own = np.maximum(sizes - shared, 0) * a_byte
    common = np.minimum(sizes, shared) * a_byte + tools
    written = np.ceil(common).astype("<i8") if body.cache else none
    used = Usages(
        input=np.ceil(own if body.cache else own + common).astype("<i8"),
        output=np.asarray(body.limits, dtype="<i8"),
        cache_read=none,
        cache_write_5m=written if body.cache == "5m" else none,
        cache_write_1h=written if body.cache == "1h" else none,
    )
    most: list[int] = used.picodollars(plan.price, lane=lane).tolist()
    return most


class Most(NamedTuple):
    """The most that all requests of an attempt can cost together, and the dearest of them; in USD."""

    most_usd: str
    most_each_usd: str


def reckoned(body: RequestBody, plan: PlanRecord, lane: str) -> Most:
    most = most_of(body, plan, lane)
    return Most(f"{to_usd(sum(most)):f}", f"{to_usd(max(most, default=0)):f}")


def _shared_bytes(plan: PlanRecord) -> int:
    """What each request has beside its items, at most."""
    alone = max(frame.bytes for frame in RequestEncoder(plan.job).frames.values())
    return max(alone, PackEncoder(plan.job).frame_bytes) if plan.packing else alone


def affords_one(work: WorkFolder, plan: PlanRecord, request_bytes: int) -> bool:
    """Whether the budget, if there is one, covers one request of the sync lane, as much as it may cost."""
    budget = Budget.of(work, plan)
    most = plan.price.picodollars(Usage(input=request_bytes, output=plan.job.max_tokens), lane="sync")
    return budget is None or budget.left() >= to_usd(most)


def most_expected(plan: PlanRecord, asked: Estimate, lane: str) -> int:
    """The most that *asked*, requests of the job of *plan*, is expected to cost in *lane*, in picodollars."""
    used = Usage(input=round(_CARE * asked.input_tokens), output=asked.items * plan.job.max_tokens)
    return plan.price.picodollars(used, lane=lane)


def affords(work: WorkFolder, plan: PlanRecord, most: int) -> bool:
    """Whether the budget of *plan*, if there is one, covers *most* picodollars."""
    budget = Budget.of(work, plan)
    return budget is None or budget.left() >= to_usd(most)


def budget_sentences(work: WorkFolder, plan: PlanRecord, sums: Estimate) -> list[str]:
    """The plan's sentences about its budget, at an expected cost of *sums*."""
    budget = Budget.of(work, plan)
    if budget is None or plan.budget is None:
        return []
    left, needed = budget.left(), sums.cost["batch"]
    message = f"{usd(left)} is left of the budget of {usd(budget.limit)} for {plan.budget.scope!r}"
    if left >= needed:
        return [f"{message}."]
    return [f"{message}: about {sums.items * left / needed:,.0f} of {sums.items:,} items are covered by batch."]


def _fitting(most: Sequence[int], left: Decimal) -> tuple[int, Decimal]:
    """How many of *most* fit in *left*, and their sum."""
    total = Decimal(0)
    for count, one in enumerate(most):
        after = total + to_usd(one)
        if after > left:
            return count, total
        total = after
    return len(most), total


def _name(shard: str) -> str:
    return hashlib.sha256(shard.encode()).hexdigest()[:16]
