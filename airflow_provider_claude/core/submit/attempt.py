"""What to do with a shard: one decision over what is on record, so that nothing is paid for twice.

An attempt goes from *intent* (about to be paid for) to *submitted* (the API took it) to *collected* (its raw results
are here). An intent without more is an *orphan*: the task that wrote it died, or is still sending.

    what is on record of the content              what is done
    nothing, or only voided attempts              Submit
    submitted                                     Reattach, whatever its batch does
    submitted, results gone after 29 days         Void, then Submit
    an orphan whose sender may still be sending   Wait
    an orphan, list not read                      Search
    an orphan, no batch like it in the list       Void, then Submit
    an orphan, one batch like it                  Adopt
    an orphan, one that another has just adopted  Wait until it ends: its results prove which attempt created it
    an orphan, several that have not all ended    Wait until they end; those proven to be another's are not listed
    an orphan, several without proof in results   Hold
    the same, 29 days later                       Void: the results can no longer be downloaded
    other content that is still with the API      Replace: cancelled and collected first, then all of the above
    other content that the sync lane was asking   Close: its answers are kept first, then all of the above

An attempt of the sync lane is *open* from its intent until all its answers are on record; the task that processes it
holds its lease.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Results can be downloaded until 29 days after the batch was created
#: (https://platform.claude.com/docs/en/build-with-claude/batch-processing).
RESULTS_SECONDS = 29 * 86_400.0

#: How long after its sender stopped a batch may still appear in the API's list: a minute for that, and a minute by which
#: the clocks of two workers may differ.
GRACE_SECONDS = 120.0

#: How often to look whether an adopted batch has proven to be another's.
DISPUTE_SECONDS = 300.0

#: How far the API's clock and a worker's may be apart.
SKEW_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt on record. Times are epoch seconds; *until* is when its sender stops.

    *created* and *batch_id* are known once it is submitted; *batch_id* stays None where nothing was sent in a batch.
    *items*: how many items its requests hold together, 0 for as many as there are requests.
    """

    number: int
    shard_fingerprint: str
    round: int
    requests: int
    at: float
    until: float
    submitted: bool = False
    batch_id: str | None = None
    created: float = 0.0
    collected: bool = False
    voided: bool = False
    lane: str = "batch"
    items: int = 0

    @property
    def rows(self) -> int:
        """The items it asks."""
        return self.items or self.requests

    @property
    def orphan(self) -> bool:
        """Whether a batch may have been created for it. A lost answer of the Messages API cannot be found again."""
        return self.lane == "batch" and not self.submitted and not self.voided

    @property
    def open(self) -> bool:
        """Whether the sync lane has begun it and not finished it."""
        return self.lane == "sync" and not self.submitted and not self.voided

    @property
    def in_flight(self) -> bool:
        return self.submitted and not self.collected and not self.voided and self.batch_id is not None


def chain(history: Iterable[Attempt], shard_fingerprint: str) -> list[Attempt]:
    """The attempts that answer *shard_fingerprint*: the latest submitted one of each round, in the order of the rounds."""
    live = {a.round: a for a in history if a.shard_fingerprint == shard_fingerprint and a.submitted and not a.voided}
    return [attempt for _, attempt in sorted(live.items())]


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A batch of the workspace's list, by what distinguishes it: nothing else can be searched for.

    *disputed*: another attempt has adopted it, and its results have not proven yet which one created it. *ended*: it has results.
    """

    batch_id: str
    requests: int
    created: float
    disputed: bool = False
    ended: bool = False


@dataclass(frozen=True)
class Submit:
    """Pay for a new attempt with this number."""

    number: int


@dataclass(frozen=True)
class Reattach:
    """The same requests are already with the API, or answered: use that attempt."""

    attempt: Attempt


@dataclass(frozen=True)
class Search:
    """Read the workspace's list, then decide again."""

    attempt: Attempt


@dataclass(frozen=True)
class Adopt:
    """The attempt's call was carried out: this is its batch. Its results will prove it."""

    attempt: Attempt
    batch_id: str


@dataclass(frozen=True)
class Void:
    """The attempt no longer counts. Record that, and decide again."""

    attempt: Attempt
    reason: str


@dataclass(frozen=True)
class Replace:
    """The content changed while its batch runs: cancel it, wait for its end, keep what it answered, decide again."""

    attempt: Attempt


@dataclass(frozen=True)
class Close:
    """The content changed while the sync lane was processing it: keep its answers, and decide again."""

    attempt: Attempt


@dataclass(frozen=True)
class Wait:
    """Its sender may still be sending. Decide again at *until* (epoch seconds)."""

    attempt: Attempt
    until: float


@dataclass(frozen=True)
class Hold:
    """Several batches could be this attempt's, and their results do not decide it. A person decides before anything is sent."""

    attempt: Attempt
    batch_ids: tuple[str, ...]


Decision = Submit | Reattach | Search | Adopt | Void | Replace | Close | Wait | Hold


def decide(
    history: Sequence[Attempt],
    *,
    shard_fingerprint: str,
    of_round: int = 1,
    now: float,
    listed: Sequence[Listed] | None = None,
    grace: float = GRACE_SECONDS,
) -> Decision:
    """What to do for round *of_round* of the shard with *shard_fingerprint*, given every attempt of its shard.

    *listed* are the batches that are not proven to be another attempt's, None before the list was read; only the one that is
    proven to be this attempt's, where there is one.
    """
    live = [attempt for attempt in history if not attempt.voided]
    for attempt in live:
        if attempt.shard_fingerprint != shard_fingerprint and (step := _other(attempt, now, listed, grace)) is not None:
            return step
    same = [
        attempt
        for attempt in live
        if (attempt.shard_fingerprint, attempt.round) == (shard_fingerprint, of_round)
        and (attempt.submitted or attempt.orphan or attempt.open)
    ]
    if not same:
        return Submit(max((attempt.number for attempt in history), default=0) + 1)
    latest = same[-1]
    if latest.orphan:
        return _orphan(latest, now, listed, grace)
    if latest.in_flight and _gone(latest, now):
        return Void(latest, "its results could be downloaded until 29 days after its creation, and were not")
    return Reattach(latest)


def _other(attempt: Attempt, now: float, listed: Sequence[Listed] | None, grace: float) -> Decision | None:
    """What has to be done about an attempt of other content; None where it has ended."""
    if attempt.orphan:
        return _orphan(attempt, now, listed, grace)
    if attempt.open:
        return Close(attempt)
    return Replace(attempt) if attempt.in_flight and not _gone(attempt, now) else None


def _gone(attempt: Attempt, now: float) -> bool:
    """Whether the results of a batch can no longer be downloaded."""
    return now > attempt.created + RESULTS_SECONDS


def _orphan(orphan: Attempt, now: float, listed: Sequence[Listed] | None, grace: float) -> Decision:
    if now < orphan.until + grace:
        return Wait(orphan, orphan.until + grace)
    if listed is None:
        return Search(orphan)
    found = [batch for batch in listed if may_be(orphan, batch, grace)]
    kept = [batch for batch in found if now <= batch.created + RESULTS_SECONDS]
    if not kept:
        gone = "the results of all batches that could be its are gone, 29 days after their creation"
        return Void(orphan, gone if found else "no batch of its size was created while it could be sent")
    unclear_yet = len(kept) > 1 and any(now - batch.created < grace or not batch.ended for batch in kept)
    if unclear_yet or any(batch.disputed for batch in kept):
        return Wait(orphan, now + DISPUTE_SECONDS)
    first, *others = kept
    return Hold(orphan, tuple(batch.batch_id for batch in kept)) if others else Adopt(orphan, first.batch_id)


def may_be(orphan: Attempt, batch: Listed, grace: float) -> bool:
    """Whether *batch* has the size of *orphan*, and was created when that could be sent."""
    first, last = orphan.at - SKEW_SECONDS, orphan.until + grace + SKEW_SECONDS
    return batch.requests == orphan.requests and first <= batch.created <= last
