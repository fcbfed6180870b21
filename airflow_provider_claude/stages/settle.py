"""Settle: the leftovers of a shard are sent again, round by round, until they are answered or given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from airflow_provider_claude.core.batch.attempt import GRACE_SECONDS, Attempt, Reattach, Submit, chain
from airflow_provider_claude.core.batch.outcomes import Outcome
from airflow_provider_claude.core.batch.polling import ENDED
from airflow_provider_claude.core.memory import lean_arrow
from airflow_provider_claude.core.plan.reuse import reuse_since
from airflow_provider_claude.core.settle.leftovers import Leftover, ask_again, hopeless
from airflow_provider_claude.core.settle.rounds import ROUNDS
from airflow_provider_claude.core.task import NO_TASK, TaskRef
from airflow_provider_claude.errors import HopelessError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.stages import create, load
from airflow_provider_claude.stages.attempts import Desk, history
from airflow_provider_claude.stages.create import Sender, job_hash, shard_spec, work_of
from airflow_provider_claude.stages.parquet import read_table
from airflow_provider_claude.stages.reuse import KEY_BYTES, Known, Used, read_taken, take
from airflow_provider_claude.stages.spool import Ask, request_hashes
from airflow_provider_claude.store import LandedRecord, PlanRecord, ShardFolder, ShardSpec, WorkFolder


class Api(create.Api, load.Api, Protocol):
    """What settling needs of the gateway."""


@dataclass(frozen=True)
class Settled:
    """Nothing more is sent for this shard."""

    landed: LandedRecord


@dataclass(frozen=True)
class Waiting:
    """This batch has to end first."""

    batch_id: str


@dataclass(frozen=True, kw_only=True)
class Settling:
    """One shard's leftovers, and how far to go for them.

    :param rounds: how often leftovers are sent again; 0 leaves them as they are.
    """

    shard: ShardFolder
    job: ClaudeJob
    api: Api
    clock: Callable[[], str]
    task: TaskRef = NO_TASK
    rounds: int = ROUNDS
    grace: float = GRACE_SECONDS

    @lean_arrow()
    def go_on(self) -> Settled | Waiting:
        """Take the next step that can be taken now. Call again when the batch that is waited for has ended.

        Raises HopelessError where no row can succeed, and whatever `create` and `load` raise.
        """
        plan = self.shard.run.need_plan()
        spec = shard_spec(plan, self.shard.shard)
        desk = Desk(self.shard, work_of(self.shard, plan), self.api, self.clock, self.grace)
        while True:
            rounds = chain(history(self.shard), spec.fingerprint)
            waiting = self._in_flight(rounds)
            if waiting is not None:
                return waiting
            landed = self._landed(spec, rounds)
            again = self._again(spec, landed, plan.job["max_tokens"])
            if not again:
                return Settled(landed)
            next_round = landed.round + 1
            match desk.pursue(spec.fingerprint, next_round):
                case Reattach():
                    continue
                case Submit(number):
                    limits = {n: limit for n, limit in again.items() if limit != plan.job["max_tokens"]}
                    ask = Ask(round=next_round, only=frozenset(again), max_tokens=limits)
                    if next_round > 1:
                        ask = replace(ask, skip=self._answered_before(desk.work, plan, spec, ask))
                    Sender(desk, self.api, plan, spec).send(number, ask)

    def _in_flight(self, rounds: Sequence[Attempt]) -> Waiting | None:
        """The first batch of *rounds* that has not ended."""
        for batch_id in [attempt.batch_id for attempt in rounds if attempt.in_flight]:
            if batch_id is not None and self.api.batch(batch_id).status != ENDED:
                return Waiting(batch_id)
        return None

    def _landed(self, spec: ShardSpec, rounds: Sequence[Attempt]) -> LandedRecord:
        """The landing of all rounds there are; made anew where a round has ended since."""
        landed = self.shard.landed()
        latest = max((attempt.round for attempt in rounds), default=0)
        if landed is None or landed.root != spec.fingerprint or landed.round != latest:
            landed = load.load(self.shard, self.job, self.api, task=self.task, clock=self.clock)
        return landed

    def _answered_before(self, work: WorkFolder, plan: PlanRecord, spec: ShardSpec, ask: Ask) -> dict[int, bytes]:
        """Take over what earlier runs were answered when they asked again; each answer is used once."""
        hashes = request_hashes(self.shard.run, plan, spec, ask)
        known = Known(b"".join(one[:KEY_BYTES] for one in hashes.values()), list(hashes))
        since = reuse_since(self.clock(), plan.reuse_days)
        known.look_again(work, job_hash(plan), since, self._used(work, spec, ask.round))
        return take(work, known.found(0, len(hashes)), spec, self.shard.reused(spec.fingerprint, ask.round))

    def _used(self, work: WorkFolder, spec: ShardSpec, before: int) -> Used:
        """What the rounds before *before* have asked or taken."""
        taken: dict[tuple[str, int], set[int]] = {}
        for of_round in range(1, before):
            for batch in read_taken(self.shard.reused(spec.fingerprint, of_round), ["shard", "attempt", "row"]):
                for one in batch.to_pylist():
                    taken.setdefault((one["shard"], one["attempt"]), set()).add(one["row"])
        mine = work.name_of(self.shard)
        asked = {(mine, attempt.number): None for attempt in chain(history(self.shard), spec.fingerprint)}
        return {**taken, **asked}

    def _again(self, spec: ShardSpec, landed: LandedRecord, max_tokens: int) -> dict[int, int]:
        leftovers = _read(self.shard, max_tokens)
        why = hopeless(leftovers, asked=spec.rows)
        if why is not None:
            raise HopelessError(
                f"Shard {self.shard.shard}: {why}. Nothing more is sent. Mend it, then clear the plan task to ask again."
            )
        return ask_again(leftovers, next_round=landed.round + 1, rounds=self.rounds)


def _read(shard: ShardFolder, max_tokens: int) -> list[Leftover]:
    """The shard's leftovers without their duplicates. *max_tokens* is the job's, for those that nobody has asked."""
    columns = ["ordinal", "duplicate_of", "outcome", "reason", "error_type", "invalid", "max_tokens"]
    rows = read_table(shard.file("leftovers.parquet"), columns).to_pylist()
    return [
        Leftover(**{**row, "outcome": Outcome(row["outcome"]), "max_tokens": row["max_tokens"] or max_tokens})
        for row in rows
        if row.pop("duplicate_of") is None
    ]
