"""The attempts that asked about an item, and the answers it took from earlier runs: a later one replaces those before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_provider_claude.core.load.answers import read_head
from airflow_provider_claude.core.row_trace import AttemptTrace, Rebuilt
from airflow_provider_claude.stages.trace.asked_requests import Asked, Reused, asked_about, asked_at, reused_for
from airflow_provider_claude.stages.trace.raw_results import said_in, said_to
from airflow_provider_claude.stages.trace.rebuild_request import rebuilt, rebuilt_here
from airflow_provider_claude.store import ShardFolder, exists
from airflow_provider_claude.store.planned_shard import PlannedShard


@dataclass(frozen=True)
class Attempts:
    """The attempts that asked about the item *ordinal* of *shard*. *requests*: whether their requests are made again, too."""

    shard: PlannedShard
    ordinal: int
    item_id: str
    requests: bool

    def traces(self) -> list[AttemptTrace]:
        asked = [self._attempt(one) for one in asked_about(self.shard, self.ordinal, self.item_id)]
        reused = [self._reused(one) for one in reused_for(self.shard, self.ordinal)]
        return sorted(
            [*reused, *asked], key=lambda one: (not one.earlier, one.round)
        )  # answers are taken before a round

    def _attempt(self, asked: Asked) -> AttemptTrace:
        request = rebuilt(asked) if self.requests else None
        return _trace(asked, self.shard, request)

    def _reused(self, reused: Reused) -> AttemptTrace:
        """The request that was answered in the run that asked; without that run, as far as this one knows it."""
        said = said_in(reused.line, "store", self.shard.plan.price)
        asked = self._source(reused)
        request = self._request(reused, asked) if self.requests else None
        intent = asked.intent if asked else None
        return AttemptTrace(
            attempt=reused.attempt,
            round=reused.of_round,
            lane="store",
            state="collected",
            custom_id=read_head(reused.line)[0],
            request_hash=reused.request_hash.hex(),
            max_tokens=reused.max_tokens,
            model=intent.model if intent else self.shard.plan.job.model,
            batch_id=reused.batch_id,
            cache=intent.cache if intent else None,
            reused_from=reused.shard,
            **_times(asked.shard, reused.attempt) if asked else {},
            said=said,
            request=request,
        )

    def _source(self, reused: Reused) -> Asked | None:
        """The request of the run that asked; None where its folder, or its plan, is gone."""
        folder = self.shard.work.shard(reused.shard)
        found = asked_at(folder, reused.attempt, reused.row) if exists(folder.path) else None
        return found if found and found.row["request_hash"] == reused.request_hash else None

    def _request(self, reused: Reused, asked: Asked | None) -> Rebuilt:
        there = rebuilt(asked) if asked else None
        return there if there and there.same else rebuilt_here(reused, self.shard, self.ordinal)


def _trace(asked: Asked, planned: PlannedShard, request: Rebuilt | None) -> AttemptTrace:
    shard, intent = asked.shard, asked.intent
    number = intent.attempt
    submitted = shard.submitted(number)
    lane = submitted.lane if submitted else intent.lane
    return AttemptTrace(
        attempt=number,
        round=intent.round,
        lane=lane,
        state=_state(shard, number),
        custom_id=asked.row["custom_id"],
        request_hash=asked.row["request_hash"].hex(),
        max_tokens=asked.row["max_tokens"],
        model=intent.model,
        batch_id=submitted.batch_id if submitted else None,
        cache=intent.cache,
        items=len(asked.rows),
        element=asked.place + 1,
        **_times(shard, number),
        earlier=intent.shard_fingerprint != planned.fingerprint,
        said=said_to(asked, lane, planned.plan.price),
        request=request,
    )


def _times(shard: ShardFolder, attempt: int) -> dict[str, Any]:
    """When *attempt* was begun, sent, and so on, as far as that is on record."""
    intent, submitted, ended = shard.intent(attempt), shard.submitted(attempt), shard.ended(attempt)
    abandoned, voided = shard.abandoned(attempt), shard.voided(attempt)
    return {
        "begun_at": intent.at if intent else None,
        "sent_at": submitted.created_at if submitted else None,
        "ended_at": ended.ended_at if ended else None,
        "abandoned_at": abandoned.at if abandoned else None,
        "voided_at": voided.at if voided else None,
        "voided_because": voided.reason if voided else None,
    }


def _state(shard: ShardFolder, attempt: int) -> str:
    if shard.voided(attempt) is not None:
        return "voided"
    if exists(shard.results(attempt)):
        return "collected"
    return "begun" if shard.submitted(attempt) is None else "submitted"
