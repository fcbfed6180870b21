"""Ends the wait for a batch at its shard's cutoff. Reads the run folder, calls no API."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from airflow_provider_claude.core.deadline.at_cutoff import PATIENCE, Step, at_cutoff
from airflow_provider_claude.core.deadline.cutoff import ShardBacklog, Switch, WaitOn, has_moved, overdue, switch
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.runtime.now import epoch_now, utc_now
from airflow_provider_claude.runtime.paths import shard_folder

if TYPE_CHECKING:
    from airflow_provider_claude.stages.deadline.shard_cutoff import RunDeadline
    from airflow_provider_claude.store import ShardFolder

#: Seconds until the next try after the run folder or the API could not be reached.
RETRY_SECONDS = 30.0

#: A shard whose batch should have been abandoned this many seconds ago has no task that waits for it; a lane that has answered
#: nothing for this long has no task that asks.
ABSENT_SECONDS = 240.0

#: Seconds for which a reading of a run stays valid: the shards of a run wait in one triggerer, and look at once.
_FRESH_SECONDS = 10.0

_queues: dict[str, tuple[float, list[ShardBacklog]]] = {}
_lock = threading.Lock()


class Cutoff:
    """The cutoff of the batch *batch_id* of *shard* (a path); None, and in a run without a deadline, never comes."""

    def __init__(self, shard: str | None, batch_id: str) -> None:
        self.shard, self.batch_id = shard, batch_id
        self._next = math.inf if shard is None else -math.inf
        self._cancelled = False
        self._absent: set[int] = set()
        self._overdue: tuple[int, float] | None = None
        self._moved: tuple[list[ShardBacklog], float] | None = None

    def look(self) -> Step:
        """What to do about the batch, which has not ended. It is on record when this returns. Blocks."""
        if self.shard is None or epoch_now() < self._next:
            return Step.WAIT
        from airflow_provider_claude.stages.deadline.abandon import abandoned_record_of
        from airflow_provider_claude.stages.deadline.shard_cutoff import RunDeadline

        shard = shard_folder(self.shard)
        run_deadline, record = RunDeadline.of(shard.run), abandoned_record_of(shard, self.batch_id)
        if run_deadline is None:
            self._next = math.inf
            return Step.WAIT if record is None or record.waits else Step.CANCEL
        switched = self._look(shard.number, run_deadline) if record is None else None
        if isinstance(switched, WaitOn):
            self._next = switched.until
            return Step.WAIT
        return self._act(shard, run_deadline, since=0.0 if record is None else epoch_now() - epoch(record.at))

    def _act(self, shard: ShardFolder, run_deadline: RunDeadline, *, since: float) -> Step:
        """Record the step that is due now. *since*: for how many seconds the cutoff is on record."""
        from airflow_provider_claude.stages.deadline.abandon import abandon, is_proven, leave

        proven = is_proven(shard, self.batch_id)
        step = at_cutoff(proven=proven, since=since, lead=run_deadline.lead, choice=run_deadline.stuck)
        if step is Step.LEAVE:
            leave(shard, self.batch_id, now=utc_now())
        else:
            abandon(shard, self.batch_id, now=utc_now(), waits=step is Step.WARN)
        patient = step is Step.CANCEL and run_deadline.stuck == "answer"
        self._next = epoch_now() + PATIENCE * run_deadline.lead - since if patient else math.inf
        with _lock:
            _queues.pop(str(shard.run), None)
        return step

    def _look(self, number: int, run_deadline: RunDeadline) -> Switch:
        now, queue = epoch_now(), [one for one in _queue(run_deadline) if one.number not in self._absent]
        if self._stands_still(queue, now):
            queue = [one for one in queue if not one.abandoned]
        late = overdue(number, queue, now=now, safe_deadline=run_deadline.safe_deadline, lead=run_deadline.lead)
        if late is None or self._overdue is None or self._overdue[0] != late:
            self._overdue = None if late is None else (late, now)
        elif now - self._overdue[1] > ABSENT_SECONDS:
            self._absent.add(late)
        return switch(number, queue, now=now, safe_deadline=run_deadline.safe_deadline, lead=run_deadline.lead)

    def _stands_still(self, queue: list[ShardBacklog], now: float) -> bool:
        """Whether the lane has answered no abandoned rows for so long that no task can be asking for them."""
        if self._moved is None or has_moved(self._moved[0], queue):
            self._moved = (queue, now)
        return now - self._moved[1] > ABSENT_SECONDS

    def is_over(self) -> None:
        """The batch was cancelled: what remains is to wait for its end."""
        self._cancelled = True

    def has_failed(self) -> None:
        """The step could not be done: it is tried again soon."""
        self._next = -math.inf

    @property
    def seconds(self) -> float:
        """Until the next check. A cancelled batch needs checks too: the sync lane waits for its end."""
        left = max(self._next - epoch_now(), 0.1)
        return min(left, RETRY_SECONDS) if self._cancelled else left


def _queue(run_deadline: RunDeadline) -> list[ShardBacklog]:
    """The queue of the run of *run_deadline*, read again after some seconds."""
    name, now = str(run_deadline.run), epoch_now()
    with _lock:
        at, queue = _queues.get(name, (-math.inf, []))
        if not at <= now < at + _FRESH_SECONDS:
            queue = run_deadline.queue(now=now)
            for stale in [key for key, (read, _) in _queues.items() if read + _FRESH_SECONDS < now]:
                del _queues[stale]
            _queues[name] = (now, queue)
        return queue
