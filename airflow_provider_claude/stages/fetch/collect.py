"""The raw results of a batch: downloaded, proven to be the shard's own, kept compressed, read back line by line."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.fetch.download import Api, Download
from airflow_provider_claude.store import (
    AccountFolder,
    ClaimRecord,
    ShardFolder,
    SubmittedRecord,
    exists,
    remove,
)
from airflow_provider_claude.store.results import lines_are_of, read_lines


def collect(
    shard: ShardFolder,
    submitted: SubmittedRecord,
    api: Api,
    work: AccountFolder,
    now: str,
    *,
    late: Callable[[], bool] = lambda: False,
) -> None:
    """Download the raw results of a submitted attempt, and list them in the work folder, whose other runs may reuse them. Packs
    are not listed: an answer from a pack was given beside others. Nor are probes.

    A batch that was adopted and proves to be another's is voided: neither loaded nor cancelled.

    Raises PendingError where the batch has not ended, IncompleteError where its results are not whole yet, and
    ApiUnavailableError where the API does not answer at all. After enough tries, what is there is kept (see download);
    sooner where it is *late*: the cutoff of the shard has come.
    """
    intent = shard.intent(submitted.attempt)
    if intent is None:
        raise StateError(
            f"{shard.file(f'{submitted.attempt}.intent.json')} is missing, although its batch is on record."
        )
    path = shard.results(submitted.attempt)
    if submitted.batch_id is not None and not exists(path):
        Download(shard, submitted, submitted.batch_id, intent, api, now, late).fetch()
    if submitted.adopted and lines_are_of(read_lines(path), intent) is False:
        remove(path)
        disown(shard, submitted, work, now)
        return
    if intent.pack == 1 and not shard.run.is_probe:
        work.collect(intent.job, shard, submitted.attempt, intent.fingerprint, submitted.created_at)


def disown(shard: ShardFolder, adopted: SubmittedRecord, work: AccountFolder, now: str) -> None:
    """Put on record that the *adopted* batch is another's: nothing was paid for this attempt, because no other batch of its
    size and time existed at the adoption.
    """
    reason = f"batch {adopted.batch_id} was adopted by its size and time; its results prove that it is another's"
    shard.void_unpaid(adopted.attempt, adopted.batch_id, reason, now)
    work.disclaim(ClaimRecord(batch_id=adopted.batch_id or "", shard=work.name_of(shard), attempt=adopted.attempt))
