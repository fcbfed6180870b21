"""Which batch of the workspace's list is that of an attempt whose create reply was lost: by size and time, then by custom ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from airflow_provider_claude.core.submit.attempt import SKEW_SECONDS, Attempt, Listed, may_be
from airflow_provider_claude.core.submit.polling import ENDED
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import NotFoundYetError
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.stages.fetch import download
from airflow_provider_claude.store import AccountFolder, ClaimRecord, ShardFolder, exists, results


class Api(download.Api, Protocol):
    """What finding and ending a batch needs of the gateway."""

    def batches(self, *, since: float) -> Iterator[BatchInfo]: ...

    def cancel_batch(self, batch_id: str) -> BatchInfo: ...


class ClaimState(Enum):
    """What another attempt's claim on a batch means for an orphan of the same size and time."""

    FREE = "free"
    DISPUTED = "adopted by another attempt, and not proven yet"
    TAKEN = "another attempt's"


@dataclass(frozen=True)
class Orphans:
    """The orphans of *shard*, and the batches that may be theirs. *grace*: seconds after which the API's list shows a batch."""

    shard: ShardFolder
    work: AccountFolder
    api: Api
    grace: float

    def search(self, orphan: Attempt) -> list[Listed]:
        """The workspace's batches that could be that of *orphan*; only its own where one is proven to be."""
        found = self._candidates(orphan)
        if len(found) == 1 and not found[0].disputed:
            return found  # its results are looked into when they are downloaded
        return self._by_their_ids(orphan, found)

    def proven(self, orphan: Attempt) -> Listed | None:
        """The batch of the workspace's list whose results have the custom ids of *orphan*, if there is one."""
        return next((one for one in self._candidates(orphan) if self._proof(orphan, one)), None)

    def is_lost(self, orphan: Attempt) -> bool:
        """Whether no batch of the workspace's list can be that of *orphan*: then the call was not carried out."""
        return not self._by_their_ids(orphan, self._candidates(orphan))

    def _candidates(self, orphan: Attempt) -> list[Listed]:
        """The batches of its size and time, without those that are another attempt's."""
        found = []
        for info in self.api.batches(since=orphan.at - SKEW_SECONDS):
            size, created, ended = sum(info.counts.values()), epoch(info.created_at), info.status == ENDED
            batch = Listed(batch_id=info.id, requests=size, created=created, ended=ended)
            claim_state = self._claim_state(orphan, info.id) if may_be(orphan, batch, self.grace) else ClaimState.TAKEN
            if claim_state is not ClaimState.TAKEN:
                found.append(replace(batch, disputed=claim_state is ClaimState.DISPUTED))
        return found

    def _by_their_ids(self, orphan: Attempt, found: Sequence[Listed]) -> list[Listed]:
        """*found* without those whose results are another's; only the one whose results are those of *orphan*."""
        rest = []
        for batch in found:
            proof = self._proof(orphan, batch)
            if proof:
                return [replace(batch, disputed=False)]
            rest += [batch] if proof is None else []
        return rest

    def _proof(self, orphan: Attempt, batch: Listed) -> bool | None:
        """Whether *batch* is that of *orphan*, by the first custom id in its results; None where they do not decide it, or are
        refused: the key is good, as the list of batches was read with it.

        A claim of another attempt on it is wrong then, and is removed.
        """
        intent, claim = self.shard.intent(orphan.number), self.work.claimed(batch.batch_id)
        if intent is None or not batch.ended:
            return None
        try:
            proof = results.are_of(self.api.results(batch.batch_id), intent)
        except (NotFoundYetError, *download.REFUSALS):
            return None
        if proof and claim is not None and not self.is_mine(claim, orphan.number):
            self.work.disclaim(claim)
        return proof

    def _claim_state(self, orphan: Attempt, batch_id: str) -> ClaimState:
        """Whether the work folder's records allow *orphan* to have this batch."""
        claim = self.work.claimed(batch_id)
        if claim is None or self.is_mine(claim, orphan.number):
            return ClaimState.FREE
        other = self.work.shard(claim.shard)
        if other.voided(claim.attempt) is not None:
            self.work.disclaim(claim)
            return ClaimState.FREE
        record = other.submitted(claim.attempt)
        unproven = record is None or (record.adopted and not exists(other.results(claim.attempt)))
        return ClaimState.DISPUTED if unproven else ClaimState.TAKEN

    def is_mine(self, claim: ClaimRecord, attempt: int) -> bool:
        return (claim.shard, claim.attempt) == (self.work.name_of(self.shard), attempt)
