"""A batch is waited for until its shard's cutoff, then cancelled, and its end waited for: in the triggerer or poking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.triggers.base import TriggerEvent
from upath import UPath

from airflow_provider_claude.core.plan.cut_shards import Limits
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.sensors.batch import ClaudeBatchSensor
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.choose_lane import LaneSettings
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import AccountFolder, BatchRun, HistoryRecord, RunFolder, ShardFolder
from airflow_provider_claude.triggers.batch import ClaudeBatchTrigger
from tests.stages.conftest import JOB, scan_by_hand


def now() -> str:
    return pendulum.now("UTC").isoformat()


@pytest.fixture
def run(tmp_path: Path, gateway: Gateway) -> RunFolder:
    """Three shards of ten rows; batches are known to take no time."""
    found = RunFolder(UPath(tmp_path / "night"))
    scan_by_hand(found, [f"mail {n}" for n in range(30)])
    quick = BatchRun(requests=10, hour=pendulum.now("UTC").hour, minutes=0.001)
    record = HistoryRecord(shard="before", at=now(), batches=[quick] * 5, cancels=[])
    AccountFolder(found.path, gateway.account()).record_history(record)
    return found


@pytest.fixture
def gateway(claude_simulator: SimulatorProcess) -> Iterator[Gateway]:
    import anthropic

    claude_simulator.pace("seconds:1000000")
    claude_simulator.control("POST", "/knobs", {"speed": 50})
    with anthropic.Anthropic(base_url=claude_simulator.base_url, api_key="k", max_retries=0) as client:
        yield Gateway(lambda: client)


@pytest.fixture
def sent(run: RunFolder, gateway: Gateway) -> Callable[[float], tuple[ShardFolder, str]]:
    """Plans a run that is due in so many seconds and sends shard 1; its handle and its batch."""

    def send(seconds: float) -> tuple[ShardFolder, str]:
        due = pendulum.now("UTC").add(seconds=seconds).isoformat()
        lanes = LaneSettings(margin=0, lead=1)
        settings = Settings(limits=Limits(rows=10), trial=False, deadline=due, lanes=lanes)
        plan(run, JOB, gateway, settings=settings, clock=now)
        shard = run.shard(1)
        return shard, create(shard, gateway, clock=now)

    return send


def waited(trigger: ClaudeBatchTrigger, seconds: float = 30.0) -> dict[str, Any]:
    _, kwargs = trigger.serialize()

    async def wait() -> TriggerEvent:
        return await asyncio.wait_for(anext(ClaudeBatchTrigger(**kwargs).run()), seconds)

    return dict(asyncio.run(wait()).payload)


def trigger(batch_id: str, shard: ShardFolder) -> ClaudeBatchTrigger:
    return ClaudeBatchTrigger.from_now(batch_id, conn_id="anthropic_default", poll_interval=0.2, shard=str(shard))


def test_a_batch_that_hangs_is_cancelled_at_its_cutoff_and_its_end_is_waited_for(
    sent: Callable[[float], tuple[ShardFolder, str]], claude_simulator: SimulatorProcess
) -> None:
    shard, batch_id = sent(8)
    assert batch_id
    assert waited(trigger(batch_id, shard))["status"] == "ended"
    assert claude_simulator.calls()["cancel"] == 1
    assert shard.abandoned(1) is not None


def test_before_its_cutoff_a_batch_is_left_alone(
    sent: Callable[[float], tuple[ShardFolder, str]], claude_simulator: SimulatorProcess
) -> None:
    shard, batch_id = sent(3600)
    with pytest.raises(TimeoutError):
        waited(trigger(batch_id, shard), seconds=2)
    assert "cancel" not in claude_simulator.calls()


def test_a_shard_that_would_be_abandoned_at_once_is_not_sent_by_batch(
    sent: Callable[[float], tuple[ShardFolder, str]], claude_simulator: SimulatorProcess
) -> None:
    _, batch_id = sent(0.9)
    assert batch_id == ""
    assert "create" not in claude_simulator.calls()


def test_a_cancel_that_failed_is_asked_for_again(
    sent: Callable[[float], tuple[ShardFolder, str]],
    claude_simulator: SimulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("airflow_provider_claude.triggers.keep_cutoff.RETRY_SECONDS", 0.1)
    shard, batch_id = sent(8)
    claude_simulator.fault("error_500", route="cancel", times=5)
    assert waited(trigger(batch_id, shard))["status"] == "ended"


def test_a_poking_sensor_keeps_the_cutoff_too(
    sent: Callable[[float], tuple[ShardFolder, str]], claude_simulator: SimulatorProcess
) -> None:
    shard, batch_id = sent(8)
    sensor = ClaudeBatchSensor(
        task_id="wait", batch_id=batch_id, shard=str(shard), deferrable=False, poll_interval=0.2, timeout=30
    )
    assert sensor.execute({}) == batch_id  # type: ignore[typeddict-item]
    assert claude_simulator.calls()["cancel"] == 1


def test_a_poking_sensor_goes_on_where_the_cutoff_cannot_be_seen_to(
    sent: Callable[[float], tuple[ShardFolder, str]], claude_simulator: SimulatorProcess
) -> None:
    shard, batch_id = sent(8)
    plan_file = Path(str(shard.run.file("plan.json")))
    whole = plan_file.read_bytes()
    sensor = ClaudeBatchSensor(
        task_id="wait", batch_id=batch_id, shard=str(shard), deferrable=False, poll_interval=0.2, timeout=30
    )
    plan_file.write_bytes(b"{")
    assert not sensor.poke({})  # type: ignore[typeddict-item]
    assert sensor._polling is not None
    assert sensor._polling.trouble_since is None
    plan_file.write_bytes(whole)
    assert sensor.execute({}) == batch_id  # type: ignore[typeddict-item]


def test_a_long_pause_that_the_api_asks_for_ends_at_the_cutoff(
    sent: Callable[[float], tuple[ShardFolder, str]],
    claude_simulator: SimulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("airflow_provider_claude.triggers.watch_cutoff.RETRY_SECONDS", 0.2)
    shard, batch_id = sent(8)
    claude_simulator.retry_after(1e9)
    assert waited(trigger(batch_id, shard))["status"] == "ended"
    assert claude_simulator.calls()["cancel"] == 1
