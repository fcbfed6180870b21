"""What to do with an item that got no valid answer: one decision an item, and one for the shard.

    outcome                              decision
    expired, canceled, missing           Rebatch as it is
    errored by the server                Rebatch as it is
    errored by the request itself        LeaveUnresolved: the same request fails again
    invalid                              Rebatch once, then LeaveUnresolved
    truncated                            Rebatch with twice the max_tokens, up to what the API takes
    refused                              LeaveUnresolved
    any of these, in a pack              Rebatch: only what failed alone says something about the item
    any, after it was asked so often     LeaveUnresolved
    any that was not asked yet           Rebatch, whatever the round

An error that will hit every request (no credit, a key or a model that is not accepted) stops the shard at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_claude.core.outcomes import Outcome

#: Error types of the API that the same request meets every time
#: (https://platform.claude.com/docs/en/api/errors).
_OF_THE_REQUEST = frozenset({"invalid_request_error", "request_too_large"})

#: Error types that every request of the run meets.
OF_EVERYONE = frozenset({"authentication_error", "permission_error", "billing_error", "not_found_error"})

_LASTING = _OF_THE_REQUEST | OF_EVERYONE

_AS_IT_IS = frozenset({Outcome.EXPIRED, Outcome.CANCELED, Outcome.MISSING, Outcome.ERRORED})

#: After this many invalid answers the item is not asked again.
_MAX_INVALID = 2

#: The most output tokens a request may ask for in a batch without a beta header
#: (https://platform.claude.com/docs/en/about-claude/models/overview). A larger limit fails as a request.
MAX_OUTPUT_TOKENS = 64_000

#: From this many rows on, one error in all of them is systematic.
_MANY = 20


@dataclass(frozen=True, kw_only=True)
class Unresolved:
    """An item without a valid answer. It was asked *tries* times; *invalid* of its answers were not valid.

    *packed*: how many items shared its last request.
    """

    ordinal: int
    outcome: Outcome
    reason: str
    max_tokens: int
    error_type: str | None = None
    invalid: int = 0
    tries: int = 1
    packed: int = 1


@dataclass(frozen=True)
class Rebatch:
    """Ask again in the next round, with this limit on the answer."""

    max_tokens: int


@dataclass(frozen=True)
class LeaveUnresolved:
    """It stays without an answer, as its outcome says."""


Decision = Rebatch | LeaveUnresolved


def decide(item: Unresolved, *, rounds: int) -> Decision:
    """What to do with *item*, which may be asked again *rounds* times."""
    if item.tries > rounds:
        return LeaveUnresolved()
    match item.outcome:
        case _ if not item.tries or (item.packed > 1 and item.error_type not in OF_EVERYONE):
            return Rebatch(item.max_tokens)
        case Outcome.INVALID if item.invalid < _MAX_INVALID:
            return Rebatch(item.max_tokens)
        case Outcome.TRUNCATED if item.max_tokens < MAX_OUTPUT_TOKENS:
            return Rebatch(min(2 * item.max_tokens, MAX_OUTPUT_TOKENS))
        case outcome if outcome in _AS_IT_IS and item.error_type not in _LASTING:
            return Rebatch(item.max_tokens)
        case _:
            return LeaveUnresolved()


def hopeless(unresolved: Sequence[Unresolved], *, asked: int) -> str | None:
    """Why no row of the shard can succeed; None where some may. *asked*: the items that were asked."""
    for item in unresolved:
        if item.error_type in OF_EVERYONE:
            return f"the API answered {item.reason}, which will meet every request of this run"
    alone = [one for one in unresolved if one.packed == 1]
    reasons = Counter(one.reason for one in alone if one.error_type in _OF_THE_REQUEST)
    for reason, count in reasons.most_common(1):
        if count == asked >= _MANY:
            return f"all {asked:,} requests failed in the same way ({reason})"
    return None


def ask_again(unresolved: Iterable[Unresolved], *, rounds: int) -> dict[int, int]:
    """The items to ask again, by ordinal, with the limits on their answers."""
    again = {one.ordinal: decide(one, rounds=rounds) for one in unresolved}
    return {ordinal: step.max_tokens for ordinal, step in again.items() if isinstance(step, Rebatch)}
