"""Settle: the leftovers of a shard are sent again, round by round, until they are answered or given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from airflow_provider_claude.core.memory import lean_arrow
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.core.packing.repack import Repack, repack
from airflow_provider_claude.core.plan.cut_shards import TRIAL_SHARD
from airflow_provider_claude.core.requests.reuse_age import reuse_since
from airflow_provider_claude.core.settle.rounds import ROUNDS
from airflow_provider_claude.core.settle.unresolved import Unresolved, ask_again, hopeless
from airflow_provider_claude.core.submit.attempt import GRACE_SECONDS, Attempt, Reattach, Submit, chain
from airflow_provider_claude.core.task import NO_TASK, TaskRef
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import (
    BatchesRefusedError,
    HopelessError,
    NotFoundYetError,
    PendingError,
    StateError,
)
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.stages.deadline.backlog import unresolved_lane
from airflow_provider_claude.stages.deadline.shard_cutoff import ShardCutoff
from airflow_provider_claude.stages.fetch.record_end import keep_end
from airflow_provider_claude.stages.load import run as load_run
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.draft import request_hashes
from airflow_provider_claude.stages.requests.reuse import KEY_BYTES, Known, Used, read_reused, take
from airflow_provider_claude.stages.submit import run as submit_run
from airflow_provider_claude.stages.submit.collect_late import collect_late
from airflow_provider_claude.stages.submit.recover import AttemptRecovery
from airflow_provider_claude.stages.submit.refused import are_refused, to_the_sync_lane
from airflow_provider_claude.stages.submit.run import Sender
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.stages.sync.order import urgent_items
from airflow_provider_claude.stages.sync.run import SyncAttempt
from airflow_provider_claude.store import (
    AccountFolder,
    LoadedRecord,
    PlanRecord,
    SettledRecord,
    ShardFolder,
    ShardSpec,
    remove,
    write_record,
)
from airflow_provider_claude.store.attempts import history
from airflow_provider_claude.store.parquet_files import read_table
from airflow_provider_claude.store.work_of import work_of

#: Seconds until a round is looked at again that has ended, and whose results are not here.
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
    """One shard's leftovers, and how far to go for them.

    :param rounds: how often leftovers are sent again; 0 leaves them as they are.
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

    @lean_arrow()
    def go_on(self) -> Settled | Waiting:
        """Take the next step that can be taken now. Call again when the batch that is waited for has ended.

        Raises HopelessError where no row can succeed, and whatever `create` and `load` raise.
        """
        plan = self.shard.run.need_plan()
        spec = plan.shard(self.shard.shard)
        api = self.api.of(plan.account)
        work, cutoff = work_of(self.shard.run, plan), ShardCutoff(self.shard, self.clock)
        recovery = AttemptRecovery(self.shard, work, api, self.clock, self.grace, cutoff)
        collect_late(recovery)
        in_vain, found = False, 0
        while True:
            past = history(self.shard)
            opened = [attempt for attempt in past if attempt.open and attempt.shard_fingerprint == spec.fingerprint]
            if opened:
                self._carry_on(opened[0].number, plan, spec)
                continue
            rounds = chain(past, spec.fingerprint)
            waiting = self._in_flight(rounds)
            if waiting is not None:
                return waiting
            loaded = self._loaded(spec, rounds)
            again, packs = self._again(spec, loaded, plan.job.max_tokens)
            if not again or in_vain:
                return self._settled(loaded)
            next_round = loaded.round + 1
            match recovery.pursue(spec.fingerprint, next_round):
                case Reattach(attempt) if attempt.number != found:
                    found = attempt.number
                case Reattach(attempt):
                    raise PendingError(
                        f"Shard {self.shard.shard}, attempt {attempt.number} has no results yet.", _LOOK_AGAIN
                    )
                case Submit(number):
                    remove(self.shard.file("settled.json"))
                    lane, asked = self._share(plan, spec, loaded, rounds, again)
                    selection = self._selection(recovery.work, plan, spec, asked, next_round, packs)
                    if lane == "sync":
                        SyncAttempt(shard=self.shard, number=number, clock=self.clock).begin(
                            plan, spec, selection, recovery.work
                        )
                    elif batch_id := self._send(Sender(recovery, api, plan, spec), number, selection):
                        return Waiting(batch_id)
                    in_vain = len(asked) == len(again) and self._in_vain(number)

    def _send(self, sender: Sender, number: int, selection: AttemptSelection) -> str:
        """The batch of attempt *number*; empty where there is none, also because the API refuses batches."""
        try:
            return sender.send(number, selection)
        except BatchesRefusedError as error:
            if self.lane_factory is None:
                raise
            to_the_sync_lane(self.shard.run, sender.plan, error, self.clock())
            return ""

    def _selection(
        self, work: AccountFolder, plan: PlanRecord, spec: ShardSpec, again: dict[int, int], number: int, packs: Repack
    ) -> AttemptSelection:
        """What round *number* asks."""
        limits = {n: limit for n, limit in again.items() if limit != plan.job.max_tokens}
        selection = AttemptSelection(
            round=number, only=frozenset(again), max_tokens=limits, pack=packs.items, alone=packs.alone
        )
        return selection if number == 1 else replace(selection, skip=self._answered_before(work, plan, spec, selection))

    def _in_vain(self, number: int) -> bool:
        """Whether attempt *number* asks nothing, because the budget covers nothing of it."""
        intent = self.shard.intent(number)
        return intent is not None and not intent.requests and intent.withheld > 0

    def _carry_on(self, number: int, plan: PlanRecord, spec: ShardSpec) -> None:
        if self.lane_factory is None:
            raise StateError(f"{self.shard}, attempt {number} was begun by the sync lane, which is not at hand here.")
        self.api.of(plan.account).connect()
        attempt = SyncAttempt(shard=self.shard, number=number, clock=self.clock)
        refused = {"shed": False} if are_refused(self.shard.run) else {}
        attempt.carry_on(plan, spec, self.lane_factory.maker(plan.lanes, **refused))

    def _share(
        self,
        plan: PlanRecord,
        spec: ShardSpec,
        loaded: LoadedRecord,
        rounds: Sequence[Attempt],
        again: dict[int, int],
    ) -> tuple[str, dict[int, int]]:
        """The lane that asks next, and which of the leftovers *again*: what is urgent does not go back to a batch."""
        lane = self._lane(plan, spec, loaded, rounds, len(again))
        if lane == "sync" or not self._shed(loaded, rounds):
            return lane, again
        urgent = urgent_items(self.shard.run, plan, spec)
        first = {ordinal: limit for ordinal, limit in again.items() if ordinal in urgent}
        return ("sync", first) if first and not self._withheld(rounds) else (lane, again)

    def _shed(self, loaded: LoadedRecord, rounds: Sequence[Attempt]) -> bool:
        """Whether the sync lane has left rows to a batch."""
        left = self.lane_factory is not None and self.lane_factory.shed and loaded.outcomes.get("missing")
        return bool(left) and any(attempt.lane == "sync" for attempt in rounds)

    def _withheld(self, rounds: Sequence[Attempt]) -> bool:
        """Whether the budget did not cover all that was asked last."""
        intent = self.shard.intent(rounds[-1].number) if rounds else None
        return intent is not None and intent.withheld > 0

    def _lane(
        self, plan: PlanRecord, spec: ShardSpec, loaded: LoadedRecord, rounds: Sequence[Attempt], rows: int
    ) -> str:
        """The lane that asks *rows* leftovers."""
        if self.lane_factory is None:
            return "batch"
        if are_refused(self.shard.run):
            return "sync"
        if self._shed(loaded, rounds):
            return unresolved_lane(self.shard, plan, rows, now=epoch(self.clock()))
        by_sync = plan.lanes.lane == "sync" or (spec.lane == "sync" and spec.shard != TRIAL_SHARD)
        if by_sync:
            return "sync"
        mine = [attempt.number for attempt in history(self.shard) if attempt.shard_fingerprint == spec.fingerprint]
        if any(self.shard.abandoned(number) for number in mine):
            return "sync"
        return unresolved_lane(self.shard, plan, rows, now=epoch(self.clock()))

    def _settled(self, loaded: LoadedRecord) -> Settled:
        record = SettledRecord(shard_fingerprint=loaded.shard_fingerprint, round=loaded.round, at=self.clock())
        write_record(self.shard.file("settled.json"), record)
        return Settled(loaded)

    def _in_flight(self, rounds: Sequence[Attempt]) -> Waiting | None:
        """The first batch of *rounds* that has not ended. What is on record of one is not asked again."""
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
            return True  # as far as waiting goes: the load asks for its results, over an hour at most

    def _loaded(self, spec: ShardSpec, rounds: Sequence[Attempt]) -> LoadedRecord:
        """The landing of all rounds there are; made anew where a round has ended since."""
        loaded = self.shard.loaded()
        latest = max((attempt.round for attempt in rounds), default=0)
        if loaded is None or loaded.shard_fingerprint != spec.fingerprint or loaded.round != latest:
            loaded = load_run.load(self.shard, self.job, self.api, task=self.task, clock=self.clock)
        return loaded

    def _answered_before(
        self, work: AccountFolder, plan: PlanRecord, spec: ShardSpec, selection: AttemptSelection
    ) -> dict[int, bytes]:
        """Take over what earlier runs were answered when they asked again; each answer is used once."""
        hashes = request_hashes(self.shard.run, plan, spec, selection)
        known = Known(b"".join(one[:KEY_BYTES] for one in hashes.values()), list(hashes))
        since = reuse_since(self.clock(), plan.reuse_days)
        known.look_again(work, plan.job_hash, since, self._used(work, spec, selection.round))
        return take(work, known.found(0, len(hashes)), spec, self.shard.reused(spec.fingerprint, selection.round))

    def _used(self, work: AccountFolder, spec: ShardSpec, before: int) -> Used:
        """What the rounds before *before* have asked or taken."""
        taken: dict[tuple[str, int], set[int]] = {}
        for of_round in range(1, before):
            for batch in read_reused(self.shard.reused(spec.fingerprint, of_round), ["shard", "attempt", "row"]):
                for one in batch.to_pylist():
                    taken.setdefault((one["shard"], one["attempt"]), set()).add(one["row"])
        mine = work.name_of(self.shard)
        asked = {(mine, attempt.number): None for attempt in chain(history(self.shard), spec.fingerprint)}
        return {**taken, **asked}

    def _again(self, spec: ShardSpec, loaded: LoadedRecord, max_tokens: int) -> tuple[dict[int, int], Repack]:
        """The items to ask again with their limits, and how many of them share a request."""
        unresolved = _read(self.shard, max_tokens)
        why = hopeless(unresolved, asked=spec.rows)
        if why is not None:
            raise HopelessError(
                f"Shard {self.shard.shard}: {why}. Nothing more is sent. Mend it, then clear the plan task to ask again."
            )
        again = ask_again(unresolved, rounds=self.rounds)
        packs = repack(unresolved, again, items=spec.pack, rounds=self.rounds)
        return again, packs


def _read(shard: ShardFolder, max_tokens: int) -> list[Unresolved]:
    """The shard's leftovers without their duplicates. *max_tokens* is the job's, for those that nobody has asked."""
    columns = ["ordinal", "duplicate_of", "outcome", "reason", "error_type", "invalid", "max_tokens", "tries", "packed"]
    rows = read_table(shard.file("unresolved.parquet"), columns).to_pylist()
    return [
        Unresolved(
            **{
                **row,
                "outcome": Outcome(row["outcome"]),
                "max_tokens": row["max_tokens"] or max_tokens,
                "packed": row["packed"] or 1,
            }
        )
        for row in rows
        if row.pop("duplicate_of") is None
    ]
