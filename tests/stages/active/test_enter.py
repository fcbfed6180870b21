"""One active run for a run folder: others wait and are told its name, its own tasks never do, and a dead run keeps no one out."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from upath import UPath

from airflow_provider_claude.core.active_run import LEASE_SECONDS, QUEUED_SECONDS, ActiveRun, look_seconds, seconds_left
from airflow_provider_claude.errors import PendingError
from airflow_provider_claude.stages.active.enter import Active, enter
from airflow_provider_claude.store import RunFolder

NIGHT = ActiveRun(dag_id="mails", run_id="scheduled__22", task="g.scan", attempt=2, host="worker-1")
OTHER = ActiveRun(dag_id="mails", run_id="manual__23", task="g.scan", host="worker-2")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.fromisoformat("2026-11-23T00:00:00+00:00")

    def __call__(self) -> str:
        return self.now.isoformat()

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["local", "memory"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> RunFolder:
    root = UPath(tmp_path) if request.param == "local" else UPath(f"memory://{tmp_path.name}")
    (root / "run").mkdir(parents=True, exist_ok=True)
    return RunFolder(root / "run")


def into(run: RunFolder, me: ActiveRun, clock: Clock, *, alive: bool | None = None) -> Active:
    return enter(run, me, alive=lambda _: alive, clock=clock)


def test_the_second_run_reports_who_the_first_is(run: RunFolder, clock: Clock) -> None:
    into(run, NIGHT, clock)
    clock.passes(60)
    with pytest.raises(PendingError) as error:
        into(run, OTHER, clock)
    for detail in ("scheduled__22", "mails", "g.scan", "try 2", "worker-1", "2026-11-23T00:00:00"):
        assert detail in str(error.value)
    assert error.value.retry_after
    assert run.actives.numbers() == [1]


def test_retries_cleared_and_mapped_tasks_of_one_run_go_on(run: RunFolder, clock: Clock) -> None:
    first = into(run, NIGHT, clock)
    for task in ("g.scan", "g.plan", "g.shard.create[3]", "g.shard.create[4]"):
        again = ActiveRun(dag_id="mails", run_id="scheduled__22", task=task, attempt=3, host="worker-9")
        assert into(run, again, clock).number == first.number


def test_a_run_that_has_closed_lets_the_next_in_at_once_and_may_come_back(run: RunFolder, clock: Clock) -> None:
    into(run, NIGHT, clock).close()
    other = into(run, OTHER, clock)
    with pytest.raises(PendingError, match="manual__23"):
        into(run, NIGHT, clock)
    other.close()
    assert into(run, NIGHT, clock).number == 3


def test_a_run_that_airflow_or_the_system_calls_dead_keeps_no_one_out(run: RunFolder, clock: Clock) -> None:
    into(run, NIGHT, clock)
    into(run, OTHER, clock, alive=False)
    with pytest.raises(PendingError, match="manual__23"):
        into(run, NIGHT, clock)


def test_a_killed_run_of_which_nothing_is_known_keeps_others_out_for_its_lease(run: RunFolder, clock: Clock) -> None:
    into(run, NIGHT, clock)
    clock.passes(LEASE_SECONDS)
    with pytest.raises(PendingError):
        into(run, OTHER, clock)
    clock.passes(60)
    into(run, OTHER, clock)


def test_a_run_whose_tasks_are_queued_is_waited_for_and_not_for_ever(run: RunFolder, clock: Clock) -> None:
    into(run, NIGHT, clock)
    clock.passes(LEASE_SECONDS + QUEUED_SECONDS)
    with pytest.raises(PendingError):
        into(run, OTHER, clock, alive=True)
    clock.passes(60)
    into(run, OTHER, clock, alive=True)


def test_a_run_that_speaks_stays_and_one_that_was_taken_over_changes_nothing(run: RunFolder, clock: Clock) -> None:
    first = into(run, NIGHT, clock)
    for _ in range(10):
        clock.passes(LEASE_SECONDS / 2)
        first.beat()
        with pytest.raises(PendingError):
            into(run, OTHER, clock)
    clock.passes(LEASE_SECONDS + 60)
    second = into(run, OTHER, clock)
    first.beat()
    with pytest.raises(PendingError, match="manual__23"):
        into(run, NIGHT, clock)
    assert second.number == 2


def test_a_dead_process_of_the_same_run_id_is_another_run(run: RunFolder, clock: Clock) -> None:
    one, two = (ActiveRun(dag_id="mails", run_id="manual", process=f"host {pid} 1.00") for pid in (1, 2))
    into(run, one, clock)
    with pytest.raises(PendingError):
        into(run, two, clock, alive=True)
    into(run, two, clock, alive=False)


def test_a_run_that_wakes_up_while_it_is_taken_over_keeps_the_folder(run: RunFolder, clock: Clock) -> None:
    into(run, NIGHT, clock)

    def wakes(_: ActiveRun) -> bool:
        clock.passes(10)
        into(run, NIGHT, clock)
        return False

    with pytest.raises(PendingError, match="scheduled__22"):
        enter(run, OTHER, alive=wakes, clock=clock)


@pytest.mark.parametrize(
    ("ended", "alive", "left"), [(True, True, 0), (False, False, 0), (False, None, 130), (False, True, 3730)]
)
def test_how_long_a_run_keeps_others_out(ended: bool, alive: bool | None, left: float) -> None:
    assert seconds_left(1_100.0, ended=ended, alive=alive, now=1_000.0) == left


def test_mapped_tasks_that_begin_at_once_do_not_all_write_the_record(run: RunFolder, clock: Clock) -> None:
    into(run, NIGHT, clock)
    record = run.actives.read(1)
    other_task = msgspec.structs.replace(NIGHT, task="g.shard.create[7]")
    into(run, other_task, clock)
    assert run.actives.read(1) == record
    clock.passes(10)
    into(run, other_task, clock)
    assert run.actives.read(1) != record


@pytest.mark.parametrize(("age", "seconds"), [(-600, 60), (0, 60), (3600, 180), (86_400, 300)])
def test_the_longer_another_run_is_at_it_the_more_rarely_it_is_looked_at(age: float, seconds: float) -> None:
    assert look_seconds(age) == seconds
