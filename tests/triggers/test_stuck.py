"""A batch that cannot be ended at its cutoff: in the triggerer, poking, before it is found, and in a later round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import msgspec
import pendulum
import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_claude.core.deadline.at_cutoff import Step, StuckBatches, at_cutoff, checked
from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import ApiUnavailableError, JobError, PendingError, UnknownFateError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.operators.load import ClaudeResultLoadOperator
from airflow_provider_claude.runtime.now import epoch_now
from airflow_provider_claude.sensors.batch import ClaudeBatchSensor
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.deadline.abandon import leave
from airflow_provider_claude.stages.deadline.record_at_risk import first_at_risk
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.stages.settle.run import Settled, Settling, Waiting
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.stages.sync.lane_factory import LaneFactory
from airflow_provider_claude.store import RunFolder, ShardFolder, write_record
from airflow_provider_claude.triggers.batch import ClaudeBatchTrigger
from tests.context import manual_run
from tests.stages.conftest import JOB, lane_factory
from tests.triggers.test_abandoning import gateway, now, run, sent, trigger, waited

__all__ = ["gateway", "lane_factory", "run", "sent"]

Send = Callable[[float], tuple[ShardFolder, str]]


@pytest.mark.parametrize(
    ("proven", "since", "choice", "step"),
    [
        (True, 0, "answer", Step.CANCEL),
        (True, 19, "answer", Step.CANCEL),
        (True, 20, "answer", Step.LEAVE),
        (True, 1e6, "wait", Step.CANCEL),
        (False, 0, "answer", Step.LEAVE),
        (False, 0, "wait", Step.WARN),
    ],
)
def test_what_is_not_proven_is_never_cancelled(proven: bool, since: float, choice: StuckBatches, step: Step) -> None:
    assert at_cutoff(proven=proven, since=since, lead=10, choice=choice) is step


def test_another_choice_is_refused() -> None:
    with pytest.raises(JobError, match="write 'answer' or 'wait'"):
        checked("cancel")


def adopted(shard: ShardFolder) -> None:
    submitted = shard.submitted(1)
    assert submitted is not None
    write_record(shard.file("1.submitted.json"), msgspec.structs.replace(submitted, adopted=True))


def choose(run: RunFolder, choice: StuckBatches) -> None:
    record = run.need_plan()
    lanes = msgspec.structs.replace(record.lanes, stuck=choice)
    write_record(run.file("plan.json"), msgspec.structs.replace(record, lanes=lanes))


def test_a_cancel_without_effect_is_waited_for_twice_the_lead_and_no_longer(
    sent: Send, claude_simulator: SimulatorProcess, gateway: Gateway
) -> None:
    shard, batch_id = sent(8)
    claude_simulator.fault("cancel_has_no_effect", times=None)
    assert waited(trigger(batch_id, shard))["status"] == "left"
    assert claude_simulator.calls()["cancel"] >= 1
    assert load(shard, JOB, gateway, clock=now).outcomes == {"missing": 10}


def test_where_a_cancel_without_effect_is_to_be_waited_for_the_alert_says_that_the_run_waits(
    sent: Send, claude_simulator: SimulatorProcess
) -> None:
    shard, batch_id = sent(8)
    choose(shard.run, "wait")
    claude_simulator.fault("cancel_has_no_effect", times=None)
    with pytest.raises(TimeoutError):
        waited(trigger(batch_id, shard), seconds=10)
    assert claude_simulator.calls()["cancel"] >= 1
    at_risk = shard.run.at_risk()
    assert at_risk is not None
    assert "If the cancel has no effect, the run waits" in at_risk.at_risk.sentences(str)


def test_a_poking_sensor_leaves_what_is_not_proven_at_its_cutoff(
    sent: Send, claude_simulator: SimulatorProcess
) -> None:
    shard, batch_id = sent(8)
    adopted(shard)
    sensor = ClaudeBatchSensor(
        task_id="wait", batch_id=batch_id, shard=str(shard), deferrable=False, poll_interval=0.2, timeout=30
    )
    assert sensor.execute({}) == batch_id  # type: ignore[typeddict-item]
    assert "cancel" not in claude_simulator.calls()
    assert shard.voided(1) is not None
    at_risk = shard.run.at_risk()
    assert at_risk is not None
    assert at_risk.at_risk.shards == (1,)


def test_where_it_is_to_be_waited_for_the_alert_is_raised_and_the_wait_goes_on(
    sent: Send, claude_simulator: SimulatorProcess
) -> None:
    shard, batch_id = sent(8)
    adopted(shard)
    choose(shard.run, "wait")
    with pytest.raises(TimeoutError):
        waited(trigger(batch_id, shard), seconds=10)
    assert "cancel" not in claude_simulator.calls()
    assert shard.voided(1) is None
    at_risk = shard.run.at_risk()
    assert at_risk is not None
    assert at_risk.at_risk.waiting == (1,)
    assert "waits past the cutoff" in at_risk.at_risk.sentences(str)


def test_a_create_that_waits_for_its_sender_waits_until_the_cutoff_only(
    run: RunFolder, gateway: Gateway, claude_simulator: SimulatorProcess
) -> None:
    due = pendulum.now("UTC").add(seconds=60)
    settings = Settings(
        limits=Limits(rows=10), trial=False, deadline=due.isoformat(), lanes=LaneSettings(margin=0, lead=1)
    )
    plan(run, JOB, gateway, settings=settings, clock=now)
    claude_simulator.fault("error_504_after_accept", route="create")
    with pytest.raises(UnknownFateError):
        create(run.shard(1), gateway, clock=now)
    with pytest.raises(PendingError) as pending:
        create(run.shard(1), gateway, clock=now)
    assert (pending.value.retry_after or 0) < 60
    assert create(run.shard(1), gateway, clock=lambda: due.subtract(seconds=1).isoformat()) == ""
    voided = run.shard(1).voided(1)
    assert voided is not None
    assert voided.paid
    assert claude_simulator.calls()["create"] == 1


def test_in_a_later_round_too_a_lost_create_is_left_at_the_cutoff_and_the_sync_lane_answers(
    run: RunFolder, gateway: Gateway, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.pace("instant")
    due = pendulum.now("UTC").add(hours=6)
    settings = Settings(limits=Limits(rows=30), trial=False, deadline=due.isoformat(), lanes=LaneSettings(lead=1))
    plan(run, JOB, gateway, settings=settings, clock=now)
    shard = run.shard(1)
    claude_simulator.behaviour(errored=0.5)
    create(shard, gateway, clock=now)
    load(shard, JOB, gateway, clock=now)
    claude_simulator.behaviour(errored=0)
    claude_simulator.fault("batch_hangs")
    claude_simulator.fault("error_504_after_accept", route="create")
    settling = Settling(shard=shard, job=JOB, api=gateway, clock=now, lane_factory=lane_factory)
    with pytest.raises(UnknownFateError):
        settling.go_on()
    late = replace(settling, clock=lambda: due.subtract(seconds=30).isoformat())
    found = late.go_on()
    assert isinstance(found, Waiting)
    leave(shard, found.batch_id, now=now())  # what the trigger does
    step = late.go_on()
    assert isinstance(step, Settled)
    assert step.loaded.outcomes == {"succeeded": 30}
    summary = report(run, output=None, clock=now)
    assert summary.costs.actual == Decimal(claude_simulator.books()["total"]["cost_usd"])
    assert summary.costs.unsure_requests > 0
    assert "cancel" not in claude_simulator.calls()


def test_a_late_batch_that_cannot_be_looked_at_keeps_no_row_from_its_answer(
    sent: Send, gateway: Gateway, lane_factory: LaneFactory, claude_simulator: SimulatorProcess
) -> None:
    shard, batch_id = sent(8)
    leave(shard, batch_id, now=now())
    load(shard, JOB, gateway, clock=now)
    for route in ("retrieve", "list", "results"):
        claude_simulator.fault("error_500", route=route, times=None)
    step = Settling(shard=shard, job=JOB, api=gateway, clock=now, lane_factory=lane_factory).go_on()
    assert isinstance(step, Settled)
    assert step.loaded.outcomes == {"succeeded": 10}


def test_where_the_list_of_batches_cannot_be_read_a_lost_create_is_left_at_the_cutoff_all_the_same(
    run: RunFolder, gateway: Gateway, claude_simulator: SimulatorProcess
) -> None:
    due = pendulum.now("UTC").add(hours=1)
    settings = Settings(
        limits=Limits(rows=10), trial=False, deadline=due.isoformat(), lanes=LaneSettings(margin=0, lead=1)
    )
    plan(run, JOB, gateway, settings=settings, clock=now)
    claude_simulator.fault("error_504_after_accept", route="create")
    with pytest.raises(UnknownFateError):
        create(run.shard(1), gateway, clock=now)
    claude_simulator.fault("error_500", route="list", times=None)
    with pytest.raises(ApiUnavailableError):
        create(run.shard(1), gateway, clock=lambda: due.subtract(minutes=30).isoformat())
    assert create(run.shard(1), gateway, clock=lambda: due.subtract(seconds=1).isoformat()) == ""
    assert run.shard(1).voided(1) is not None


def test_a_run_that_is_planned_again_when_all_is_answered_raises_no_alert_for_what_was_left_before(
    sent: Send, run: RunFolder, gateway: Gateway, lane_factory: LaneFactory
) -> None:
    for number, batch_id in [(1, sent(60)[1]), *((n, create(run.shard(n), gateway, clock=now)) for n in (2, 3))]:
        leave(run.shard(number), batch_id, now=now())
        load(run.shard(number), JOB, gateway, clock=now)
        Settling(shard=run.shard(number), job=JOB, api=gateway, clock=now, lane_factory=lane_factory).go_on()
    sent(60)
    assert first_at_risk(run, now=epoch_now()) is None


def test_a_load_whose_batch_has_not_ended_waits_in_the_triggerer_until_the_cutoff_and_no_longer(
    sent: Send, claude_simulator: SimulatorProcess
) -> None:
    shard, batch_id = sent(8)
    adopted(shard)
    operator = ClaudeResultLoadOperator(task_id="load", shard=str(shard), job=JOB, warn=False)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(manual_run())
    assert isinstance(deferred.value.trigger, ClaudeBatchTrigger)
    assert deferred.value.trigger.batch_id == batch_id
    event = waited(deferred.value.trigger)
    assert event["status"] == "left"
    assert operator.resume(manual_run(), event)["outcomes"] == {"missing": 10}
