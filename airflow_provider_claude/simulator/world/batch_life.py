"""The life of a batch, as pure decisions: no HTTP, no files, no clock.

    in_progress ──────────────────────────► ended      all processed, or the rest expired at 24 h
         └────► canceling ────────────────► ended      the rest canceled

`ended` is final. Counters stay in `processing` until then, and their sum is always the total. Results can be had
until 29 days after *creation*; from then on the batch is archived.
Source: https://platform.claude.com/docs/en/build-with-claude/batch-processing
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

EXPIRES_AFTER = 24 * 3600.0
ARCHIVED_AFTER = 29 * 24 * 3600.0
#: A cancellation takes this long; about what has been observed.
CANCEL_SECONDS = 25.0


class Counts(Struct):
    """How many requests ended how, once the batch has ended."""

    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0


class Batch(Struct, kw_only=True):
    """One batch. Times are simulated epoch seconds; *duration* is what it would take, undisturbed.

    *cancel_ignored*: it continues to its end although it was cancelled.
    """

    id: str
    workspace: str
    salt: str
    version: str
    betas: list[str]
    total: int
    created_at: float
    duration: float
    polls_needed: int | None = None
    polls_seen: int = 0
    cancel_at: float | None = None
    cancel_ignored: bool = False
    ended_at: float | None = None
    counts: Counts = field(default_factory=Counts)

    @property
    def expires_at(self) -> float:
        """24 h after creation, exactly."""
        return self.created_at + EXPIRES_AFTER


class Ending(Struct, frozen=True):
    """That a batch ends: when, which *share* of it was processed, and how the rest ended."""

    at: float
    share: float = 1.0
    rest: Literal["canceled", "expired"] | None = None


def ending(batch: Batch, now: float) -> Ending | None:
    """Whether, and how, *batch* has come to its end by *now*."""
    if batch.polls_needed is not None:
        return _ending_by_polls(batch, batch.polls_needed, now)
    ends = [Ending(batch.created_at + batch.duration)]
    if batch.duration > EXPIRES_AFTER:
        ends.append(Ending(batch.expires_at, EXPIRES_AFTER / batch.duration, "expired"))
    if batch.cancel_at is not None and not batch.cancel_ignored:
        at = min(batch.cancel_at + CANCEL_SECONDS, batch.expires_at)
        ends.append(Ending(at, progress(batch, batch.cancel_at), "canceled"))
    first = min(ends, key=lambda end: end.at)
    return first if first.at <= now else None


def _ending_by_polls(batch: Batch, needed: int, now: float) -> Ending | None:
    if batch.cancel_at is not None and not batch.cancel_ignored:
        # The cancel call shows `canceling`; the next look finds it done.
        return Ending(now, min(1.0, batch.polls_seen / needed), "canceled")
    if now >= batch.expires_at:
        return Ending(batch.expires_at, min(1.0, batch.polls_seen / needed), "expired")
    return Ending(now) if batch.polls_seen >= needed else None


def progress(batch: Batch, at: float) -> float:
    """The share of requests processed by the time *at*, from 0 to 1."""
    return min(1.0, (at - batch.created_at) / batch.duration) if batch.duration > 0 else 1.0


def status(batch: Batch) -> Literal["in_progress", "canceling", "ended"]:
    """The `processing_status` of the API."""
    if batch.ended_at is not None:
        return "ended"
    return "canceling" if batch.cancel_at is not None else "in_progress"


def archived_at(batch: Batch, now: float) -> float | None:
    """When the results went away, if they have."""
    at = batch.created_at + ARCHIVED_AFTER
    return at if batch.ended_at is not None and now >= at else None
