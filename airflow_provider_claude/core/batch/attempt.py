"""What to do with a shard: one decision over what is on record, so that nothing is paid for twice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt on record. `batch_id` and `submitted` are set once the API took it."""

    number: int
    fingerprint: str
    submitted: bool
    batch_id: str | None = None


@dataclass(frozen=True)
class Submit:
    """Pay for a new attempt with this number."""

    number: int


@dataclass(frozen=True)
class Reattach:
    """The same requests are already with the API: wait for them."""

    attempt: Attempt


@dataclass(frozen=True)
class Hold:
    """An intent without a batch id: it may have been paid for. A person looks before anything is sent."""

    attempt: Attempt


Decision = Submit | Reattach | Hold


def decide(history: list[Attempt], *, fingerprint: str) -> Decision:
    """What to do for the content *fingerprint*, given every attempt on record, oldest first.

    An earlier attempt with other content neither helps nor hinders: its rows are other requests.
    """
    same = [attempt for attempt in history if attempt.fingerprint == fingerprint]
    if not same:
        return Submit(max((attempt.number for attempt in history), default=0) + 1)
    latest = same[-1]
    return Reattach(latest) if latest.submitted else Hold(latest)
