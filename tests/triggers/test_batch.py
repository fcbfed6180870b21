"""The trigger and the sensor against the simulator, with the real SDK."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.triggers.base import TriggerEvent

from airflow_provider_claude.sensors.batch import ClaudeBatchSensor
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.triggers.batch import ClaudeBatchTrigger
from tests.imports import loaded_by


@pytest.fixture
def batch_id(claude_simulator: SimulatorProcess) -> str:
    """A batch that has ended at the third look."""
    import anthropic

    claude_simulator.pace("polls:3")
    with anthropic.Anthropic(base_url=claude_simulator.base_url, api_key="k") as client:
        params: Any = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        return client.messages.batches.create(requests=[{"custom_id": "a", "params": params}]).id


def first_event(trigger: ClaudeBatchTrigger) -> dict[str, Any]:
    """What the trigger yields, rebuilt from its own serialization as a triggerer does."""
    path, kwargs = trigger.serialize()
    assert path.endswith(".ClaudeBatchTrigger")

    async def wait() -> TriggerEvent:
        return await asyncio.wait_for(anext(ClaudeBatchTrigger(**kwargs).run()), 30)

    return dict(asyncio.run(wait()).payload)


def trigger(batch_id: str, *, until: float | None = None) -> ClaudeBatchTrigger:
    return ClaudeBatchTrigger(batch_id, "anthropic_default", poll_interval=0.05, started=0.0, until=until)


def test_the_trigger_waits_until_the_batch_has_ended(batch_id: str) -> None:
    assert first_event(trigger(batch_id))["status"] == "ended"


def test_trouble_with_the_api_is_waited_out(batch_id: str, claude_simulator: SimulatorProcess) -> None:
    for name in ("error_500", "error_529", "rate_limit_bare", "reset_before_accept"):
        claude_simulator.fault(name, times=1, route="retrieve")
    assert first_event(trigger(batch_id))["status"] == "ended"


def test_a_bad_key_gives_up_with_a_message_that_says_what_is_still_billing(
    batch_id: str, claude_simulator: SimulatorProcess
) -> None:
    claude_simulator.fault("bad_key", times=20, route="retrieve")
    event = first_event(trigger(batch_id))
    assert event["status"] == "stopped"
    assert "may still be billing" in event["message"]


def test_a_wait_whose_time_is_up_gives_up_and_cancels_nothing(
    batch_id: str, claude_simulator: SimulatorProcess
) -> None:
    assert first_event(trigger(batch_id, until=1.0))["status"] == "stopped"
    assert claude_simulator.calls().get("cancel", 0) == 0


def sensor(batch_id: str, **changes: Any) -> ClaudeBatchSensor:
    return ClaudeBatchSensor(task_id="wait", batch_id=batch_id, poll_interval=0.05, **changes)


def test_the_sensor_defers_to_the_trigger(batch_id: str) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        sensor(batch_id).execute({})
    assert deferred.value.method_name == "execute_complete"
    assert isinstance(deferred.value.trigger, ClaudeBatchTrigger)
    assert first_event(deferred.value.trigger)["status"] == "ended"


def test_deferring_does_not_cost_the_worker_the_import_of_the_sdk() -> None:
    statement = (
        "from airflow.providers.common.compat.sdk import TaskDeferred\n"
        "from airflow_provider_claude.sensors.batch import ClaudeBatchSensor\n"
        "try:\n    ClaudeBatchSensor(task_id='wait', batch_id='b').execute({})\n"
        "except TaskDeferred:\n    pass\n"
        "else:\n    raise AssertionError('it did not defer')"
    )
    assert loaded_by(statement, ["anthropic"]) == set()


def test_the_sensor_can_poke_instead(batch_id: str) -> None:
    assert sensor(batch_id, deferrable=False).execute({}) == batch_id


def test_resuming_returns_the_batch_id_and_giving_up_fails_the_task(batch_id: str) -> None:
    from airflow.providers.common.compat.sdk import AirflowException

    good = {"status": "ended", "batch_id": batch_id, "message": "m"}
    assert sensor(batch_id).execute_complete({}, good) == batch_id
    for event in (good | {"status": "stopped"}, {"status": "unheard of"}, None):
        with pytest.raises(AirflowException):
            sensor(batch_id).execute_complete({}, event)


def test_there_is_nothing_to_wait_for_where_nothing_was_sent() -> None:
    assert ClaudeBatchSensor(task_id="wait", batch_id="").execute({}) == ""


@pytest.mark.parametrize(("cancels", "marked", "calls"), [(False, True, 0), (True, False, 0), (True, True, 1)])
def test_a_batch_is_cancelled_only_where_that_was_asked_for_and_a_user_marked_the_task(
    batch_id: str, claude_simulator: SimulatorProcess, cancels: bool, marked: bool, calls: int
) -> None:
    asyncio.run(of_task(batch_id, marked=marked, cancel_on_mark=cancels).on_kill())
    assert claude_simulator.calls().get("cancel", 0) == calls


def test_a_cancel_that_was_begun_is_carried_on_when_the_triggerer_cancels_the_trigger_again(
    batch_id: str, claude_simulator: SimulatorProcess
) -> None:
    async def killed() -> None:
        ending = asyncio.ensure_future(of_task(batch_id, marked=True, cancel_on_mark=True).on_kill())
        while not ending.done():
            await asyncio.sleep(0.01)
            ending.cancel()
        await ending

    asyncio.run(killed())
    assert claude_simulator.calls()["cancel"] == 1


def of_task(batch_id: str, *, marked: bool, cancel_on_mark: bool) -> ClaudeBatchTrigger:
    """The trigger of a task that a user has marked, or not."""

    class OfTask(ClaudeBatchTrigger):
        def _marked(self) -> bool:
            return marked

    return OfTask(batch_id, "anthropic_default", 0.05, 0.0, cancel_on_mark=cancel_on_mark)
