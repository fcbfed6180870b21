"""Create: one shard becomes one Message Batch, never twice for the same content."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Protocol

from airflow_provider_claude.core.memory import many_rows
from airflow_provider_claude.core.submit.attempt import GRACE_SECONDS, Reattach, Submit
from airflow_provider_claude.errors import BatchesRefusedError, ClaudeError, PendingError, UnknownFateError
from airflow_provider_claude.gateway.batch_info import BatchInfo, Body
from airflow_provider_claude.gateway.retries import soon_again
from airflow_provider_claude.stages.cost.budget import encode_affordable, free_reserved
from airflow_provider_claude.stages.cost.intents import begin
from airflow_provider_claude.stages.cost.spent import reopen
from airflow_provider_claude.stages.deadline.shard_cutoff import ShardCutoff, too_late
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.request_body import RequestBody
from airflow_provider_claude.stages.requests.reuse import planned as planned_reuse
from airflow_provider_claude.stages.requests.reuse import take
from airflow_provider_claude.stages.submit import find_orphans
from airflow_provider_claude.stages.submit.held import check_not_held
from airflow_provider_claude.stages.submit.recover import AttemptRecovery, submitted
from airflow_provider_claude.stages.submit.refused import are_refused, to_the_sync_lane
from airflow_provider_claude.stages.submit.wait_for_room import room_or_wait, wait_for_room
from airflow_provider_claude.store import (
    IntentRecord,
    ShardFolder,
)
from airflow_provider_claude.store.planned_shard import PlannedShard

#: Seconds a sender has, plus time for the bytes it sends: 4 Mbit/s are enough.
_SEND_SECONDS = 60.0


_SLOWEST_BYTES = 500_000.0


class Api(find_orphans.Api, Protocol):
    """What creating needs of the gateway."""

    def connect(self) -> None: ...

    def create_batch(self, body: Body) -> BatchInfo: ...


@many_rows()
def create(shard: ShardFolder, api: Api, *, clock: Callable[[], str], grace: float = GRACE_SECONDS) -> str:
    """The id of the batch that answers *shard*: a new one, or the one that is already paid for.

    Empty where nothing has to be sent: all answers are there from earlier runs, or the sync lane will ask them, as it is too
    late for a batch, or the API refuses batches and the plan allows it. *grace*: seconds after which the API's list must show
    a batch.

    Where an earlier attempt blocks the shard until its cutoff, it is abandoned, and the sync lane asks the rows; see
    core.deadline.at_cutoff.

    Raises PendingError where an earlier sender or batch has to end first, or the account's queue has no room, HoldError where
    an earlier attempt may have been paid for and several batches could be its, StateError where the items are no longer the
    ones that were planned, the run is held, or *api* is of another account, and the gateway's errors.
    """
    planned = PlannedShard.of(shard)
    check_not_held(planned)
    api = api.of(planned.plan.account)
    recovery = AttemptRecovery(shard, planned.work, api, clock, grace, ShardCutoff(shard, clock))
    match recovery.pursue(planned.fingerprint):
        case Reattach(attempt):
            return attempt.batch_id or ""
        case Submit(number):
            skip = take(planned, planned_reuse(planned))
            by_sync = planned.spec.lane == "sync" or are_refused(shard.run) or too_late(shard, clock)
            only = frozenset[int]() if by_sync else None
            pack = 1 if by_sync else planned.spec.pack
            if not by_sync:
                wait_for_room(planned, api, clock)
            try:
                with room_or_wait(planned, clock):
                    return Sender(recovery, api, planned).send(
                        number, AttemptSelection(skip=skip, only=only, pack=pack)
                    )
            except BatchesRefusedError as error:
                to_the_sync_lane(shard.run, planned.plan, error, clock())
                return create(shard, api, clock=clock, grace=grace)


class Sender:
    """Sends attempts of one planned shard."""

    def __init__(self, recovery: AttemptRecovery, api: Api, shard: PlannedShard) -> None:
        self.recovery, self.api, self.shard = recovery, api, shard

    def send(self, number: int, selection: AttemptSelection) -> str:
        """Pay for attempt *number*, as far as the budget goes: the id of its batch, or empty where it asks nothing.

        Of several workers with the same attempt, one sends; the others get PendingError.
        """
        shard = self.shard.folder
        self.api.connect()
        reopen(self.shard, self.recovery.clock)
        with encode_affordable(self.shard, selection, attempt=number, lane="batch") as (body, within):
            seconds = _SEND_SECONDS + len(body) / _SLOWEST_BYTES
            at = self.recovery.clock()
            intent = begin(self.shard, within, body, number=number, lane="batch", at=at, seconds=seconds)
            if intent is None:
                raise PendingError(f"Another task is sending shard {shard.number} right now.", _SEND_SECONDS)
            if intent.pack == 1 and not self.shard.run.is_probe:
                self.recovery.work.ask(intent.job, shard, number, intent.fingerprint, intent.at)
            if not body.rows:
                shard.submit(number, "store", self.recovery.clock())
                return ""
            batch = self._pay(number, body, intent)
            # Only this process knows the id. Without its record a retry has to find the batch in the API's list, minutes later.
            soon_again(partial(submitted, shard, number, batch))
        self.recovery.work.claim(shard, number, batch.id)
        self._check_wanted(number, batch.id)
        return batch.id

    def _check_wanted(self, number: int, batch_id: str) -> None:
        """Cancel the batch if another worker has voided this attempt meanwhile: it has sent the rows itself."""
        if self.shard.folder.voided(number) is not None:
            self.api.cancel_batch(batch_id)
            raise PendingError(
                f"Sending shard {self.shard.folder.number} took so long that another task has sent it again. Batch {batch_id} "
                "was cancelled at once; requests it had answered by then are billed twice.",
                _SEND_SECONDS,
            )

    def _pay(self, number: int, body: RequestBody, intent: IntentRecord) -> BatchInfo:
        """Create the batch. An attempt whose call was certainly not carried out is voided, so that a retry may pay."""
        until = datetime.fromisoformat(intent.until)
        body.expired = lambda: datetime.fromisoformat(self.recovery.clock()) > until
        try:
            return self.api.create_batch(body)
        except UnknownFateError:
            raise
        except ClaudeError as error:
            reason = f"the API did not take it: {type(error).__name__}"
            self.shard.folder.void(number, None, reason, self.recovery.clock(), paid=False)
            free_reserved(self.shard, number)
            raise
