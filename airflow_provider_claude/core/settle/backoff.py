"""What to do after a request of the sync lane failed: one decision a try.

    error                                             decision
    RequestRejectedError                              Failed: the same request fails the same way
    CredentialsError, BillingError, other Terminal    Stop: every request meets it
    Transient, with room before the last moment       Again
    Transient, and the API asks for longer            TooLate

A request of unknown fate is sent again as well: it may be paid for twice, but only once answered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from airflow_provider_claude.errors import ClaudeError, RequestRejectedError, Transient

#: The first pause and the longest (seconds), before jitter.
BASE_SECONDS = 0.5
CAP_SECONDS = 60.0


@dataclass(frozen=True)
class Again:
    """Try again in *seconds*."""

    seconds: float


@dataclass(frozen=True)
class Failed:
    """This request can never succeed; the others may."""

    reason: str


@dataclass(frozen=True)
class Stop:
    """Send nothing more: every request meets this error, until a person changes something."""


@dataclass(frozen=True)
class TooLate:
    """No try that the API would take makes sense any more."""


Next = Again | Failed | Stop | TooLate


def after(error: ClaudeError, *, failed: int, now: float, until: float | None, jitter: float) -> Next:
    """What to do with a request of which *failed* tries failed, the last with *error* at *now*.

    *until*: the last moment (epoch seconds) at which a try makes sense, None for no bound. *jitter*: chance, 0 to
    below 1. The pause is what the API asked for and a part by chance of the backoff, so that requests which were pushed
    back together do not come back together.
    """
    if isinstance(error, RequestRejectedError):
        return Failed(str(error))
    if not isinstance(error, Transient):
        return Stop()
    asked = _asked(error)
    room = math.inf if until is None else until - now
    if asked > room:
        return TooLate()
    return Again(min(room, asked + jitter * min(_backoff(failed), room - asked)))


def _backoff(failed: int) -> float:
    """0.5, 1, 2 … 60 seconds after the first, second, third … failure."""
    return float(min(CAP_SECONDS, BASE_SECONDS * 2 ** min(max(failed, 1) - 1, 10)))


def _asked(error: Transient) -> float:
    """The seconds the API asked for, 0 if it asked for none or for no number."""
    asked = error.retry_after
    return max(0.0, asked) if asked is not None and math.isfinite(asked) else 0.0
