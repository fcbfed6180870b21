"""What to do after a request of the sync lane failed: one decision a try.

    error                                             decision
    RequestRejectedError                              Failed: the same request fails the same way
    CredentialsError, WorkspaceError, other Terminal  Stop: every request meets it
    Transient                                         Again
    Transient, again and again, and only this one     Failed: the next round may succeed

A request whose outcome is unknown is sent again as well: it may be paid for twice, but has one answer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from airflow_provider_claude.errors import ClaudeError, RequestRejectedError, Transient

#: The first pause and the longest (seconds), before jitter.
BASE_SECONDS = 0.5
CAP_SECONDS = 60.0

#: The longest pause (seconds) that the API, or a proxy before it, can ask for.
MOST_ASKED_SECONDS = 3600.0

#: A request that failed this often while others were answered no longer holds up the lane.
MOST_ALONE = 12


@dataclass(frozen=True)
class Again:
    """Try again in *seconds*."""

    seconds: float


@dataclass(frozen=True)
class Failed:
    """This request fails here; others may succeed."""

    reason: str


@dataclass(frozen=True)
class Stop:
    """Send nothing more: every request fails like this, until a person changes something."""


Next = Again | Failed | Stop


def after(error: ClaudeError, *, failed: int, now: float, until: float | None, jitter: float, alone: int = 0) -> Next:
    """What to do with a request of which *failed* tries failed, the last with *error* at *now*.

    *until*: the moment (epoch seconds) by which an answer is wanted, None for no such moment: pauses of our own end
    before. *jitter*: chance, 0 to below 1. *alone*: so many of the tries failed while others were answered. The pause
    is what the API asked for and a part by chance of the backoff, so that requests which were pushed back together do not
    come back together.
    """
    if isinstance(error, RequestRejectedError):
        return Failed(str(error))
    if not isinstance(error, Transient):
        return Stop()
    if alone >= MOST_ALONE:
        return Failed(f"{failed} tries failed, the last: {error}")
    asked = wait_asked(error)
    room = math.inf if until is None or until <= now + asked else until - now - asked
    return Again(asked + jitter * min(_backoff(failed), room))


def wait_asked(error: ClaudeError) -> float:
    """The seconds the API asked for with *error*, 0 if it asked for none or for no number, and an hour at most."""
    asked = error.retry_after if isinstance(error, Transient) else None
    return min(max(0.0, asked), MOST_ASKED_SECONDS) if asked is not None and math.isfinite(asked) else 0.0


def _backoff(failed: int) -> float:
    """0.5, 1, 2 … 60 seconds after the first, second, third … failure."""
    return float(min(CAP_SECONDS, BASE_SECONDS * 2 ** min(max(failed, 1) - 1, 10)))
