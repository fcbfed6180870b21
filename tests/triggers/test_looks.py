"""How often a batch is looked at: as the API asks, never twice where one look has told, and never past a cutoff."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from upath import UPath

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.errors import IncompleteError, JobError, RateLimitedError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.operators.settle import ClaudeSettleOperator
from airflow_provider_claude.sensors.batch import ClaudeBatchSensor
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.load.run import load
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import RunFolder, ShardFolder
from airflow_provider_claude.triggers.batch import ClaudeBatchTrigger
from tests.stages.conftest import JOB, scan_by_hand
from tests.triggers.test_abandoning import now, waited


@pytest.fixture
def gateway(claude_simulator: SimulatorProcess) -> Iterator[Gateway]:
    """With the retries that a connection has."""
    import anthropic

    claude_simulator.pace("polls:3")
    with anthropic.Anthropic(base_url=claude_simulator.base_url, api_key="k") as client:
        yield Gateway(lambda: client)


@pytest.fixture
def shard(tmp_path: Path, gateway: Gateway) -> ShardFolder:
    run = RunFolder(UPath(tmp_path / "night"))
    scan_by_hand(run, [f"mail {n}" for n in range(10)])
    plan(run, JOB, gateway, settings=Settings(limits=Limits(rows=10), trial=False), clock=now)
    return run.shard(1)


def sensor(batch_id: str, shard: ShardFolder, **more: Any) -> ClaudeBatchSensor:
    return ClaudeBatchSensor(task_id="wait", batch_id=batch_id, shard=str(shard), poll_interval=0.05, **more)


def looks(simulator: SimulatorProcess) -> int:
    return simulator.calls().get("retrieve", 0)


def deferred_by(act: Any) -> ClaudeBatchTrigger:
    with pytest.raises(TaskDeferred) as deferred:
        act()
    assert isinstance(deferred.value.trigger, ClaudeBatchTrigger)
    return deferred.value.trigger


def test_after_the_look_that_saw_the_end_neither_the_sensor_nor_the_load_looks_again(
    shard: ShardFolder, gateway: Gateway, claude_simulator: SimulatorProcess
) -> None:
    wait = sensor(create(shard, gateway, clock=now), shard, warn=False)
    event = waited(deferred_by(lambda: wait.execute({})))
    wait.execute_complete({}, event)
    assert load(shard, JOB, gateway, clock=now).outcomes == {"succeeded": 10}
    assert looks(claude_simulator) == 3


def test_a_batch_of_unresolved_rows_is_first_looked_at_by_the_trigger_and_last_by_it_too(
    shard: ShardFolder, gateway: Gateway, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.pace("polls:1")
    claude_simulator.behaviour(expired=1.0)
    create(shard, gateway, clock=now)
    load(shard, JOB, gateway, clock=now)
    claude_simulator.control("DELETE", "/behaviour")
    claude_simulator.pace("polls:2")
    before = looks(claude_simulator)
    settle = ClaudeSettleOperator(task_id="settle", shard=str(shard), job=JOB, poll_interval=0.05, warn=False)
    context: Any = {"ti": type("Ti", (), {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": 0})()}
    trigger = deferred_by(lambda: settle.execute(context))
    assert looks(claude_simulator) == before
    assert settle.resume(context, waited(trigger))["outcomes"] == {"succeeded": 10}
    assert looks(claude_simulator) == before + 2


def test_a_settle_that_is_cleared_hands_its_one_look_to_the_trigger(
    shard: ShardFolder, gateway: Gateway, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(shard, gateway, clock=now)
    settle = ClaudeSettleOperator(task_id="settle", shard=str(shard), job=JOB, poll_interval=600, warn=False)
    context: Any = {"ti": type("Ti", (), {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": 0})()}
    trigger = deferred_by(lambda: settle.execute(context))
    assert looks(claude_simulator) == 1
    slept = sleeps(monkeypatch, claude_simulator)
    assert waited(trigger)["status"] == "ended"
    assert slept[0] == (1, pytest.approx(30, abs=1))


def sleeps(monkeypatch: pytest.MonkeyPatch, simulator: SimulatorProcess) -> list[tuple[int, float]]:
    """From now on the trigger sleeps no time; how many looks there were before each sleep, and how long it was."""
    slept: list[tuple[int, float]] = []

    async def sleep(seconds: float) -> None:
        slept.append((await asyncio.to_thread(looks, simulator), seconds))

    quick = SimpleNamespace(to_thread=asyncio.to_thread, sleep=sleep)
    monkeypatch.setattr("airflow_provider_claude.triggers.batch.asyncio", quick)
    return slept


def test_the_trigger_waits_as_long_as_the_api_asks(
    shard: ShardFolder, gateway: Gateway, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude_simulator.retry_after(25)
    trigger = deferred_by(lambda: sensor(create(shard, gateway, clock=now), shard, warn=False).execute({}))
    slept = sleeps(monkeypatch, claude_simulator)
    assert waited(trigger)["status"] == "ended"
    assert slept[1:] == [(1, 25.0), (2, 25.0)]


def test_the_poking_sensor_waits_as_long_as_the_api_asks(
    shard: ShardFolder, gateway: Gateway, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.retry_after(25)
    poking = sensor(create(shard, gateway, clock=now), shard, deferrable=False, warn=False)
    assert not poking.poke({})
    assert poking._get_next_poke_interval(0.0, lambda: 0.0, 1) == 25.0


def test_a_look_that_the_api_refuses_for_an_hour_comes_back_at_once(
    shard: ShardFolder, gateway: Gateway, claude_simulator: SimulatorProcess
) -> None:
    batch_id = create(shard, gateway, clock=now)
    claude_simulator.fault("rate_limit", route="retrieve", times=1, retry_after=3600)
    with pytest.raises(RateLimitedError) as error:
        gateway.batch(batch_id)
    assert error.value.retry_after == 3600


@pytest.mark.parametrize("make", [ClaudeBatchSensor, ClaudeSettleOperator])
def test_an_interval_below_the_floor_is_refused_when_the_dag_is_parsed(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CLAUDE__POLL_FLOOR", "10")
    of = {"batch_id": "b"} if make is ClaudeBatchSensor else {"shard": "s", "job": JOB}
    with pytest.raises(JobError, match="poll_interval is 1: write seconds from 10 to 3600"):
        make(task_id="t", poll_interval=1, **of)
    assert make(task_id="t", poll_interval=10, **of).poll_interval == 10


def test_a_download_that_the_api_refuses_for_an_hour_is_tried_again_within_seconds(
    shard: ShardFolder, gateway: Gateway, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.pace("instant")
    create(shard, gateway, clock=now)
    claude_simulator.fault("rate_limit", route="results", times=1, retry_after=3600)
    assert load(shard, JOB, gateway, clock=now).outcomes == {"succeeded": 10}


def test_a_batch_that_the_api_does_not_know_is_handed_to_the_load_of_its_shard(
    shard: ShardFolder, gateway: Gateway, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_claude.core.submit.polling.UNKNOWN_SECONDS", 0.0)
    batch_id = create(shard, gateway, clock=now)
    claude_simulator.fault("not_found_after_create", times=None)
    wait = sensor(batch_id, shard, warn=False)
    event = waited(deferred_by(lambda: wait.execute({})))
    assert event["status"] == "unknown"
    assert wait.execute_complete({}, event) == batch_id
    assert sensor(batch_id, shard, deferrable=False).execute({}) == batch_id
    with pytest.raises(IncompleteError):
        load(shard, JOB, gateway, clock=now)


def test_where_each_look_is_another_process_the_first_one_hands_an_unknown_batch_over(
    shard: ShardFolder, gateway: Gateway, claude_simulator: SimulatorProcess
) -> None:
    batch_id = create(shard, gateway, clock=now)
    claude_simulator.fault("not_found_after_create", times=None)
    assert sensor(batch_id, shard, deferrable=False, mode="reschedule").poke({}) is True


def test_an_unknown_batch_of_no_shard_fails_the_wait(
    shard: ShardFolder, gateway: Gateway, claude_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_claude.core.submit.polling.UNKNOWN_SECONDS", 0.0)
    batch_id = create(shard, gateway, clock=now)
    claude_simulator.fault("not_found_after_create", times=None)
    alone = ClaudeBatchTrigger(batch_id, "anthropic_default", poll_interval=0.05, started=0.0)
    assert waited(alone)["status"] == "stopped"


def test_settle_goes_on_after_a_deferral_for_a_time_whose_event_is_a_moment(
    shard: ShardFolder, gateway: Gateway, claude_simulator: SimulatorProcess
) -> None:
    import pendulum

    claude_simulator.pace("polls:1")
    create(shard, gateway, clock=now)
    load(shard, JOB, gateway, clock=now)
    settle = ClaudeSettleOperator(task_id="settle", shard=str(shard), job=JOB, warn=False)
    context: Any = {"ti": type("Ti", (), {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": 0})()}
    moment: Any = pendulum.now("UTC")
    assert settle.resume(context, moment)["outcomes"] == {"succeeded": 10}
