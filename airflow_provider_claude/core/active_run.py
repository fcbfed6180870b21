"""A run folder has one active run: which one that is, and for how long it keeps others out."""

from __future__ import annotations

import msgspec

#: Seconds that a task, or a wait, keeps the folder after its last sign of life, and seconds between two signs of life.
LEASE_SECONDS = 20 * 60.0
BEAT_SECONDS = 4 * 60.0

#: A run whose last sign of life is this recent need not give another: less than Airflow takes to start a task of a
#: run that was cleared.
JUST_NOW_SECONDS = 5.0

#: Seconds more for a run that Airflow calls running: its tasks may be queued for so long.
QUEUED_SECONDS = 60 * 60.0

#: Seconds that the clocks of two workers may be apart.
SKEW_SECONDS = 30.0

#: Seconds until another run looks again, at first and at the most: each look is a process on a worker, and a line in the log.
LOOK_SECONDS = 60.0
MOST_LOOK_SECONDS = 300.0


class ActiveRun(msgspec.Struct, frozen=True, kw_only=True):
    """An Airflow run, and its task that last wrote to the record. `process` names the process that all its tasks live in, as with
    `airflow dags test`; it is empty where each has its own.
    """

    dag_id: str
    run_id: str
    task: str = ""
    attempt: int = 1
    host: str = ""
    process: str = ""

    def is_run(self, other: ActiveRun) -> bool:
        """Whether both are tasks of one run: retries, cleared tasks and mapped ones are."""
        return (self.dag_id, self.run_id, self.process) == (other.dag_id, other.run_id, other.process)

    def __str__(self) -> str:
        return f"run {self.run_id} of {self.dag_id} (task {self.task}, try {self.attempt}, on {self.host})"


def look_seconds(age: float) -> float:
    """Seconds until another run looks again at one that has been active for *age* seconds."""
    return min(max(LOOK_SECONDS, age / 20), MOST_LOOK_SECONDS)


def seconds_left(until: float, *, ended: bool, alive: bool | None, now: float) -> float:
    """Seconds for which a run still keeps other runs out of its folder; 0 if it does not.

    *until* and *now* are epoch seconds, *ended*: the run has recorded its end. *alive*: whether Airflow or the operating
    system reports it alive, None where neither can be asked.
    """
    if ended or alive is False:
        return 0.0
    more = QUEUED_SECONDS if alive else 0.0
    return max(until + SKEW_SECONDS + more - now, 0.0)
