"""Batches that were abandoned at their cutoff, and have ended since: their answers are kept, and their cost is counted.

Their rows have been asked again by then, so that the table keeps one answer a row. The late answers are paid for; before,
the report could only say that they may be. Other runs may reuse them. Where a batch proves to be another's, or there is
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
from airflow_provider_claude.stages.submit.recover import AttemptRecovery, submitted
from airflow_provider_claude.store import RunFolder, ShardFolder, SubmittedRecord, results
from airflow_provider_claude.store.attempts import history
from airflow_provider_claude.store.work_of import work_of

_log = logging.getLogger(__name__)


def has_left(shard: ShardFolder) -> bool:
    """Whether an attempt was abandoned at its cutoff, and its results are not downloaded."""
    return bool(_left(shard))


def collect_late(recovery: AttemptRecovery) -> None:
    """Download the results of abandoned attempts of the shard of *recovery* that have ended since and are proven its own.

    This does not wait: if the API does not answer, a line is logged, and the report says what they may cost.
    """
    for number in _left(recovery.shard):
        try:
            _collect(recovery, number)
        except ClaudeError as error:
            _log.warning(
                "Shard %s, attempt %d: abandoned at its cutoff, its cost is not known yet: %s",
                recovery.shard,
                number,
                error,
            )


def collect_late_of(run: RunFolder, api: Api, clock: Callable[[], str]) -> None:
    """The same for all shards of a planned *run*, and of its probes."""
    plan = run.need_plan()
    for shard in shards_with_probes(run):
        if has_left(shard):
            collect_late(AttemptRecovery(shard, work_of(run, plan), api.of(plan.account), clock))


def shards_with_probes(run: RunFolder) -> list[ShardFolder]:
    """All shards of *run* and of its probes that have a folder."""
    return [shard for one in (run, *run.probes()) for shard in one.shards()]


def _collect(recovery: AttemptRecovery, number: int) -> None:
    record = recovery.shard.submitted(number) or _found(recovery, number)
    if record is None or record.batch_id is None:
        return
    ours = _is_ours(recovery, record, record.batch_id)
    if ours:
        collect.collect(recovery.shard, record, recovery.api, recovery.work, recovery.clock())
    elif ours is False and record.adopted:
        collect.disown(recovery.shard, record, recovery.work, recovery.clock())


def _left(shard: ShardFolder) -> list[int]:
    """The attempts that were voided at their cutoff, may have been paid for, and whose results are not downloaded."""
    names = shard.names()
    left = [
        number
        for number in shard.attempts(names)
        if {f"{number}.abandoned.json", f"{number}.voided.json"} <= names and shard.results(number).name not in names
    ]
    return [number for number in left if (record := shard.voided(number)) is not None and record.paid]


def _found(recovery: AttemptRecovery, number: int) -> SubmittedRecord | None:
    """The record of the batch of attempt *number*, whose id was unknown: custom ids prove which batch of the workspace it is.
    If none can be, that is put on record.
    """
    for orphan in history(recovery.shard):
        if orphan.number == number and epoch(recovery.clock()) >= orphan.until:
            found = recovery.orphans.proven(orphan)
            if found is not None:
                submitted(recovery.shard, number, recovery.api.batch(found.batch_id), adopted=True)
            elif epoch(recovery.clock()) >= orphan.until + recovery.grace and recovery.orphans.is_lost(orphan):
                reason = "no batch of the workspace's list is this attempt's"
                recovery.shard.void_unpaid(number, None, reason, recovery.clock())
    return recovery.shard.submitted(number)


def _is_ours(recovery: AttemptRecovery, record: SubmittedRecord, batch_id: str) -> bool | None:
    """Whether *batch_id* answers what attempt *record* has asked; None if it has not ended, or its results do not decide."""
    intent = recovery.shard.intent(record.attempt)
    try:
        if intent is None or recovery.api.batch(batch_id).status != ENDED:
            return None
        return results.are_of(recovery.api.results(batch_id), intent)
    except (NotFoundYetError, PendingError):
        return None
