"""Calls that cost nothing, tried again within seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from airflow_provider_claude.errors import (
    Transient,
)

_T = TypeVar("_T")


#: So often, and with pauses of so many seconds at the most, a call is tried that costs nothing.
_TRIES, _PAUSE = 3, 4.0


def soon_again(call: Callable[[], _T]) -> _T:
    """*call*, which costs nothing, tried three times within seconds. A longer pause that the API asks for is its caller's."""
    tries = Retrying(
        retry=retry_if_exception(lambda e: isinstance(e, Transient) and (e.retry_after or 0.0) <= _PAUSE),
        stop=stop_after_attempt(_TRIES),
        wait=_pause,
        reraise=True,
    )
    return tries(call)


def _pause(state: RetryCallState) -> float:
    """Seconds before the next try: what the API asked for, a little by chance otherwise."""
    asked = getattr(state.outcome and state.outcome.exception(), "retry_after", None) or 0.0
    return max(asked, wait_random_exponential(multiplier=0.5, max=_PAUSE)(state))
