"""One active run for a run folder: the others wait, and log its name.

A numbered record says which run it is; the next number is free once the latest run has ended, or is dead. A run is dead when
Airflow, or the operating system, says so, or when its last sign of life is old enough. Tasks of one run share its record:
retries, cleared and mapped ones never wait for each other here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from airflow_provider_claude.core.active_run import (
    BEAT_SECONDS,
    JUST_NOW_SECONDS,
    LEASE_SECONDS,
    LOOK_SECONDS,
    ActiveRun,
    look_seconds,
    seconds_left,
)
from airflow_provider_claude.core.times import epoch, parse_time
from airflow_provider_claude.errors import PendingError, StateError
from airflow_provider_claude.store import ActiveRecord, RunFolder

#: Whether a run is alive, by its process or by Airflow; None where that is unknown.
Alive = Callable[[ActiveRun], bool | None]


@dataclass(frozen=True, kw_only=True)
class Active:
    """A run that is active in its run folder, by the record *number*."""

    run: RunFolder
    number: int
    clock: Callable[[], str]

    def beat(self) -> None:
        """Renew the record that keeps others out, unless that was done a short while ago."""
        record = self.run.actives.read(self.number)
        if record is not None and not record.ended and _age(record, self.clock()) > BEAT_SECONDS:
            self.run.actives.overwrite(self.number, _renewed(record, record.run, self.clock()))

    def close(self) -> None:
        """Let the next run in at once."""
        record = self.run.actives.read(self.number)
        if record is not None and not record.ended:
            self.run.actives.overwrite(self.number, _ended(record))


def enter(run: RunFolder, me: ActiveRun, *, alive: Alive, clock: Callable[[], str]) -> Active:
    """Make *me* the active run of *run*, or continue as it.

    Raises PendingError where another run is, with its name, and StateError where another version wrote the folder.
    """
    number, latest = _latest(run)
    if latest is not None and latest.run.is_run(me):
        return _go_on(run, number, latest, me, clock)
    run.check_layout()
    if latest is not None:
        _check_over(run, latest, alive, clock())
    return _begin(run, number + 1, latest, me, alive=alive, clock=clock)


def _latest(run: RunFolder) -> tuple[int, ActiveRecord | None]:
    number = run.actives.last()
    try:
        return number, run.actives.read(number) if number else None
    except StateError as e:
        raise StateError(
            f"{e} {run.actives.file(number).name} only records which Airflow run uses its folder: if none does, remove it."
        ) from e


def _go_on(run: RunFolder, number: int, record: ActiveRecord, me: ActiveRun, clock: Callable[[], str]) -> Active:
    """Continue as the run of *record*. A hundred mapped tasks that begin at once do not all write it: Google's store takes one
    write a second to a name (https://cloud.google.com/storage/quotas).
    """
    if record.ended or _age(record, clock()) > JUST_NOW_SECONDS:
        run.actives.overwrite(number, _renewed(record, me, clock()))
    if run.actives.numbers()[-1] != number:
        raise PendingError(f"Another run has just become active in {run}.", LOOK_SECONDS)
    return Active(run=run, number=number, clock=clock)


def _begin(
    run: RunFolder, number: int, before: ActiveRecord | None, me: ActiveRun, *, alive: Alive, clock: Callable[[], str]
) -> Active:
    """Become record *number*. Of several at once one does; and none, if the run *before* has resumed meanwhile."""
    now = clock()
    mine = ActiveRecord(run=me, since=now, until=_until(now))
    if not run.actives.write_new(number, mine):
        return enter(run, me, alive=alive, clock=clock)
    if before is not None and run.actives.read(number - 1) != before:
        run.actives.overwrite(number, _ended(mine))
        raise PendingError(_message(run, before), LOOK_SECONDS)
    return Active(run=run, number=number, clock=clock)


def _check_over(run: RunFolder, latest: ActiveRecord, alive: Alive, now: str) -> None:
    until, ended = epoch(latest.until), latest.ended
    left = seconds_left(until, ended=ended, alive=None if ended else alive(latest.run), now=epoch(now))
    if left > 0:
        raise PendingError(_message(run, latest), min(left, look_seconds(epoch(now) - epoch(latest.since))))


def _age(record: ActiveRecord, now: str) -> float:
    """Seconds since *record* was renewed."""
    return epoch(now) - epoch(record.until) + LEASE_SECONDS


def _renewed(record: ActiveRecord, me: ActiveRun, now: str) -> ActiveRecord:
    return ActiveRecord(run=me, since=record.since, until=max(_until(now), record.until, key=epoch))


def _ended(record: ActiveRecord) -> ActiveRecord:
    return ActiveRecord(run=record.run, since=record.since, until=record.until, ended=True)


def _until(now: str) -> str:
    return (parse_time(now) + timedelta(seconds=LEASE_SECONDS)).isoformat()


def _message(run: RunFolder, other: ActiveRecord) -> str:
    return (
        f"{run} has been in use since {other.since} by {other.run}. Two runs at once would pay twice, so this one waits and then "
        "uses what that one has paid for. If that run is dead, mark it failed in Airflow; without a sign of life, the folder "
        f"is free about an hour after {other.until}. If Airflow no longer has that run, remove the newest active.*.json."
    )
