"""What the attempts of a run have cost, or may have cost: read from their own files, and put on the record of spending.

An attempt whose results are downloaded has cost what its answers used. Where a request was sent and its answer is unknown,
it may have been paid for, at most as estimated before it was sent (`IntentRecord.most_usd`: its text counted
generously, all of `max_tokens`; where only some requests are in doubt, each counts as the dearest):

    a batch                 without results: all its requests, or those that the batch says have succeeded;
                            with fewer answers than the batch counts: those that are missing. They were paid; what they
                            cost is estimated by the mean of the others
    a request by itself     the trial, where its answer was not kept; in the sync lane those that ended without an answer,
                            and those under way when a worker was killed

Errored, expired and canceled requests are free, and so is what the API certainly did not accept.
(https://platform.claude.com/docs/en/build-with-claude/batch-processing)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from airflow_provider_claude.core.chunks import batched
from airflow_provider_claude.core.cost.cache_use import CacheUse
from airflow_provider_claude.core.cost.prices import PICODOLLARS, to_usd
from airflow_provider_claude.core.cost.run_costs import Spent
from airflow_provider_claude.core.cost.usage_columns import Usages, use_of
from airflow_provider_claude.core.load.answers import Judged, judge
from airflow_provider_claude.core.load.row_costs import is_billed
from airflow_provider_claude.core.requests.request_bytes import Named
from airflow_provider_claude.core.submit.attempt import Attempt, chain
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.store import (
    IntentRecord,
    PaidRecord,
    PlanRecord,
    RunFolder,
    ShardFolder,
    WorkFolder,
    exists,
    write_new_record,
)
from airflow_provider_claude.store.planned_shard import PlannedShard
from airflow_provider_claude.store.results import read_lines

#: Small records are read by this many threads at once: on an object store each is a round trip.
_READERS = 8

_CHUNK_ROWS = 4_000


class Recorded(NamedTuple):
    """What is on record of the attempts of a *run*, and of those of its *probes*."""

    run: list[PaidRecord]
    probes: list[PaidRecord]


def keep_on_record(run: RunFolder, work: WorkFolder, *, open_: bool, now: str, since: str | None = None) -> Recorded:
    """Put what *run* has cost so far on the record of spending of *work*; all that is on record of it then. Each of its probes
    has a record of its own.

    *open_*: the run is not over. *since*: when it was planned, if that was before *now*.
    """
    each = [keep_on_record(probe, work, open_=open_, now=now, since=since) for probe in run.probes()]
    own = work.spending.add(work.run_name(run), list(spent_by(run)), open_=open_, now=now, since=since)
    return Recorded(own, [one for probe in each for one in probe.run])


def reopen(shard: PlannedShard, clock: Callable[[], str]) -> None:
    """Note that the run of *shard* spends, where that is not on record: it is reported already, or its plan is of an earlier
    month.
    """
    now, work = clock(), shard.work
    if now[:7] != shard.plan.created_at[:7] or exists(shard.run.main.file("report.json")):
        work.spending.add(work.run_name(shard.run), [], open_=True, now=now)


def spent_by(run: RunFolder) -> Iterator[PaidRecord]:
    """What each attempt of *run* has cost, or may have."""
    with ThreadPoolExecutor(_READERS) as pool:
        for found in pool.map(lambda shard: list(_spent(shard)), run.shards()):
            yield from found


def _spent(shard: ShardFolder) -> Iterator[PaidRecord]:
    names = shard.names()
    for number in shard.attempts(names):
        paid = settled_cost(shard, number, names)
        if paid is None:
            paid = _uncertain_cost(shard, number)
        if paid is not None:
            yield paid


def settled_cost(shard: ShardFolder, number: int, names: frozenset[str]) -> PaidRecord | None:
    """What attempt *number* has cost, put on record the first time; None where its results are not here.

    *names*: the files of the shard.
    """
    if shard.paid_file(number).name in names:
        return shard.paid(number)
    intent = shard.intent(number)
    if intent is None or shard.results(number).name not in names:
        return None
    paid = _count(shard, intent)
    write_new_record(shard.paid_file(number), paid)
    return paid


def _count(shard: ShardFolder, intent: IntentRecord) -> PaidRecord:
    """The cost of an attempt by its results, read for nothing else."""
    bill = Bill(shard, intent)
    for judged in batched(_first(shard, intent), _CHUNK_ROWS):
        bill.add(judged)
    return bill.total()


class Bill:
    """What an attempt has cost by its results, summed while they are read: the first line of each request counts, as it does
    for its answer.
    """

    def __init__(self, shard: ShardFolder, intent: IntentRecord) -> None:
        self._shard, self._intent = shard, intent
        self._lane = "batch" if intent.lane == "batch" else "sync"
        self._price = intent.price
        self._lines = self._messages = self._billed = self._picodollars = 0
        self._cache = CacheUse(lane=self._lane, ttl=intent.cache) if intent.cache else None

    def add(self, judged: Sequence[Judged]) -> None:
        """Count these results, the first of their requests: each whole, also where it holds several answers."""
        sent = [one for one in judged if one.message_id]
        billed = [one.usage for one in sent if is_billed(one)]
        self._lines += len(judged)
        self._messages += len(sent)
        self._billed += len(billed)
        usages = Usages.of(billed)
        self._picodollars += sum(usages.picodollars(self._price, lane=self._lane).tolist())
        if self._cache is not None:
            self._cache = self._cache.plus(use_of(usages, self._price, self._cache))

    def total(self) -> PaidRecord:
        """The cost, once all results are counted."""
        shard, intent, usd = self._shard, self._intent, to_usd(self._picodollars)
        if self._lane == "sync":
            unsure = _cut_off(shard, intent, self._lines)
            return _record(shard, intent, answered=self._billed, usd=usd, unsure=unsure, cache=self._cache)
        missing, unsure = _lost(shard, intent, lines=self._lines, messages=self._messages)
        each = usd / self._messages if self._messages else _planned_each(shard, intent)
        return _record(
            shard, intent, answered=self._billed, usd=usd, unsure=unsure, missing=missing, each=each, cache=self._cache
        )

    def keep(self) -> None:
        """Put the cost on record, unless it is there already."""
        write_new_record(self._shard.paid_file(self._intent.attempt), self.total())


def _first(shard: ShardFolder, intent: IntentRecord) -> Iterator[Judged]:
    """The first result of each request that can be read."""
    lines = (judge(line, lambda _: {}) for line in read_lines(shard.results(intent.attempt)))
    results = ((judged.custom_id, judged) for judged in lines if judged is not None)
    return (judged for _, judged in Named(intent.fingerprint, intent.requests).first(results))


def _lost(shard: ShardFolder, intent: IntentRecord, *, lines: int, messages: int) -> tuple[int, int]:
    """How many answers the batch counts that its results, *lines* with *messages*, do not hold; and of how many requests it is
    not known what they cost: where its counts are not those of its requests, each without a line may have been paid.
    """
    ended = shard.ended(intent.attempt)
    counts = ended.counts if ended is not None else {}
    missing = min(max(counts.get("succeeded", 0) - messages, 0), intent.requests - messages)
    return missing, missing if sum(counts.values()) == intent.requests else max(missing, intent.requests - lines)


def _planned_each(shard: ShardFolder, intent: IntentRecord) -> Decimal:
    """What the plan expects one request to cost, where the attempt has no answer; the most, without a plan's estimate."""
    plan = shard.run.plan()
    usd = plan.estimate.usd("batch") if plan is not None else None
    if plan is None or usd is None or not plan.estimate.requests:
        return Decimal(intent.most_each_usd)
    return usd / plan.estimate.requests


def _cut_off(shard: ShardFolder, intent: IntentRecord, answered: int | None = None) -> int:
    """How many requests of the sync lane ended without an answer, or were under way when a worker was killed.

    *answered*: how many have an answer on record; None while the attempt is open, when that is unknown too.
    """
    leases = shard.leases(intent.attempt).all()
    unsure = sum(lease.unsure for lease in leases)
    for lease in leases:
        done = max(lease.done, answered or 0) if lease is leases[-1] else lease.done
        unsure += 0 if lease.ended else min(lease.under_way, intent.requests - done)
    return unsure if answered is not None else unsure + max((lease.done for lease in leases), default=0)


def _uncertain_cost(shard: ShardFolder, number: int) -> PaidRecord | None:
    """What an attempt without results may have cost; None where it asks nothing."""
    intent, voided, submitted = shard.intent(number), shard.voided(number), shard.submitted(number)
    if intent is None or not intent.requests:
        return None
    if voided is not None and not voided.paid and (submitted is None or submitted.batch_id == voided.batch_id):
        unsure = 0  # it was not carried out; a batch that it had is another's
    elif intent.lane == "sync":
        unsure = _cut_off(shard, intent)
    else:
        ended = shard.ended(number)
        unsure = intent.requests if ended is None else ended.counts.get("succeeded", 0)
    return _record(shard, intent, answered=0, usd=Decimal(0), unsure=unsure)


def _record(
    shard: ShardFolder,
    intent: IntentRecord,
    *,
    answered: int,
    usd: Decimal,
    unsure: int,
    missing: int = 0,
    each: Decimal = Decimal(0),
    cache: CacheUse | None = None,
) -> PaidRecord:
    """*missing* of the *unsure* requests were paid, about *each*."""
    most = _at_most(intent, unsure)
    missing_usd = to_usd(round(min(missing * each, most) * PICODOLLARS))
    return PaidRecord(
        shard=shard.number,
        attempt=intent.attempt,
        at=intent.at,
        lane="batch" if intent.lane == "batch" else "sync",
        model=intent.model,
        requests=intent.requests,
        answered=answered,
        usd=f"{usd:f}",
        unsure=unsure,
        up_to_usd=f"{most - missing_usd:f}",
        missing=missing,
        missing_usd=f"{missing_usd:f}",
        cache=cache,
    )


def _at_most(intent: IntentRecord, requests: int) -> Decimal:
    """The most that so many of its requests can cost, whichever they are. One that was tried again counts once a try."""
    each = requests * Decimal(intent.most_each_usd)
    return each if requests > intent.requests else min(each, Decimal(intent.most_usd))


def spent_beside(paid: Iterable[PaidRecord], plan: PlanRecord, histories: Mapping[int, Sequence[Attempt]]) -> Spent:
    """What the record *paid* says beside the rows of the table: *histories* are the attempts of each planned shard."""
    in_table = {
        (spec.number, one.number, one.at)
        for spec in plan.shards
        for one in chain(histories[spec.number], spec.fingerprint)
    }
    found, planned_at = list(paid), epoch(plan.created_at)
    return Spent(
        replaced=_usd(one.usd for one in found if (one.shard, one.attempt, epoch(one.at)) not in in_table),
        this_run=_usd(text for one in found if epoch(one.at) >= planned_at for text in (one.usd, one.missing_usd)),
        unsure=_usd(one.up_to_usd for one in found),
        unsure_requests=sum(one.unsure for one in found),
        missing=_usd(one.missing_usd for one in found),
        missing_requests=sum(one.missing for one in found),
    )


def with_probes(spent: Spent, paid: Sequence[PaidRecord], plan: PlanRecord) -> Spent:
    """*spent* with what the probes of a run have cost, by their records *paid*."""
    planned_at = epoch(plan.created_at)
    since = [one for one in paid if epoch(one.at) >= planned_at]
    return structs.replace(
        spent,
        probes=_usd(text for one in paid for text in (one.usd, one.missing_usd)),
        this_run=spent.this_run + _usd(text for one in since for text in (one.usd, one.missing_usd)),
        unsure=spent.unsure + _usd(one.up_to_usd for one in paid),
        unsure_requests=spent.unsure_requests + sum(one.unsure for one in paid),
    )


def _usd(amounts: Iterable[str]) -> Decimal:
    return sum(map(Decimal, amounts), Decimal(0))
