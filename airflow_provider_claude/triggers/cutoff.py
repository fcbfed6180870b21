"""Sees to it that a batch is waited for until its shard's cutoff and no longer. Reads the run folder, asks no API."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from airflow_provider_claude.core.plan.cutoff import Drain, Switch, WaitOn, overdue, switch
from airflow_provider_claude.paths import shard_folder
from airflow_provider_claude.runtime import epoch_now, utc_now

if TYPE_CHECKING:
    from airflow_provider_claude.stages.standing import Promise

#: Where the run folder or the API could not be reached, the next try comes after so many seconds.
RETRY_SECONDS = 30.0

#: A shard that should have been let go for so many seconds has nobody who waits for it.
ABSENT_SECONDS = 240.0

#: What is read of a run is good for so many seconds: the shards of a run wait in one triggerer, and look at once.
_FRESH_SECONDS = 10.0

_queues: dict[str, tuple[float, list[Drain]]] = {}
_lock = threading.Lock()


class Cutoff:
    """The cutoff of the batch *batch_id* of *shard* (a path); None, and in a run without a deadline, never comes."""

    def __init__(self, shard: str | None, batch_id: str) -> None:
        self._shard, self._batch_id = shard, batch_id
        self._next = math.inf if shard is None else -math.inf
        self._cancelled = False
        self._absent: set[int] = set()
        self._overdue: tuple[int, float] | None = None

    def has_come(self) -> bool:
        """Whether the batch has to be cancelled now; that is on record when this says so. Blocks."""
        if self._shard is None or epoch_now() < self._next:
            return False
        from airflow_provider_claude.stages.standing import Promise, is_let_go, let_go, may_be_cancelled

        shard = shard_folder(self._shard)
        if is_let_go(shard, self._batch_id):
            return True
        promise = Promise.of(shard.run)
        step = WaitOn(until=math.inf) if promise is None else self._look(shard.shard, promise)
        if isinstance(step, WaitOn):
            self._next = step.until
            return False
        if not may_be_cancelled(shard, self._batch_id):
            self._next = epoch_now() + ABSENT_SECONDS  # it may be another's
            return False
        let_go(shard, self._batch_id, now=utc_now())
        with _lock:
            _queues.pop(str(shard.run), None)
        return True

    def _look(self, shard: int, promise: Promise) -> Switch:
        now, queue = epoch_now(), [one for one in _queue(promise) if one.shard not in self._absent]
        late = overdue(shard, queue, now=now, promised=promise.promised, lead=promise.lead)
        if late is None or self._overdue is None or self._overdue[0] != late:
            self._overdue = None if late is None else (late, now)
        elif now - self._overdue[1] > ABSENT_SECONDS:
            self._absent.add(late)
        return switch(shard, queue, now=now, promised=promise.promised, lead=promise.lead)

    def is_over(self) -> None:
        """The batch was cancelled: what remains is to wait for its end."""
        self._next, self._cancelled = math.inf, True

    @property
    def seconds(self) -> float:
        """Until it has to be looked at again. A batch that was cancelled is: the sync lane waits for its end."""
        return RETRY_SECONDS if self._cancelled else max(self._next - epoch_now(), 0.1)


def _queue(promise: Promise) -> list[Drain]:
    """The queue of the run of *promise*, read anew where that is some seconds ago."""
    name, now = str(promise.run), epoch_now()
    with _lock:
        at, queue = _queues.get(name, (-math.inf, []))
        if not at <= now < at + _FRESH_SECONDS:
            queue = promise.queue(now=now)
            for stale in [key for key, (read, _) in _queues.items() if read + _FRESH_SECONDS < now]:
                del _queues[stale]
            _queues[name] = (now, queue)
        return queue
