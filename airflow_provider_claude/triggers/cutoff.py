"""Sees to it that a batch is waited for until its shard's cutoff and no longer. Reads the run folder, asks no API."""

from __future__ import annotations

import math

from airflow_provider_claude.runtime import epoch_now, shard_folder, utc_now

#: Where the run folder or the API could not be reached, the next try comes after so many seconds.
RETRY_SECONDS = 30.0


class Cutoff:
    """The cutoff of the batch *batch_id* of *shard* (a path); None, and in a run without a deadline, never comes."""

    def __init__(self, shard: str | None, batch_id: str) -> None:
        self._shard, self._batch_id = shard, batch_id
        self._next = math.inf if shard is None else -math.inf

    def has_come(self) -> bool:
        """Whether the batch has to be cancelled now; that is on record when this says so. Blocks."""
        if self._shard is None or epoch_now() < self._next:
            return False
        from airflow_provider_claude.core.plan.cutoff import WaitOn
        from airflow_provider_claude.stages.standing import is_let_go, let_go, switch_of

        shard = shard_folder(self._shard)
        if not is_let_go(shard, self._batch_id):
            match switch_of(shard, now=epoch_now()):
                case None:
                    self._next = math.inf
                    return False
                case WaitOn(until=until):
                    self._next = until
                    return False
            let_go(shard, self._batch_id, now=utc_now())
        return True

    def is_over(self) -> None:
        """The batch was cancelled: what remains is to wait for its end."""
        self._next = math.inf

    @property
    def seconds(self) -> float:
        """Until it has to be looked at again."""
        return max(self._next - epoch_now(), 0.1)
