"""One download of a batch's results: tried until it is whole, over minutes, without holding a worker.

Each incomplete look is counted in N.looks.json, so that clearing or killing the task neither loses nor repeats the count. The
best of the looks so far is N.short.jsonl.zst.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, Self

import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from airflow_provider_claude.core.account import Account
from airflow_provider_claude.core.load.reread_results import Read, next_look
from airflow_provider_claude.core.submit.polling import ENDED, bounded
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import (
    ApiUnavailableError,
    CredentialsError,
    IncompleteError,
    NotFoundYetError,
    PendingError,
    RateLimitedError,
    RequestRejectedError,
)
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.masking import masked
from airflow_provider_claude.stages.fetch.copy_results import copy_results
from airflow_provider_claude.stages.fetch.record_end import keep_end
from airflow_provider_claude.store import (
    EndedRecord,
    IntentRecord,
    LooksRecord,
    ShardFolder,
    SubmittedRecord,
    atomic_output,
    exists,
    output_of_choice,
    remove,
    write_record,
)
from airflow_provider_claude.store.result_writer import compressed

#: Seconds for which a failing API is asked again at once: a connection that was cut, a batch not known yet.
BLIP_SECONDS = 10.0

#: A batch expires after 24 hours (https://platform.claude.com/docs/en/build-with-claude/batch-processing). Two hours
#: later it should have ended.
_EXPIRED_SECONDS = 26 * 3600.0

#: Seconds until a batch that should have ended is looked at again.
_LOOK_AGAIN = 60.0

#: Errors that are the API's fault, not this run's.
_TROUBLE = (ApiUnavailableError, RateLimitedError, NotFoundYetError)

#: Errors with which the API, or a proxy before it, refuses results: 400, 401, 403, 410 and similar. If it also refuses the
#: batch, the key or the workspace is the cause, and nothing is decided about the rows.
REFUSALS = (RequestRejectedError, CredentialsError)


class Api(Protocol):
    """What fetching needs of the gateway."""

    def of(self, account: Account) -> Self: ...

    def batch(self, batch_id: str) -> BatchInfo: ...

    def results(self, batch_id: str) -> Iterator[bytes]: ...


@dataclass
class Download:
    """The results of one submitted attempt, at the moment *now*. *late*: whether the cutoff of its shard has come."""

    shard: ShardFolder
    submitted: SubmittedRecord
    batch_id: str
    intent: IntentRecord
    api: Api
    now: str
    late: Callable[[], bool]

    def fetch(self) -> None:
        """Write the results file, with whatever is there once that has been tried often enough.

        Raises PendingError where the batch has not ended, IncompleteError where the results are to be read again, and the
        error of the API where it does not answer at all, or refuses the batch itself: then nothing is decided about this batch.
        """
        try:
            for look in Retrying(
                retry=retry_if_exception_type(_TROUBLE),
                stop=stop_after_delay(BLIP_SECONDS),
                wait=wait_random_exponential(multiplier=0.5, max=5.0),
                reraise=True,
            ):
                with look:
                    self._look()
        except (*_TROUBLE, *REFUSALS) as error:
            if isinstance(error, REFUSALS):
                self._check_account()
            why = f"they could not be read ({masked(str(error))[:300]})"
            self._again(why, named=0, error=error)
            self._check_api()
            self._settle(why)

    def _look(self) -> None:
        """Read the results once, and keep them if they are whole, or no more tries are left."""
        ended = _ended(self)
        with output_of_choice(self.shard.results(self.intent.attempt)) as (stream, keep_as):
            with compressed(stream) as out:
                read = copy_results(self.api.results(self.batch_id), out, self.intent)
            if read.whole(
                asked=self.intent.requests, counted=sum(ended.counts.values()), adopted=self.submitted.adopted
            ):
                keep_as(self.shard.results(self.intent.attempt))
                remove(self.shard.short(self.intent.attempt))
                remove(self.shard.looks_file(self.intent.attempt))
                return
            before = self.shard.looks(self.intent.attempt)
            short = self.shard.short(self.intent.attempt)
            if before is None or read.ours > before.best or not exists(short):
                keep_as(short)
        self._again(read.sentence(self.intent.requests), named=read.ours)
        self._settle(read.sentence(self.intent.requests))

    def _again(self, why: str, *, named: int, error: Exception | None = None) -> None:
        """Count an incomplete look. Raises IncompleteError unless it was the last."""
        failed = error is not None
        record = self._counted(why, named=named, short=not failed)
        write_record(self.shard.looks_file(record.attempt), record)
        looks, since = (record.looks, record.since) if failed else (record.short_looks, record.short_since)
        waited = epoch(record.at) - epoch(since or record.at)
        pause = next_look(looks=looks, waited=waited, failed=failed, late=self.late())
        if pause is not None:
            pause = max(pause, bounded(getattr(error, "retry_after", None)))
            raise IncompleteError(
                f"The results of batch {self.batch_id} are incomplete: {why}. This was look {record.looks}; the next is in "
                f"{pause:.0f} s, at no cost. After some minutes of looks, the results so far are used.",
                pause,
            )

    def _counted(self, why: str, *, named: int, short: bool) -> LooksRecord:
        """The looks so far and this one. Those that were *short* are counted apart: an outage before says nothing of them."""
        fresh = LooksRecord(
            attempt=self.intent.attempt, batch_id=self.batch_id, looks=0, best=0, since=self.now, at=self.now, why=why
        )
        before = self.shard.looks(self.intent.attempt) or fresh
        return msgspec.structs.replace(
            before,
            looks=before.looks + 1,
            best=max(named, before.best),
            since=min(before.since, self.now, key=epoch),
            at=self.now,
            why=why,
            short_looks=before.short_looks + short,
            short_since=min(before.short_since or self.now, self.now, key=epoch) if short else before.short_since,
        )

    def _check_account(self) -> None:
        """Raise the API's error where it refuses the batch itself, too. An outage is not a refusal."""
        with suppress(*_TROUBLE):
            self.api.batch(self.batch_id)

    def _check_api(self) -> None:
        """Raise the API's error where it fails for every call: an outage says nothing about one batch."""
        try:
            self.api.batch(self.batch_id)
        except NotFoundYetError:
            return
        except RateLimitedError as error:
            raise ApiUnavailableError(f"{error} Each of many looks failed like this.") from error

    def _settle(self, why: str) -> None:
        """Keep the best of the looks as the results, nothing where there is none."""
        attempt = self.intent.attempt
        short = self.shard.short(attempt)
        looks = self.shard.looks(attempt)
        if looks is not None:
            if looks.best:
                why = Read(ours=looks.best).sentence(self.intent.requests)
            write_record(self.shard.looks_file(attempt), msgspec.structs.replace(looks, final=True, why=why))
        with atomic_output(self.shard.results(attempt)) as stream:
            if exists(short):
                with short.fs.open(short.path, "rb") as found:
                    shutil.copyfileobj(found, stream)
            else:
                with compressed(stream):
                    pass
        remove(short)


def _ended(one: Download) -> EndedRecord:
    """The end of the batch, looked up where it is not on record, or where its counts are not those of its requests."""
    known = one.shard.ended(one.intent.attempt)
    if known is not None and sum(known.counts.values()) == one.intent.requests:
        return known
    info = one.api.batch(one.batch_id)
    if info.status != ENDED and epoch(one.now) - epoch(info.created_at) > _EXPIRED_SECONDS:
        raise ApiUnavailableError(
            f"Batch {one.batch_id} has not ended (it is {info.status}), although it should have expired."
        )
    ended = keep_end(one.shard, one.intent.attempt, info) or known
    if ended is None:
        raise PendingError(
            f"Batch {one.batch_id} has not ended (it is {info.status}); a retry looks again.", _LOOK_AGAIN
        )
    return ended
