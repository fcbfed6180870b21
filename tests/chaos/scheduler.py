"""A scheduler of one run: what is ready runs in an order that chance picks, each try and each wait in a process of its own.

It does what `airflow dags test` does (DAG.test: the same execution API, the same run in a database), but for the order:
there a task and its trigger run to their end before another begins. Here instances of mapped tasks take turns, a task that
defers is handed over to a triggerer, and comes back in another process; one that was killed is found dead, and tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, cast

import sqlalchemy.orm

from tests.chaos.acts import nothing
from tests.chaos.machine import Machine, free_port
from tests.chaos.night import Night, Place
from tests.chaos.points import Act, Point
from tests.chaos.processes import Child, Outcome, in_child

_DAG_ID = "nightly"
CALLS = frozenset({"call"})

#: Steps that a run may take: a case without harm takes some 40.
_MOST_STEPS = 250


class Ready(NamedTuple):
    """A task instance that can run, or a trigger that can: then *trigger* is its number."""

    name: str
    key: str
    trigger: int = 0


def prepare(machine: Machine) -> None:
    """An Airflow with a database, before anything imports Airflow; then the imports, so that no process has to do them."""
    if "CHAOS_AIRFLOW" in os.environ:
        return
    home = machine.folder / "airflow"
    home.mkdir()
    os.environ.update(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__DAGS_FOLDER=str(Path(__file__).with_name("dags")),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__UNIT_TEST_MODE="True",
        AIRFLOW__LOGGING__LOGGING_LEVEL="CRITICAL",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/airflow.db",
        AIRFLOW__CLAUDE__SOURCES=str(machine.folder),
        AIRFLOW__CLAUDE__POLL_FLOOR="0",
        AIRFLOW_CONN_ANTHROPIC_DEFAULT=machine.claude.connection_json,
        NO_COLOR="1",
    )
    in_child(_make_database)
    _import_all(["airflow.models.dagrun", "airflow.models.trigger", "airflow.api_fastapi.execution_api.app"])
    sqlalchemy.orm.configure_mappers()
    port = free_port()
    machine.servers.append(Child(partial(_serve, port)))
    os.environ["CHAOS_AIRFLOW"] = f"http://127.0.0.1:{port}/"
    _wait_for(port)
    warming = Scheduler(machine, machine.case(0), Random(0), warming=True)
    if wrong := warming.run():
        raise RuntimeError(f"A run without harm failed: {wrong}")
    gc.freeze()


def _make_database() -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.utils.db import initdb

    from tests.dag_bag import sync_bag_to_db

    initdb()
    cast("Any", DagBundlesManager)().sync_bundles_to_db()
    sync_bag_to_db(_dag_bag(), "dags-folder", None)


def _serve(port: int) -> None:
    """Airflow's execution API, as the in-process one of `airflow dags test`, in a process of its own."""
    import uvicorn
    from airflow.api_fastapi.execution_api.app import InProcessExecutionAPI

    uvicorn.run(InProcessExecutionAPI().app, host="127.0.0.1", port=port, log_level="critical")


def _wait_for(port: int) -> None:
    until = time.monotonic() + 120.0
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        time.sleep(0.1)
    raise RuntimeError("Airflow's execution API did not start")


def _import_all(names: list[str]) -> None:
    for name in names:
        with contextlib.suppress(Exception):  # a module may be made by another one, under a name of its own
            importlib.import_module(name)


@dataclass
class Scheduler:
    """One run at *place*. *harm*: by the number of a step, what strikes the process that takes it. *warming*: what a process
    had to import is imported here, so that no later one has to. *passed*: the points of each step that came to its end.
    """

    machine: Machine
    place: Place
    chance: Random
    harm: Mapping[int, Act] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    warming: bool = False
    passed: list[list[Point]] = field(default_factory=list)
    kinds: frozenset[str] = CALLS
    _points: list[Point] = field(default_factory=list)

    def run(self) -> list[str]:
        """Until the run has ended: what went wrong, or nothing."""
        began = self._child(partial(_begin, self._run_id, self.place))
        if not began.done:
            return [f"the run could not begin: {began.text[-1500:]}"]
        for _ in range(_MOST_STEPS):
            looked = self._child(partial(_look, self._run_id))
            if not looked.done:
                return [f"the scheduler ended with {looked.error}: {looked.text[-1500:]}"]
            state, ready = looked.value
            if state != "running":
                return [] if state == "success" else [f"the run ended as {state}: {self._failures()}"]
            if ready:
                self._take(self.chance.choice(ready), self.harm.get(len(self.order), nothing))
            else:
                self.machine.advance(60.0)
        return [f"the run has not ended after {_MOST_STEPS} steps: {self.order[-8:]}"]

    def _take(self, one: Ready, act: Act) -> None:
        self.order.append(one.name)
        outcome = self._child(_step(one), act)
        self.passed.append(self._points if outcome.done else [])
        self.outcomes.append(outcome)
        if outcome.killed and not one.trigger:
            self._child(_found_dead(one))
        self.machine.advance(outcome.value or 0.0)

    @property
    def _run_id(self) -> str:
        return self.place.folder.name

    def _failures(self) -> str:
        return "; ".join(one.text.strip().splitlines()[-1][:200] for one in self.outcomes if one.text)

    def _child(self, work: Callable[[], Any], act: Act = nothing) -> Outcome:
        def step(night: Night) -> Any:
            _connect()
            _shift(self.machine.clock.offset)
            before = set(sys.modules)
            value = work()
            return value, [name for name in sys.modules if name not in before] if self.warming else [], night.passed()

        outcome = self.machine.start(self.place, act, self.kinds, work=step).join()
        if not outcome.done:
            return outcome
        value, modules, self._points = outcome.value
        _import_all(modules)
        return replace(outcome, value=value)


def _connect() -> None:
    """Tasks and triggers speak to the execution API that was started once."""
    from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor

    def client(_dag: Any = None) -> Any:
        return cast("Any", InProcessTestSupervisor)._Client(base_url=os.environ["CHAOS_AIRFLOW"], token="")

    InProcessTestSupervisor._api_client = staticmethod(client)  # type: ignore[method-assign]


def _shift(seconds: float) -> None:
    """Airflow and the provider see the time of the case."""
    import pendulum

    now = pendulum.now
    pendulum.now = lambda *zone: now(*zone).add(seconds=seconds)


def _dag_bag() -> Any:
    from tests.dag_bag import DagBag

    return DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])


def _begin(run_id: str, place: Place) -> None:
    """A run that is to be scheduled."""
    import pendulum
    from airflow.models.dagrun import get_or_create_dagrun
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunTriggeredByType

    now = pendulum.now("UTC")
    with create_session() as session:
        get_or_create_dagrun(
            dag=_scheduled(), run_id=run_id, logical_date=now, data_interval=(now, now), run_after=now, start_date=now,
            conf={"folder": str(place.folder)}, triggered_by=DagRunTriggeredByType.TEST, triggering_user_name="chaos",
            session=session,
        )  # fmt: skip


def _scheduled() -> Any:
    """The DAG as a scheduler knows it."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(_dag_bag().dags[_DAG_ID]))


def _look(run_id: str) -> tuple[str, list[Ready]]:
    """The state of the run, and all that can run now."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()
        run.dag = _scheduled()
        schedulable, _ = run.update_state(session=session)
        for one in schedulable:
            one.try_number += one.state != "up_for_reschedule"
            one.state = "scheduled"
        session.flush()
        found = list(run.get_task_instances(session=session))
        ready = [Ready(_name(one), str(one.id)) for one in found if one.state == "scheduled"]
        ready += [
            Ready(f"trigger of {_name(one)}", str(one.id), one.trigger_id or 0)
            for one in found
            if one.state == "deferred"
        ]
        return str(run.state), sorted(ready)


def _name(one: Any) -> str:
    return f"{one.task_id}[{one.map_index}]"


def _step(one: Ready) -> Callable[[], Any]:
    return (lambda: _trigger(one)) if one.trigger else (lambda: _task(one))


def _task(one: Ready) -> None:
    """A try of a task, up to its end or to where it defers."""
    from uuid import UUID

    from airflow.models.taskinstance import TaskInstance
    from airflow.sdk.api.datamodels._generated import TaskInstance as Described
    from airflow.sdk.execution_time.supervisor import run_task_in_process
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(select(TaskInstance).where(TaskInstance.id == UUID(one.key))).one()
        found.state = "queued"
        described = Described(
            id=found.id, task_id=found.task_id, dag_id=found.dag_id, run_id=found.run_id, try_number=found.try_number,
            map_index=found.map_index, dag_version_id=cast("UUID", found.dag_version_id),
        )  # fmt: skip
    result = run_task_in_process(described, _dag_bag().dags[_DAG_ID].task_dict[described.task_id])
    if result.error is not None:
        raise result.error


def _trigger(one: Ready) -> float:
    """Wait as the triggerer does, and hand the event back. Seconds that the clock has to move on for it."""
    from airflow.models.trigger import Trigger
    from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor
    from airflow.sdk.module_loading import import_string  # type: ignore[attr-defined]
    from airflow.triggers.base import TriggerEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        row = session.scalars(select(Trigger).where(Trigger.id == one.trigger)).one()
        path, kwargs = row.classpath, dict(row.kwargs)
    if not path.startswith("airflow_provider_claude."):  # it waits for a moment
        moment = kwargs.get("moment")
        left = max(0.0, moment.timestamp() - time.time()) if moment is not None else 60.0
        Trigger.submit_event(one.trigger, cast("Any", TriggerEvent)(moment))
        return left
    trigger = import_string(path)(**kwargs)
    described = type("Described", (), {"id": one.key})()
    slept = _sleepless()
    event = cast("Any", InProcessTestSupervisor).run_trigger_in_process(trigger=trigger, ti=described)
    Trigger.submit_event(one.trigger, event)
    return sum(slept)


def _sleepless() -> list[float]:
    """From now on nothing sleeps here; the list of the seconds that would have been slept."""
    slept: list[float] = []
    sleep = asyncio.sleep

    async def shortly(seconds: float, *_: Any) -> None:
        slept.append(seconds)
        await sleep(0.01)

    asyncio.sleep = shortly  # type: ignore[assignment]
    return slept


def _found_dead(one: Ready) -> Callable[[], None]:
    def find() -> None:
        from uuid import UUID

        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            found = session.scalars(select(TaskInstance).where(TaskInstance.id == UUID(one.key))).one()
            found.state = "up_for_retry" if found.try_number <= found.max_tries else "failed"
            found.end_date = found.start_date

    return find
