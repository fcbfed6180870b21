"""How a task ends on an error: it fails at once, is retried, or is deferred until the obstacle may have ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pendulum
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_claude.core.submit.patience import WORK_SECONDS, next_try
from airflow_provider_claude.errors import (
    NoRoomError,
    PendingError,
    RateLimitedError,
    Terminal,
    without_secrets,
)

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

from airflow_provider_claude.runtime.metrics import count
from airflow_provider_claude.runtime.now import epoch_now


@contextmanager
def task_errors() -> Iterator[None]:
    """Errors that no retry can fix fail the task at once; Airflow retries all others. None shows a secret."""
    try:
        with safe_errors():
            yield
    except Terminal as e:
        raise AirflowFailException(f"{type(e).__name__}: {e}") from e


@contextmanager
def safe_errors() -> Iterator[None]:
    """No error that leaves this block shows a secret, nor do its causes."""
    try:
        yield
    except Exception as e:
        safe = without_secrets(e)
        if safe is e:
            raise
        raise safe from None


def raise_if_stopped(event: object) -> None:
    """Fail the task where the trigger's *event* says that it stopped waiting; at once where no retry can help.

    Of a deferral for a time alone the event is the moment of its end, and says nothing.
    """
    if isinstance(event, Mapping) and event.get("status") == "stopped":
        raise (AirflowFailException if event.get("terminal") else AirflowException)(event["message"])


@contextmanager
def resumable(operator: BaseOperator, method_name: str = "resume", *, since: float | None = None) -> Iterator[None]:
    """Where something else has to end first, *operator* is deferred until then, and holds no worker slot meanwhile.

    The same where the API has no room yet: a full queue of batches, or a rate limit. *since*: see defer_for.
    """
    began = epoch_now()
    try:
        with task_errors():
            yield
    except (PendingError, RateLimitedError) as e:
        in_vain = epoch_now() - began < WORK_SECONDS
        defer_for(operator, e, method_name, since=since if in_vain else None)


def defer_for(
    operator: BaseOperator,
    error: PendingError | RateLimitedError,
    method_name: str = "resume",
    *,
    since: float | None = None,
) -> None:
    """Defer *operator* until what *error* names may have ended. Raises AirflowFailException after a day of waiting; where
    it is for room in the queue, after a day for each wave.

    *since*: when (epoch seconds) it was deferred for such a thing first, None for now; *method_name* is given it as
    `waiting_since`.
    """
    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

    operator.log.info("%s", error)
    limited, began = isinstance(error, RateLimitedError), epoch_now() if since is None else since
    count(operator, "rate_limited", int(limited))
    times = error.waves if isinstance(error, NoRoomError) else 1
    pause = next_try(error.retry_after, waited=epoch_now() - began, limited=limited, times=times)
    if pause is None:
        raise AirflowFailException(_in_vain(error, began, limited=limited)) from error
    operator.defer(
        trigger=TimeDeltaTrigger(timedelta(seconds=pause)), method_name=method_name, kwargs={"waiting_since": began}
    )


def _in_vain(error: Exception, since: float, *, limited: bool) -> str:
    """The error of a task that has waited for as long as it may."""
    do = (
        "Check in the Console (Limits, Usage) what else uses the account, or have its limits raised; "
        if limited
        else "Resolve what blocks it; "
    )
    when = pendulum.from_timestamp(since).to_iso8601_string()
    return (
        f"{str(error).rstrip('.')}. Each try since {when} failed like this, for {(epoch_now() - since) / 3600:.0f} hours, and "
        f"this task has stopped waiting. {do}then clear this task. Answers already paid for are kept, and are not paid again."
    )
