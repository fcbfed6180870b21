"""Settle: sends the unresolved rows of a shard again, round by round, until they are answered or cannot be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from airflow_provider_claude.core.memory import many_rows
from airflow_provider_claude.core.settle.rounds import ROUNDS
from airflow_provider_claude.core.submit.attempt import GRACE_SECONDS, Attempt, Reattach, Submit
from airflow_provider_claude.core.task_ref import NO_TASK, TaskRef
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import (
    BatchesRefusedError,
    NotFoundYetError,
    PendingError,
    StateError,
)
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.stages.deadline.shard_cutoff import ShardCutoff
from airflow_provider_claude.stages.fetch.record_end import keep_end
from airflow_provider_claude.stages.load import run as load_run
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.settle.next_round import next_round
from airflow_provider_claude.stages.settle.round_lane import RoundLane
from airflow_provider_claude.stages.submit import run as submit_run
from airflow_provider_claude.stages.submit.collect_late import collect_late
from airflow_provider_claude.stages.submit.held import check_not_held
from airflow_provider_claude.stages.submit.recover import AttemptRecovery
from airflow_provider_claude.stages.submit.refused import are_refused, to_the_sync_lane
from airflow_provider_claude.stages.submit.run import Sender
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.stages.sync.run import SyncAttempt
from airflow_provider_claude.store import (
    LoadedRecord,
    SettledRecord,
    ShardFolder,
    remove,
    write_record,
)
from airflow_provider_claude.store.planned_shard import PlannedShard

#: Seconds until the next look at a round that has ended, and whose results are not downloaded.
_LOOK_AGAIN = 60.0


class Api(submit_run.Api, load_run.Api, Protocol):
    """What settling needs of the gateway."""


@dataclass(frozen=True)
class Settled:
    """Nothing more is sent for this shard."""

    loaded: LoadedRecord


@dataclass(frozen=True)
class Waiting:
    """This batch has to end first."""

    batch_id: str


@dataclass(frozen=True, kw_only=True)
class Settling:
    """One shard's unresolved rows, and how often to ask them.

    :param rounds: how often unresolved rows are sent again; 0 leaves them as they are.
    :param lane_factory: the way to the sync lane; None leaves it out.
    """

    shard: ShardFolder
    job: ClaudeJob
    api: Api
    clock: Callable[[], str]
    task: TaskRef = NO_TASK
    rounds: int = ROUNDS
    grace: float = GRACE_SECONDS
    lane_factory: LaneFactory | None = None

    @many_rows()
    def go_on(self) -> Settled | Waiting:
        """Take the next step that can be taken now. Call again when the batch that is waited for has ended.

        Raises HopelessError where no row can succeed, and whatever `create` and `load` raise.
        """
        shard = PlannedShard.of(self.shard)
        check_not_held(shard)
        api = self.api.of(shard.plan.account)
        recovery = AttemptRecovery(
            self.shard, shard.work, api, self.clock, self.grace, ShardCutoff(self.shard, self.clock)
        )
        collect_late(recovery)
        in_vain, found = False, 0
        while True:
            opened = [attempt for attempt in shard.attempts() if attempt.open]
            if opened:
                self._carry_on(opened[0].number, shard)
                continue
            rounds = shard.rounds()
            waiting = self._in_flight(rounds)
            if waiting is not None:
                return waiting
            loaded = self._loaded(shard, rounds)
            upcoming = next_round(shard, self.rounds)
            if not upcoming.again or in_vain:
                return self._settled(loaded)
            of_round = loaded.round + 1
            match recovery.pursue(shard.fingerprint, of_round):
                case Reattach(attempt) if attempt.number != found:
                    found = attempt.number
                case Reattach(attempt):
                    raise PendingError(
                        f"Shard {shard.number}, attempt {attempt.number} has no results yet.", _LOOK_AGAIN
                    )
                case Submit(number):
                    remove(self.shard.file("settled.json"))
                    lane, asked = self._lane(shard, loaded, rounds).share(upcoming.again)
                    selection = upcoming.selection(asked, of_round, self.clock())
                    if lane == "sync":
                        SyncAttempt(shard=self.shard, number=number, clock=self.clock).begin(shard, selection)
                    elif batch_id := self._send(Sender(recovery, api, shard), number, selection):
                        return Waiting(batch_id)
                    in_vain = len(asked) == len(upcoming.again) and self._in_vain(number)

    def _lane(self, shard: PlannedShard, loaded: LoadedRecord, rounds: Sequence[Attempt]) -> RoundLane:
        now = epoch(self.clock())
        return RoundLane(shard=shard, loaded=loaded, rounds=rounds, lane_factory=self.lane_factory, now=now)

    def _send(self, sender: Sender, number: int, selection: AttemptSelection) -> str:
        """The batch of attempt *number*; empty where there is none, also because the API refuses batches."""
        try:
            return sender.send(number, selection)
        except BatchesRefusedError as error:
            if self.lane_factory is None:
                raise
            to_the_sync_lane(self.shard.run, sender.shard.plan, error, self.clock())
            return ""

    def _in_vain(self, number: int) -> bool:
        """Whether attempt *number* asks nothing, because the budget covers none of it."""
        intent = self.shard.intent(number)
        return intent is not None and not intent.requests and intent.withheld > 0

    def _carry_on(self, number: int, shard: PlannedShard) -> None:
        if self.lane_factory is None:
            raise StateError(f"{self.shard}, attempt {number} was begun by the sync lane, which is not available here.")
        self.api.of(shard.plan.account).connect()
        attempt = SyncAttempt(shard=self.shard, number=number, clock=self.clock)
        refused = {"shed": False} if are_refused(self.shard.run) else {}
        attempt.carry_on(shard, self.lane_factory.maker(shard.plan.lanes, **refused))

    def _settled(self, loaded: LoadedRecord) -> Settled:
        record = SettledRecord(shard_fingerprint=loaded.shard_fingerprint, round=loaded.round, at=self.clock())
        write_record(self.shard.file("settled.json"), record)
        return Settled(loaded)

    def _in_flight(self, rounds: Sequence[Attempt]) -> Waiting | None:
        """The first batch of *rounds* that has not ended. The API is not asked about a recorded end."""
        for attempt in rounds:
            if (
                attempt.in_flight
                and attempt.batch_id is not None
                and not self._has_ended(attempt.number, attempt.batch_id)
            ):
                return Waiting(attempt.batch_id)
        return None

    def _has_ended(self, number: int, batch_id: str) -> bool:
        if self.shard.ended(number) is not None:
            return True
        try:
            return keep_end(self.shard, number, self.api.batch(batch_id)) is not None
        except NotFoundYetError:
            return True  # for the wait: the load asks for its results, for at most an hour

    def _loaded(self, shard: PlannedShard, rounds: Sequence[Attempt]) -> LoadedRecord:
        """The load of all rounds so far; done again if a round has ended since."""
        loaded = shard.loaded()
        latest = max((attempt.round for attempt in rounds), default=0)
        if loaded is None or loaded.round != latest:
            loaded = load_run.load(self.shard, self.job, self.api, task=self.task, clock=self.clock)
        return loaded
