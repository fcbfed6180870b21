"""`adopt` and `resend`: a person decides about an attempt that has no batch id."""

from __future__ import annotations

from typing import Protocol

from airflow_provider_claude.cli.screen import Screen, time
from airflow_provider_claude.core.submit.attempt import GRACE_SECONDS, Attempt
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import NotFoundYetError, StateError
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.stages.submit.recover import submitted
from airflow_provider_claude.store import AccountFolder, ShardFolder
from airflow_provider_claude.store.attempts import history

_SAID_SO = "a person decided that none of the API's batches is this attempt's (claude-batch resend)"

_DELETED = "the API no longer knows its batch (claude-batch resend)"


class Api(Protocol):
    """What resolving a hold needs of the gateway."""

    def batch(self, batch_id: str) -> BatchInfo: ...


def adopt(shard: ShardFolder, work: AccountFolder, batch_id: str, api: Api, out: Screen, *, now: str) -> int:
    """Make *batch_id* the batch of the latest orphaned attempt of *shard*. Returns the exit code.

    Raises StateError where there is no such attempt or its sender may still be sending, where the API does not know
    the batch, where it has another number of requests, and where it is another attempt's; then nothing is written.
    """
    orphan = _orphan(shard, now)
    info = _known(api, batch_id)
    requests = sum(info.counts.values())
    if requests != orphan.requests:
        raise StateError(
            f"Batch {info.id} has {requests:,} requests; attempt {orphan.number} of {shard} was to send "
            f"{orphan.requests:,}. It belongs to another attempt. Nothing was adopted."
        )
    _check_free(shard, work, orphan, info.id)
    submitted(shard, orphan.number, info, adopted=True)
    out.document(
        {
            "shard": str(shard),
            "attempt": orphan.number,
            "adopted": info.id,
            "requests": requests,
            "created_at": info.created_at,
            "status": info.status,
            "also_without_batch": _others(shard),
        }
    )
    out.line(
        f"Attempt {orphan.number} of shard {shard.number} is now batch {info.id}: {requests:,} requests, created "
        f"{time(info.created_at)}, {info.status}."
    )
    out.line(
        "Clear the task that was held: it uses the batch and pays nothing. The load checks the results' custom ids."
    )
    _more(shard, out)
    return 0


def resend(shard: ShardFolder, out: Screen, *, now: str, deleted_at: Api | None = None) -> int:
    """Write an attempt of *shard* off: the latest orphan, or else one whose batch was deleted at the API *deleted_at*.

    Returns the exit code. Raises StateError where there is no such attempt, or its sender may still be sending.
    """
    lost = _lost(history(shard), deleted_at) if deleted_at is not None else None
    attempt = lost or _orphan(shard, now)
    shard.void(attempt.number, None, _DELETED if lost else _SAID_SO, now)
    out.document(
        {
            "shard": str(shard),
            "written_off": attempt.number,
            "requests": attempt.requests,
            "also_without_batch": _others(shard),
        }
    )
    out.line(f"Attempt {attempt.number} of shard {shard.number} is written off: it no longer counts.")
    out.line(
        f"The next run of the create task pays for a new batch of these rows. If the {attempt.requests:,} requests were "
        "accepted after all, their batch is billed too, and not used."
    )
    _more(shard, out)
    return 0


def _orphan(shard: ShardFolder, now: str) -> Attempt:
    attempts = history(shard)
    orphans = [attempt for attempt in attempts if attempt.orphan]
    if not orphans:
        raise StateError(
            f"No attempt of {shard} waits for a decision: of {len(attempts)} on record each has its batch, or was "
            f"written off. `claude-batch show {shard}` shows them."
        )
    latest, until = orphans[-1], orphans[-1].until + GRACE_SECONDS
    if epoch(now) < until:
        raise StateError(
            f"The task that sends attempt {latest.number} of {shard} may still be sending, and would record its batch "
            f"itself. Try again in {until - epoch(now):.0f} s."
        )
    return latest


def _known(api: Api, batch_id: str) -> BatchInfo:
    try:
        return api.batch(batch_id)
    except NotFoundYetError as e:
        raise StateError(
            f"The API does not know batch {batch_id} in the workspace of this connection; nothing was adopted. {e}"
        ) from e


def _lost(attempts: list[Attempt], api: Api) -> Attempt | None:
    """The attempt whose results are not downloaded, and whose batch the API does not know: it was deleted."""
    for attempt in attempts:
        if attempt.in_flight and attempt.batch_id is not None:
            try:
                api.batch(attempt.batch_id)
            except NotFoundYetError:
                return attempt
    return None


def _check_free(shard: ShardFolder, work: AccountFolder, orphan: Attempt, batch_id: str) -> None:
    """Check that the batch belongs to no other attempt, and record it for this one."""
    for other in history(shard):
        if other.batch_id == batch_id:
            raise StateError(f"Batch {batch_id} is attempt {other.number} of this shard; nothing was adopted.")
    claim = work.claimed(batch_id) or work.claim(shard, orphan.number, batch_id)
    if (claim.shard, claim.attempt) != (work.name_of(shard), orphan.number):
        raise StateError(
            f"Batch {batch_id} is attempt {claim.attempt} of {claim.shard}, by {work.own}/batches/{batch_id}.json; nothing "
            "was adopted."
        )


def _others(shard: ShardFolder) -> list[int]:
    """The attempts that wait for a decision."""
    return [other.number for other in history(shard) if other.orphan]


def _more(shard: ShardFolder, out: Screen) -> None:
    """Say so if another attempt also waits for a decision."""
    for other in _others(shard):
        out.line(f"Attempt {other} has no batch id either: run `claude-batch show {shard}`, and decide again.")
