"""What to do after a look at a batch: one decision for the trigger and for the poking sensor.

`request_counts` stay in `processing` until a batch has ended
(https://platform.claude.com/docs/en/api/messages/batches), so only the status is looked at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_claude.errors import JobError, NotFoundYetError, Terminal, Transient

ENDED = "ended"

#: The least seconds between two looks at a batch, unless `[claude] poll_floor` says otherwise: what the API asks for in
#: the `retry-after` of a batch that has not ended.
POLL_FLOOR = 10.0

#: The most seconds between two looks: a `poll_interval` beyond it would sleep through a morning.
POLL_CEILING = 3600.0

#: The most seconds before the first look. No batch is that quick; and where a deferred task is resumed before Airflow's scheduler
#: has read the end of the process that deferred it, up to half a minute on a busy machine, it fails the task
#: (https://github.com/apache/airflow/issues/67287, https://github.com/apache/airflow/issues/72716).
FIRST_LOOK_SECONDS = 30.0

#: The longest pause (seconds) that the API, or a proxy before it, can ask for.
MOST_ASKED_SECONDS = 900.0

#: The wait survives an hour of API errors; the batch continues meanwhile.
TROUBLE_SECONDS = 3600.0

#: How long to wait for a batch the API does not know: just after its creation, and after its end, that is a blip.
UNKNOWN_SECONDS = 300.0

#: Looks in a row that may fail for good (bad key, unknown batch) before that is believed.
TERMINAL_LOOKS = 3


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Look again in *seconds*."""

    seconds: float


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The batch has ended, with or without answers."""


@dataclass(frozen=True, kw_only=True)
class StopWaiting:
    """Stop looking. The batch is left as it is; *message* says what that means. *terminal*: no retry can help. *unknown*:
    the API does not know the batch.
    """

    message: str
    terminal: bool = False
    unknown: bool = False

    def event(self, batch_id: str) -> dict[str, Any]:
        """This decision as a trigger's event."""
        return {"status": "stopped", "batch_id": batch_id, "message": self.message, "terminal": self.terminal}

    def handed_over(self, batch_id: str) -> dict[str, Any]:
        """This decision as the event of a wait for a shard's batch, where the batch is *unknown*: see `unknown_message`."""
        return {
            "status": "unknown",
            "batch_id": batch_id,
            "message": unknown_message(batch_id),
            "terminal": False,
        }


Decision = Wait | Ended | StopWaiting


@dataclass(frozen=True, kw_only=True)
class Polling:
    """What is known about one wait. Times are epoch seconds; `until` is the last moment to wait for, None for ever.

    *interval*: the most seconds between two looks, unless the API asks for more; *floor*: the least.
    """

    batch_id: str
    started: float
    interval: float = 60.0
    floor: float = 0.0
    until: float | None = None
    trouble_since: float | None = None
    unknown_since: float | None = None
    terminal_looks: int = 0

    def on_status(self, status: str, *, now: float, asked: float | None = None) -> tuple[Polling, Decision]:
        """After a look that worked. *asked*: the seconds that the API wants to pass before the next, if it said so."""
        calm = replace(self, trouble_since=None, unknown_since=None, terminal_looks=0)
        if status == ENDED:
            return calm, Ended()
        return calm, calm.wait(now, asked)

    def on_error(self, error: Exception, *, now: float) -> tuple[Polling, Decision]:
        """After a look that failed. A single one says nothing about the batch."""
        since = now if self.trouble_since is None else self.trouble_since
        looks = self.terminal_looks + 1 if isinstance(error, Terminal) else 0
        unknown = (
            (now if self.unknown_since is None else self.unknown_since) if isinstance(error, NotFoundYetError) else None
        )
        troubled = replace(self, trouble_since=since, unknown_since=unknown, terminal_looks=looks)
        lost = unknown is not None and now - unknown >= UNKNOWN_SECONDS
        if looks >= TERMINAL_LOOKS or lost or now - since >= TROUBLE_SECONDS:
            why = f"{now - since:.0f} s of failed looks, the last: {error}"
            return troubled, StopWaiting(
                message=_fate(troubled.batch_id, why), terminal=isinstance(error, Terminal), unknown=lost
            )
        return troubled, troubled.wait(now, error.retry_after if isinstance(error, Transient) else None)

    def wait(self, now: float, asked: float | None = None) -> Wait | StopWaiting:
        """Wait until the next look, which the API may have *asked* to postpone; stop where the time to wait is over."""
        seconds = max(self.pause(now), bounded(asked))
        if self.until is None:
            return Wait(seconds=seconds)
        if now >= self.until:
            waited = f"it had not ended after {now - self.started:.0f} s, its time to wait"
            return StopWaiting(message=_fate(self.batch_id, waited))
        return Wait(seconds=min(seconds, self.until - now))

    @property
    def first_look(self) -> float:
        """The epoch seconds of the first look: half an interval after the wait began, FIRST_LOOK_SECONDS at most; and once the
        time to wait is over.
        """
        soon = self.started + max(self.floor, min(self.interval / 2, FIRST_LOOK_SECONDS))
        return soon if self.until is None else min(soon, self.until)

    def pause(self, now: float) -> float:
        """Seconds to the next look: a tenth of the time waited so far, 1/12 to 1 of the interval, and the floor at least."""
        return max(self.floor, min(self.interval, max(self.interval / 12, (now - self.started) / 10)))


def bounded(asked: float | None) -> float:
    """The seconds *asked* for, 0 where that is no number of seconds."""
    return min(max(asked, 0.0), MOST_ASKED_SECONDS) if asked is not None and not math.isnan(asked) else 0.0


def check_interval(seconds: object, floor: float = POLL_FLOOR) -> float:
    """*seconds* as a `poll_interval`. Raises JobError where they are no number, too few or too many."""
    given = seconds if isinstance(seconds, int | float) and not isinstance(seconds, bool) else math.nan
    if floor <= given <= POLL_CEILING:
        return float(given)
    why = (
        " A batch takes minutes, and each look counts against the account's limits. For a simulator, lower the floor: "
        f"[claude] poll_floor (AIRFLOW__CLAUDE__POLL_FLOOR), which is {floor:g}."
        if given < floor
        else ""
    )
    raise JobError(f"poll_interval is {seconds!r}: write seconds from {floor:g} to {POLL_CEILING:g}.{why}")


def unknown_message(batch_id: str) -> str:
    """The warning where the API does not know the batch of a shard: no wait may block the shard for ever."""
    return (
        f"The API does not know batch {batch_id}. The load still tries to download its results, for an hour; if that fails, "
        "its rows are missing, and are sent again like all unresolved rows."
    )


def unreachable(batch_id: str, error: Exception) -> StopWaiting:
    """The end of a wait without a look: the connection cannot be used, as *error* says."""
    return StopWaiting(message=_fate(batch_id, str(error)), terminal=True)


def _fate(batch_id: str, why: str) -> str:
    return (
        f"Stopped waiting for batch {batch_id}: {why.rstrip('.')}. The batch was not cancelled and may still be "
        "billing. Clear or retry the task: it waits for the same batch again and pays nothing."
    )
