"""The sync lane settles what batches left behind, against the simulator over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import BillingError, PendingError, RequestRejectedError
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.deadline.abandon import abandon, is_proven
from airflow_provider_claude.stages.deadline.backlog import queue_of
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.sync.lane_factory import Connection, LaneFactory
from airflow_provider_claude.stages.sync.lease import LEASE_SECONDS, Lease
from airflow_provider_claude.stages.sync.run import SyncAttempt
from airflow_provider_claude.stages.sync.scheduler import Scheduled
from airflow_provider_claude.stages.sync.sender import Lane
from airflow_provider_claude.store import IntentRecord, write_record
from tests.stages.conftest import Night, clock, scan_by_hand
from tests.stages.settle.test_settle import settle, settling
from tests.stages.submit.test_recover import in_

TEXTS = [f"mail {n}" for n in range(40)]


@pytest.fixture
def by_sync(night: Night) -> Night:
    """A run whose items are all the sync lane's."""
    night.scanned(TEXTS, duplicates=(0,))
    settings = Settings(trial=False, lanes=LaneSettings(lane="sync"))
    plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    night.create()
    night.load()
    return night


def test_a_shard_of_the_sync_lane_is_answered_without_a_batch(
    by_sync: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    loaded = settle(by_sync, lane_factory=lane_factory)
    assert loaded.outcomes == {"succeeded": 41}
    assert "create" not in claude_simulator.calls()
    assert claude_simulator.books()["messages"]["requests"] == 40


def test_an_answer_of_the_sync_lane_says_so_and_costs_the_full_price(
    by_sync: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    loaded = settle(by_sync, lane_factory=lane_factory)
    assert set(by_sync.answers()["claude_lane"].to_pylist()) == {"sync"}
    assert loaded.cost_usd.rstrip("0") == claude_simulator.books()["total"]["cost_usd"]


def test_what_a_batch_that_was_abandoned_has_not_answered_is_asked_by_the_sync_lane(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    claude_simulator.behaviour(expired=0.5)
    night.plan(rows=40)
    batch_id = night.create()
    abandon(night.run.shard(1), batch_id, now=clock()())
    left = night.load().outcomes["expired"]
    assert settle(night, lane_factory=lane_factory).outcomes == {"succeeded": 40}
    books = claude_simulator.books()
    assert books["messages"]["requests"] == left
    assert books["same_content"]["requests"] == 0


def test_unresolved_rows_go_by_batch_where_no_one_waits_for_them(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS)
    claude_simulator.behaviour(expired=0.5)
    night.plan(rows=40)
    night.create()
    night.load()
    claude_simulator.control("DELETE", "/behaviour")
    assert settle(night, lane_factory=lane_factory).outcomes == {"succeeded": 40}
    assert "messages" not in claude_simulator.calls()


class _Stops(Lane):
    """A lane that is stopped after some answers, as that of a worker that has to end."""

    stops_at = 10

    async def _try(self, one: Scheduled) -> None:
        await super()._try(one)
        if len(self.writer.unwritten) + self.writer.done >= self.stops_at:
            self.stop()


def test_a_lane_that_was_stopped_goes_on_where_it_was_and_pays_nothing_twice(
    by_sync: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("airflow_provider_claude.stages.sync.lane_factory.Lane", _Stops)
        with pytest.raises(PendingError, match="a retry resumes it"):
            settling(by_sync, lane_factory=lane_factory).go_on()
    billed = claude_simulator.books()["messages"]["requests"]
    assert 10 <= billed < 40
    assert settle(by_sync, lane_factory=lane_factory).outcomes == {"succeeded": 41}
    assert claude_simulator.books()["messages"]["requests"] == 40
    assert claude_simulator.books()["same_content"]["requests"] == 0


def test_a_second_worker_waits_while_the_first_holds_the_lease(by_sync: Night, lane_factory: LaneFactory) -> None:
    shard = by_sync.run.shard(1)
    with pytest.raises(PendingError):
        settling(by_sync, lane_factory=_held(lane_factory, by_sync)).go_on()
    assert shard.attempts() == [1, 2]
    with pytest.raises(PendingError, match="a worker is processing it"):
        settling(by_sync, lane_factory=lane_factory).go_on()


def _held(lane_factory: LaneFactory, night: Night) -> LaneFactory:
    """A factory whose connection is dead by the time it is needed, after another has taken the next lease."""

    def open_connection() -> Connection:
        raise PendingError("somebody else", 1.0)

    class Stays(LaneFactory):
        def maker(self, lanes):  # type: ignore[no-untyped-def]
            def make(journal, lease):  # type: ignore[no-untyped-def]
                lease.give_back(0)
                Lease(night.run.shard(1), 2, in_(0))
                raise PendingError("somebody else", 1.0)

            return make

    return Stays(open_connection=open_connection, now=time.time)


def test_a_key_without_credit_stops_the_lane_and_keeps_what_was_answered(
    by_sync: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.fault("billing", route="messages")
    with pytest.raises(BillingError):
        settling(by_sync, lane_factory=lane_factory).go_on()
    answered = claude_simulator.books()["messages"]["requests"]
    assert settle(by_sync, lane_factory=lane_factory).outcomes == {"succeeded": 41}
    assert claude_simulator.books()["messages"]["requests"] == 40
    assert answered < 40


@pytest.mark.parametrize("fault", ["error_529", "error_500", "rate_limit", "reset_before_accept"])
def test_a_stumbling_api_loses_no_row(
    by_sync: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess, fault: str
) -> None:
    claude_simulator.fault(fault, route="messages", times=3)
    assert settle(by_sync, lane_factory=lane_factory).outcomes == {"succeeded": 41}


def test_what_has_been_settled_is_no_work_for_the_sync_lane_any_more(by_sync: Night, lane_factory: LaneFactory) -> None:
    planned = by_sync.run.need_plan()
    assert [one.abandoned for one in queue_of(by_sync.run, planned, now=0.0)] == [True]
    settle(by_sync, lane_factory=lane_factory)
    assert queue_of(by_sync.run, planned, now=0.0) == []


def test_answers_of_the_sync_lane_are_used_again(
    by_sync: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    settle(by_sync, lane_factory=lane_factory)
    planned = by_sync.plan(rows=13)
    assert sum(spec.reused for spec in planned.shards) == 40
    assert claude_simulator.books()["messages"]["requests"] == 40


def test_a_shard_of_the_sync_lane_takes_the_answers_that_are_there(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS[:10])
    night.plan(rows=40)
    night.create()
    night.load()
    scan_by_hand(night.run, TEXTS, at="2026-11-24T00:00:00+00:00")
    settings = Settings(trial=False, lanes=LaneSettings(lane="sync"))
    plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    night.create()
    night.load()
    assert settle(night, lane_factory=lane_factory).outcomes == {"succeeded": 40}
    assert claude_simulator.books()["messages"]["requests"] == 30
    assert claude_simulator.books()["same_content"]["requests"] == 0


def test_planning_again_while_the_lane_is_at_it_keeps_what_it_was_answered(
    by_sync: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("airflow_provider_claude.stages.sync.lane_factory.Lane", _Stops)
        with pytest.raises(PendingError):
            settling(by_sync, lane_factory=lane_factory).go_on()
    answered = claude_simulator.books()["messages"]["requests"]
    settings = Settings(limits=Limits(rows=20), trial=False)
    planned = plan(by_sync.run, by_sync.job, by_sync.gateway, settings=settings, clock=in_(0))
    assert sum(spec.reused for spec in planned.shards) == answered
    for shard in (1, 2):
        by_sync.create(shard)
        by_sync.load(shard)
    assert claude_simulator.books()["same_content"]["requests"] == 0


def test_a_deadline_that_has_passed_hurries_no_one(night: Night, claude_simulator: SimulatorProcess) -> None:
    night.scanned(TEXTS)
    settings = Settings(trial=False, deadline="2020-01-01T09:00:00+00:00")
    record = plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    assert (record.lanes.lane, record.lanes.safe_deadline) == ("batch", None)
    assert "has passed" in " ".join(record.explanation)
    assert night.create()


def test_a_batch_that_was_only_adopted_is_not_proven_for_it_may_be_anothers(night: Night) -> None:
    night.scanned(TEXTS)
    night.plan(rows=40)
    batch_id = night.create()
    shard = night.run.shard(1)
    assert is_proven(shard, batch_id)
    submitted = shard.submitted(1)
    assert submitted is not None
    write_record(shard.file("1.submitted.json"), msgspec.structs.replace(submitted, adopted=True))
    assert not is_proven(shard, batch_id)


def test_duplicates_are_no_work_for_the_sync_lane(
    night: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    night.scanned(TEXTS[:10], duplicates=[0] * 30)
    settings = Settings(trial=False, lanes=LaneSettings(lane="sync"))
    record = plan(night.run, night.job, night.gateway, settings=settings, clock=clock())
    night.create()
    before = [one.seconds for one in queue_of(night.run, record, now=0.0)]
    night.load()
    assert [one.seconds for one in queue_of(night.run, record, now=0.0)] == before


def test_requests_that_are_all_rejected_end_the_lane_and_are_not_abandoned(
    by_sync: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.fault("html_413", route="messages", times=1000)
    with pytest.raises(RequestRejectedError):
        settling(by_sync, lane_factory=lane_factory).go_on()
    claude_simulator.clear_faults()
    assert settle(by_sync, lane_factory=lane_factory).outcomes == {"succeeded": 41}


def clock_at(late: list[float]) -> Callable[[], str]:
    """A clock that is late by what *late* holds when it is read."""

    def read() -> str:
        return in_(late[0])()

    return read


def test_a_worker_whose_lease_ran_out_while_it_brought_the_attempt_to_its_end_leaves_that_to_the_next(
    by_sync: Night, lane_factory: LaneFactory, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, whole = [0.0], SyncAttempt._write_ended

    def sleeps(self: SyncAttempt, intent: IntentRecord) -> None:
        whole(self, intent)
        late[0] = LEASE_SECONDS + 1

    with monkeypatch.context() as patched:
        patched.setattr(SyncAttempt, "_write_ended", sleeps)
        with pytest.raises(PendingError, match="ran out"):
            settling(by_sync, lane_factory=lane_factory, clock=clock_at(late)).go_on()
    assert not by_sync.run.shard(1).results(2).exists()
    late[0] += LEASE_SECONDS
    assert settle(by_sync, lane_factory=lane_factory, clock=in_(late[0])).outcomes == {"succeeded": 41}
    assert claude_simulator.books()["messages"]["requests"] == 40
