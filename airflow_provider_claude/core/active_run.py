"""A run folder has one active run: which one that is, and for how long it keeps others out."""

from __future__ import annotations

import msgspec

#: Seconds a task, or a wait, keeps the folder for its run without a word, and the seconds after which it says so again.
LEASE_SECONDS = 20 * 60.0
BEAT_SECONDS = 4 * 60.0

#: A run that has spoken so few seconds ago need not say again that it goes on: less than Airflow takes to start a task of a
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
    """An Airflow run, and its task that spoke last. `process` names the process that all its tasks live in, as with
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
    """Seconds for which a run keeps others out of its folder; 0 where it does not any more.

    *until* and *now* are epoch seconds, *ended* is the run's own word, *alive* that of Airflow or of the operating system, None
    where they cannot be asked.
    """
    if ended or alive is False:
        return 0.0
    more = QUEUED_SECONDS if alive else 0.0
    return max(until + SKEW_SECONDS + more - now, 0.0)
