"""The attempts of a shard: read from its records, continued as `core.submit.attempt` decides, and recorded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from airflow_provider_claude.core.submit.attempt import (
    DISPUTE_SECONDS,
    GRACE_SECONDS,
    Adopt,
    Attempt,
    Close,
    Hold,
    Listed,
    Reattach,
    Replace,
    Search,
    Submit,
    Void,
    Wait,
    decide,
)
from airflow_provider_claude.core.submit.polling import ENDED
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import (
    ApiUnavailableError,
    ClaudeError,
    HoldError,
    NotFoundYetError,
    PendingError,
    RateLimitedError,
    StateError,
)
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.stages.fetch import collect
from airflow_provider_claude.stages.submit.find_orphans import Api, Orphans
from airflow_provider_claude.stages.sync.run import SyncAttempt
from airflow_provider_claude.store import (
    AccountFolder,
    ShardFolder,
)
from airflow_provider_claude.store.attempts import LEFT, history

#: Seconds between two looks at a batch that is being cancelled; a cancel takes about half a minute.
_CANCEL_LOOK = 30.0


#: A step that must be done before anything can be sent, and the error that prevents it.
_Step = Search | Adopt | Void | Replace | Close | Wait | Hold


_BLOCKS = (PendingError, HoldError, ApiUnavailableError, RateLimitedError, NotFoundYetError)


class Cutoff(Protocol):
    """How long a shard may wait for an attempt that blocks it."""

    def left(self) -> float:
        """Seconds until its cutoff: 0 where it has come, infinite where there is none."""

    def answers(self) -> bool:
        """Whether the rows are asked again when it has come."""


class NoCutoff:
    """That of a shard without a deadline."""

    def left(self) -> float:
        return math.inf

    def answers(self) -> bool:
        return False


class AttemptRecovery:
    """A shard's attempts, and what can be done with them. Every step is on record before the next is taken."""

    def __init__(
        self,
        shard: ShardFolder,
        work: AccountFolder,
        api: Api,
        clock: Callable[[], str],
        grace: float = GRACE_SECONDS,
        cutoff: Cutoff | None = None,
    ) -> None:
        self.shard, self.work, self.api, self.clock, self.grace = shard, work, api, clock, grace
        self.cutoff = cutoff or NoCutoff()
        self.orphans = Orphans(shard, work, api, grace)

    def pursue(self, shard_fingerprint: str, of_round: int = 1) -> Submit | Reattach:
        """Do the steps that come before *shard_fingerprint* may be paid for, or find that it already is.

        Raises PendingError where something else has to end first, HoldError where a person has to look, and the API's errors
        where it does not answer. None is raised past the shard's cutoff if its rows are to be answered anyway: then the
        blocking attempt is abandoned, on record.
        """
        listed: list[Listed] | None = None
        while True:
            now = epoch(self.clock())
            step = decide(
                history(self.shard),
                shard_fingerprint=shard_fingerprint,
                of_round=of_round,
                now=now,
                listed=listed,
                grace=self.grace,
            )
            match step:
                case Submit():
                    return step
                case Reattach(attempt):
                    self._claim(attempt)
                    return step
                case _:
                    listed = self._resolve(step, now)

    def _resolve(self, step: _Step, now: float) -> list[Listed] | None:
        """Carry out *step*, or abandon what blocks it: returns the batches found, None if the step does not search."""
        try:
            if isinstance(step, Search):
                return self.orphans.search(step.attempt)
            self._carry_out(step, now)
        except _BLOCKS as error:
            self._leave(step.attempt, error)
        return None

    def _leave(self, attempt: Attempt, why: ClaudeError) -> None:
        """Abandon *attempt*, which blocks the shard, if the cutoff has come; else raise *why*, to wait for it."""
        left, answers = self.cutoff.left(), self.cutoff.answers()
        if not left:
            now = self.clock()
            self.shard.abandon(attempt.number, attempt.batch_id, now, waits=not answers)
            if answers:
                self.shard.void(attempt.number, attempt.batch_id, f"{LEFT}: {why}", now)
                return
        held = isinstance(why, HoldError) and answers and math.isfinite(left)
        if not held and not isinstance(why, PendingError):
            raise why
        pause = why.retry_after if isinstance(why, PendingError) else None
        raise PendingError(str(why), min(pause or DISPUTE_SECONDS, left or DISPUTE_SECONDS)) from why

    def _carry_out(self, step: Adopt | Void | Replace | Close | Wait | Hold, now: float) -> None:
        """Carry out a step after which everything is decided again, or say why it has to wait."""
        match step:
            case Adopt(attempt, batch_id):
                self._adopt(attempt, batch_id)
            case Void(attempt, reason):
                self.shard.void(attempt.number, None, reason, self.clock(), paid=attempt.submitted)
            case Replace(attempt):
                self._replace(attempt)
            case Close(attempt):
                SyncAttempt(shard=self.shard, number=attempt.number, clock=self.clock).close()
                self._remember(attempt)
            case Wait(attempt, until):
                raise PendingError(_still_sending(self.shard, attempt), until - now)
            case Hold(attempt, batch_ids):
                raise HoldError(_what_to_do(self.shard, attempt, batch_ids))

    def _remember(self, closed: Attempt) -> None:
        """Let other runs reuse the answers of a closed attempt of the sync lane."""
        record = self.shard.submitted(closed.number)
        if record is not None:
            collect.collect(self.shard, record, self.api, self.work, self.clock())

    def _claim(self, attempt: Attempt) -> None:
        if attempt.batch_id is not None:
            self.work.claim(self.shard, attempt.number, attempt.batch_id)

    def _adopt(self, orphan: Attempt, batch_id: str) -> None:
        """Make *batch_id* the batch of *orphan*, unless another attempt was faster; then the list is read again."""
        claim = self.work.claim(self.shard, orphan.number, batch_id)
        if not self.orphans.is_mine(claim, orphan.number):
            return
        info = self.api.batch(batch_id)
        submitted(self.shard, orphan.number, info, adopted=True)

    def _replace(self, stale: Attempt) -> None:
        """Cancel a batch whose rows have changed, and keep what it had answered."""
        record = self.shard.submitted(stale.number)
        if record is None or record.batch_id is None:
            raise StateError(f"{self.shard}, attempt {stale.number}: its batch is no longer on record.")
        info = self.api.batch(record.batch_id)
        if info.status != ENDED and record.adopted:
            raise PendingError(
                f"Batch {record.batch_id} was adopted for the earlier content of shard {self.shard.number}. Its results will "
                "prove whether it is; it is not cancelled until then, because it may be another's.",
                DISPUTE_SECONDS,
            )
        if info.status != ENDED:
            if info.status != "canceling":
                self.api.cancel_batch(record.batch_id)
            raise PendingError(
                f"Batch {record.batch_id} answers the earlier content of shard {self.shard.number}. It is being cancelled; its "
                "answers so far are paid for, kept and used, and the rest is sent again when it has ended.",
                _CANCEL_LOOK,
            )
        collect.collect(self.shard, record, self.api, self.work, self.clock())


def submitted(shard: ShardFolder, attempt: int, info: BatchInfo, *, adopted: bool = False) -> None:
    """Record that *info* is the batch of *attempt*."""
    shard.submit(
        attempt,
        "batch",
        info.created_at,
        batch_id=info.id,
        expires_at=info.expires_at,
        adopted=adopted,
    )


def _still_sending(shard: ShardFolder, attempt: Attempt) -> str:
    return (
        f"Shard {shard.number}, attempt {attempt.number}: {shard.file(f'{attempt.number}.intent.json')} says that its "
        f"{attempt.requests:,} requests were about to be sent. Their sender may still be sending, or another shard is "
        "checking whether a batch of that size is its own. Nothing is sent before that is known."
    )


def _what_to_do(shard: ShardFolder, attempt: Attempt, batch_ids: tuple[str, ...]) -> str:
    """The message of a hold: what is unknown, and what a person can do about it."""
    return (
        f"Shard {shard.number}, attempt {attempt.number}: the task that sent its {attempt.requests:,} requests died before "
        f"recording the batch id, and {len(batch_ids)} batches of that size and time match no other attempt: "
        f"{', '.join(batch_ids)}. Nothing is sent, because it could be paid for twice. Look them up in the Console, then "
        f"run `claude-batch adopt {shard} <batch id>`, or `claude-batch resend {shard}` if it is none of them, and clear "
        "this task."
    )
