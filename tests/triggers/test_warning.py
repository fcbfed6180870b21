"""A listener is notified once a run, when its first batch is abandoned: by a real trigger, or a real sensor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_claude.notify import Alert, Listener
from airflow_provider_claude.plugin.alerts import deadline_alerts
from airflow_provider_claude.plugin.deadlines import SUPPORTED
from airflow_provider_claude.sensors.batch import ClaudeBatchSensor
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.submit.run import create
from airflow_provider_claude.store import ShardFolder
from airflow_provider_claude.triggers import warning
from airflow_provider_claude.triggers.batch import ClaudeBatchTrigger
from tests.triggers.test_abandoning import gateway, run, sent, waited

__all__ = ["gateway", "run", "sent"]

Send = Callable[[float], tuple[ShardFolder, str]]

ALERTS: list[Alert] = []
LISTENER = Listener(dag_id="nightly", run_id="scheduled__1", zone="Europe/Berlin", notify=f"{__name__}.pager")


def pager(alert: Alert) -> None:
    ALERTS.append(alert)


def broken_pager(alert: Alert) -> None:
    raise ConnectionError("the pager is not there")


async def slow_pager(alert: Alert) -> None:
    await asyncio.sleep(3600)


@pytest.fixture(autouse=True)
def _no_alerts() -> Iterator[None]:
    ALERTS.clear()
    yield
    ALERTS.clear()


def trigger(batch_id: str, shard: ShardFolder, listener: Listener | None = LISTENER) -> ClaudeBatchTrigger:
    return ClaudeBatchTrigger.from_now(
        batch_id, conn_id="anthropic_default", poll_interval=0.2, shard=str(shard), listener=listener
    )


def test_the_first_abandoned_batch_is_reported_with_its_rows_cost_and_outlook(sent: Send) -> None:
    shard, batch_id = sent(8)
    assert waited(trigger(batch_id, shard))["status"] == "ended"
    (alert,) = ALERTS
    assert (alert.outlook, alert.dag_id, alert.run_id, alert.state) == (
        "at risk", "nightly", "scheduled__1", "running",
    )  # fmt: skip
    assert alert.due == pendulum.parse(shard.run.need_plan().deadline or "")
    assert alert.at_risk is not None
    assert (alert.at_risk.shards, alert.at_risk.rows, alert.at_risk.open_rows) == ((1,), 10, 30)
    whole = Decimal(shard.run.need_plan().estimate.lanes["sync"].cost_usd)
    assert alert.at_risk.open_cost == pytest.approx(whole, rel=Decimal("0.05"))
    assert "Shard 1 was abandoned at the cutoff: up to 10 rows" in alert.message
    assert shard.run.at_risk() is not None


def test_of_several_batches_that_are_abandoned_one_alert_is_raised(sent: Send, gateway: Any) -> None:
    shard, batch_id = sent(10)
    others = [shard.run.shard(number) for number in (2, 3)]
    batches = [(batch_id, shard), *((create(one, gateway, clock=utc), one) for one in others)]

    async def all_of_them() -> None:
        triggers = (trigger(name, one) for name, one in batches if name)
        await asyncio.wait_for(asyncio.gather(*(anext(one.run()) for one in triggers)), 60)

    asyncio.run(all_of_them())
    assert all(one.abandoned(1) is not None for one in (shard, *others))
    assert len(ALERTS) == 1


def test_another_triggerer_that_takes_the_wait_over_does_not_tell_again(sent: Send) -> None:
    shard, batch_id = sent(8)
    waited(trigger(batch_id, shard))
    asyncio.run(warning.warn(str(shard), asdict(LISTENER)))
    waited(trigger(batch_id, shard))
    assert len(ALERTS) == 1


def test_where_the_batch_cannot_be_cancelled_it_is_reported_all_the_same(
    sent: Send, claude_simulator: SimulatorProcess
) -> None:
    shard, batch_id = sent(8)
    claude_simulator.fault("error_500", route="cancel", times=10_000)
    assert waited(trigger(batch_id, shard))["status"] == "left"
    assert len(ALERTS) == 1


@pytest.mark.parametrize("notify", ["broken_pager", "slow_pager", "nowhere.at.all"])
def test_a_notifier_that_fails_or_hangs_holds_up_no_wait(
    sent: Send, notify: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warning, "NOTIFY_SECONDS", 0.2)
    shard, batch_id = sent(8)
    path = notify if "." in notify else f"{__name__}.{notify}"
    listener = Listener(**{**asdict(LISTENER), "notify": path})
    with caplog.at_level(logging.WARNING):
        assert waited(trigger(batch_id, shard, listener))["status"] == "ended"
    assert "Deadline at risk: scheduled__1 of nightly" in caplog.text


def test_without_a_listener_the_log_is_reported(sent: Send, caplog: pytest.LogCaptureFixture) -> None:
    shard, batch_id = sent(8)
    with caplog.at_level(logging.WARNING):
        waited(trigger(batch_id, shard, None))
    assert f"Deadline at risk: {shard}. Shard 1 was abandoned" in caplog.text


def test_a_batch_that_ends_by_itself_is_no_danger(sent: Send, claude_simulator: SimulatorProcess) -> None:
    shard, batch_id = sent(3600)
    claude_simulator.pace("polls:1")
    with pytest.raises(TimeoutError):
        waited(trigger(batch_id, shard), seconds=2)
    assert ALERTS == []
    assert shard.run.at_risk() is None


def utc() -> str:
    return pendulum.now("UTC").isoformat()


def context(notify: Any = None) -> Any:
    """That of a task in a DAG with deadline alerts."""
    dag = SimpleNamespace(
        dag_id="nightly",
        timezone=pendulum.timezone("Europe/Berlin"),
        deadline=deadline_alerts("09:00", "Europe/Berlin", notify),
    )
    return {"dag": dag, "dag_run": SimpleNamespace(run_id="scheduled__1")}


@pytest.mark.skipif(not SUPPORTED, reason="before Airflow 3.2 there are no deadline alerts to find a notifier by")
class TestTheNotifierOfTheDag:
    def test_the_sensor_hands_it_to_the_trigger(self) -> None:
        with pytest.raises(TaskDeferred) as deferred:
            ClaudeBatchSensor(task_id="wait", batch_id="b").execute(context(pager))
        trigger = deferred.value.trigger
        assert isinstance(trigger, ClaudeBatchTrigger)
        assert trigger.serialize()[1]["listener"] == asdict(LISTENER)

    def test_a_sensor_that_is_not_to_warn_keeps_it_to_itself(self) -> None:
        with pytest.raises(TaskDeferred) as deferred:
            ClaudeBatchSensor(task_id="wait", batch_id="b", warn=False).execute(context(pager))
        assert deferred.value.trigger.serialize()[1]["listener"] is None

    def test_a_poking_sensor_calls_it(self, sent: Send) -> None:
        shard, batch_id = sent(8)
        sensor = ClaudeBatchSensor(
            task_id="wait", batch_id=batch_id, shard=str(shard), deferrable=False, poll_interval=0.2, timeout=30
        )
        assert sensor.execute(context(pager)) == batch_id
        assert [alert.outlook for alert in ALERTS] == ["at risk"]

    @pytest.mark.parametrize("deadline", [None, [], [object()], object()])
    def test_a_dag_without_our_alerts_has_none(self, deadline: Any) -> None:
        given = context()
        given["dag"].deadline = deadline
        listener = Listener.of(given)
        assert listener is not None
        assert listener.notify is None

    def test_the_dag_of_a_real_task_has_it(self) -> None:
        from airflow.sdk import DAG

        with DAG("nightly", schedule=None, deadline=deadline_alerts("09:00", "Europe/Berlin", pager)) as dag:
            pass
        assert Listener.of({**context(), "dag": dag}).notify == f"{__name__}.pager"  # type: ignore[union-attr]

    def test_outside_of_a_run_there_is_no_listener(self) -> None:
        assert Listener.of({}) is None  # type: ignore[typeddict-item]
