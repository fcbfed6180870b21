"""Batches that were left at their cutoff, and have ended since: what they have answered is kept, and what it cost counted.

Their rows have been asked again by then, so that the table keeps one answer a row. The late answers are paid for; an earlier
look could only say that they may be. Other runs may take them. Where it turns out that a batch is another's, or that there is
none, nothing was paid, and that is put on record, too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from airflow_provider_claude.core.submit.polling import ENDED
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import ClaudeError, NotFoundYetError, PendingError
from airflow_provider_claude.stages.fetch import collect
from airflow_provider_claude.stages.submit.find_orphans import Api
from airflow_provider_claude.stages.submit.recover import Desk, submitted
from airflow_provider_claude.store import RunFolder, ShardFolder, SubmittedRecord, results
from airflow_provider_claude.store.attempts import history
from airflow_provider_claude.store.work_of import work_of

_log = logging.getLogger(__name__)


def has_left(shard: ShardFolder) -> bool:
    """Whether an attempt was left at its cutoff, and its results are not here."""
    return bool(_left(shard))


def collect_late(desk: Desk) -> None:
    """Download what has ended since of the attempts that the shard of *desk* has left at their cutoff, where it is proven.

    Nothing waits for it: where the API does not answer, that is logged, and the report says what they may cost.
    """
    for number in _left(desk.shard):
        try:
            _collect(desk, number)
        except ClaudeError as error:
            _log.warning(
                "Shard %s, attempt %d: abandoned at its cutoff, its cost is not known yet: %s",
                desk.shard,
                number,
                error,
            )


def collect_late_of(run: RunFolder, api: Api, clock: Callable[[], str]) -> None:
    """The same for all shards of a planned *run*."""
    plan = run.need_plan()
    for shard in run.shards():
        if has_left(shard):
            collect_late(Desk(shard, work_of(run, plan), api.of(plan.account), clock))


def _collect(desk: Desk, number: int) -> None:
    record = desk.shard.submitted(number) or _found(desk, number)
    if record is None or record.batch_id is None:
        return
    ours = _is_ours(desk, record, record.batch_id)
    if ours:
        collect.collect(desk.shard, record, desk.api, desk.work, desk.clock())
    elif ours is False and record.adopted:
        collect.disown(desk.shard, record, desk.work, desk.clock())


def _left(shard: ShardFolder) -> list[int]:
    """The attempts that were released at their cutoff, may have been paid for, and whose results are not here."""
    names = shard.names()
    left = [
        number
        for number in shard.attempts(names)
        if {f"{number}.letgo.json", f"{number}.released.json"} <= names and shard.results(number).name not in names
    ]
    return [number for number in left if (record := shard.released(number)) is not None and record.paid]


def _found(desk: Desk, number: int) -> SubmittedRecord | None:
    """The record of the batch of attempt *number*, whose id was not known: custom ids prove one of the workspace's. Where none
    can be its, that is put on record.
    """
    for orphan in history(desk.shard):
        if orphan.number == number and epoch(desk.clock()) >= orphan.until:
            found = desk.orphans.proven(orphan)
            if found is not None:
                submitted(desk.shard, number, desk.api.batch(found.batch_id), adopted=True)
            elif epoch(desk.clock()) >= orphan.until + desk.grace and desk.orphans.is_lost(orphan):
                reason = "no batch of the workspace's list is this attempt's"
                desk.shard.release_unpaid(number, None, reason, desk.clock())
    return desk.shard.submitted(number)


def _is_ours(desk: Desk, record: SubmittedRecord, batch_id: str) -> bool | None:
    """Whether *batch_id* answers what attempt *record* has asked; None where it has not ended, or its results do not tell."""
    intent = desk.shard.intent(record.attempt)
    try:
        if intent is None or desk.api.batch(batch_id).status != ENDED:
            return None
        return results.are_of(desk.api.results(batch_id), intent)
    except (NotFoundYetError, PendingError):
        return None
