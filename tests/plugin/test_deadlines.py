"""Which runs of the nightly DAG promise their answers for nine, on a real Airflow database."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pendulum
import pytest
from airflow import plugins_manager

from airflow_provider_claude import get_provider_info
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.plugin import ClaudePlugin
from airflow_provider_claude.plugin.alerts import deadline_alerts
from airflow_provider_claude.plugin.deadlines import SUPPORTED, LocalWallClockDeadline
from airflow_provider_claude.runtime.run_deadline import resolve_deadline
from tests.conftest import PROJECT

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

DAG_ID = "email_sentiment_nightly"
NIGHTLY = PROJECT / "dags" / f"{DAG_ID}.py"
BERLIN = "Europe/Berlin"
HOUR = timedelta(hours=1)
#: Runs are made for next year: a moment that has passed is none.
YEAR = pendulum.now("UTC").year + 1
if not SUPPORTED:
    pytest.skip("before Airflow 3.2 there are no deadline references but Airflow's own", allow_module_level=True)

CLASS = "airflow_provider_claude.plugin.deadlines.LocalWallClockDeadline"


@pytest.fixture(scope="module")
def _nightly(airflow_db: Path) -> None:
    """The nightly DAG in the database, as the DAG processor writes it."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    from tests.dag_bag import DagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(NIGHTLY)
    assert bag.import_errors == {}
    sync_bag_to_db(bag, "dags-folder", None)


@pytest.fixture
def session(_nightly: None) -> Iterator[Session]:
    """A session whose work is undone."""
    from airflow import settings

    with settings.Session() as session:
        yield session
        session.rollback()


def nightly(session: Session) -> Any:
    """The DAG as the scheduler reads it."""
    from airflow.models.serialized_dag import SerializedDagModel

    return SerializedDagModel.get(DAG_ID, session=session).dag


def midnight(month: int, day: int) -> pendulum.DateTime:
    return pendulum.datetime(YEAR, month, day, tz=BERLIN)


def last_sunday(month: int) -> pendulum.DateTime:
    """The midnight before the clocks change."""
    return midnight(month, 31).add(days=1).previous(pendulum.SUNDAY)


def make_run(session: Session, end: pendulum.DateTime, kind: str = "scheduled") -> Any:
    """A run over the day before *end*, made as scheduler and API server make runs."""
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    start = end.subtract(days=1)
    return nightly(session).create_dagrun(
        run_id=f"{kind}__{end.to_iso8601_string()}",
        logical_date=start,
        data_interval=(start, end),
        run_after=end,
        run_type=DagRunType(kind),
        triggered_by=DagRunTriggeredByType.TEST,
        state=DagRunState.QUEUED,
        session=session,
    )


def deadlines(session: Session, run: Any) -> dict[str, pendulum.DateTime]:
    """By what each tells."""
    from airflow.models.deadline import Deadline
    from sqlalchemy import select

    session.flush()
    rows = session.scalars(select(Deadline).where(Deadline.dagrun_id == run.id))
    return {row.callback.data["kwargs"]["outlook"]: pendulum.instance(row.deadline_time) for row in rows}


def test_a_plain_installation_registers_the_reference_with_airflow() -> None:
    [entry] = [entry for entry in entry_points(group="airflow.plugins") if entry.value.startswith("airflow_provider_c")]
    assert entry.load() is ClaudePlugin
    assert plugins_manager.get_deadline_references_plugins()[CLASS] is LocalWallClockDeadline


def test_the_provider_info_names_the_plugin_too() -> None:
    [entry] = get_provider_info()["plugins"]
    assert entry == {
        "name": ClaudePlugin.name,
        "plugin-class": f"airflow_provider_claude.plugin.{ClaudePlugin.__name__}",
    }


def test_the_reference_in_the_database_is_the_one_of_the_dag_file(session: Session) -> None:
    from airflow.models.deadline_alert import DeadlineAlert
    from airflow.serialization.decoders import decode_deadline_reference

    alerts = [DeadlineAlert.get_by_id(identity, session=session) for identity in nightly(session).deadline]
    assert [decode_deadline_reference(alert.reference).inner_ref for alert in alerts] == [
        LocalWallClockDeadline("09:00", BERLIN, HOUR),
        LocalWallClockDeadline("09:00", BERLIN),
    ]


def test_the_dag_written_again_is_no_new_version(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.dag_bag import DagBag, sync_bag_to_db

    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")
    sync_bag_to_db(DagBag(NIGHTLY), "dags-folder", None)  # other tests may have written it in another way
    session.expire_all()
    before = nightly(session).deadline
    sync_bag_to_db(DagBag(NIGHTLY), "dags-folder", None)
    session.expire_all()
    assert nightly(session).deadline == before


@pytest.mark.parametrize(
    ("end", "utc_hour"),
    [(midnight(1, 15), 8), (midnight(7, 15), 7), (last_sunday(3), 7), (last_sunday(10), 8)],
    ids=["winter", "summer", "clocks forward", "clocks back"],
)
def test_a_scheduled_run_promises_nine_local_time_and_warns_an_hour_before(
    session: Session, end: pendulum.DateTime, utc_hour: int
) -> None:
    nine = pendulum.datetime(end.year, end.month, end.day, utc_hour, tz="UTC")
    assert deadlines(session, make_run(session, end)) == {"at risk": nine - HOUR, "missed": nine}


@pytest.mark.parametrize("end", [midnight(1, 15), midnight(7, 15), last_sunday(3), last_sunday(10)])
def test_the_alert_and_the_pipeline_mean_the_same_moment(session: Session, end: pendulum.DateTime) -> None:
    run = make_run(session, end)
    context: Any = {"dag": SimpleNamespace(timezone=pendulum.timezone(BERLIN)), "dag_run": run, "params": {}}
    due = resolve_deadline(context, "09:00")
    assert due is not None
    assert deadlines(session, run)["missed"] == pendulum.parse(due)


@pytest.mark.parametrize("kind", ["manual", "backfill", "asset_triggered"])
def test_a_run_that_no_one_waits_for_promises_nothing(session: Session, kind: str) -> None:
    assert deadlines(session, make_run(session, midnight(2, 1), kind)) == {}


def test_a_night_that_is_caught_up_promises_nothing(session: Session) -> None:
    assert deadlines(session, make_run(session, midnight(1, 15).subtract(years=2))) == {}


def test_a_run_made_within_the_last_hour_is_not_warned_of_but_can_break_its_promise(session: Session) -> None:
    now = pendulum.now("UTC")
    run = make_run(session, now)
    soon, ids = now.add(minutes=30).format("HH:mm"), {"dag_id": DAG_ID, "run_id": run.run_id}
    assert LocalWallClockDeadline(soon, "UTC", HOUR)._evaluate_with(session=session, **ids) is None
    assert LocalWallClockDeadline(soon, "UTC")._evaluate_with(session=session, **ids) is not None


def test_a_run_that_succeeds_in_time_is_forgotten(session: Session) -> None:
    from airflow.utils.state import DagRunState, TaskInstanceState

    run = make_run(session, midnight(3, 1))
    assert len(deadlines(session, run)) == 2
    run.dag = nightly(session)
    run.state = DagRunState.RUNNING
    for ti in run.get_task_instances(session=session):
        ti.state = TaskInstanceState.SUCCESS
    run.update_state(session=session, execute_callbacks=False)
    assert run.state == DagRunState.SUCCESS
    assert deadlines(session, run) == {}


def test_what_the_scheduler_hands_to_the_triggerer_tells_of_the_run(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    from airflow.models.deadline import Deadline
    from airflow.triggers.callback import CallbackTrigger
    from sqlalchemy import select

    async def end_of(trigger: CallbackTrigger) -> Any:
        return [event.payload["state"] async for event in trigger.run()][-1]

    caplog.set_level(logging.WARNING, "airflow_provider_claude.notify")
    run = make_run(session, midnight(7, 15))
    session.flush()
    for deadline in session.scalars(select(Deadline).where(Deadline.dagrun_id == run.id)).all():
        deadline.handle_miss(session)
        assert asyncio.run(end_of(CallbackTrigger(**deadline.callback.trigger.kwargs))) == "success"
    messages = {record.getMessage().split(": ")[0]: record.getMessage() for record in caplog.records}
    assert messages.keys() == {"Deadline at risk", "Deadline missed"}
    assert all(f"{run.run_id} of {DAG_ID} is queued" in line for line in messages.values())
    assert all(f"due at {YEAR}-07-15 09:00 CEST." in line for line in messages.values())


@pytest.mark.usefixtures("_nightly")
def test_a_dag_with_alerts_can_be_tried_with_dags_test_and_has_them_still() -> None:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG

    from tests.dag_bag import DagBag, sync_bag_to_db

    with DAG("tried", schedule=None, deadline=deadline_alerts("09:00", BERLIN)) as dag:
        EmptyOperator(task_id="nothing")
    bag = DagBag(os.devnull)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    assert dag.test(mark_success_pattern="nothing").state == "success"
    assert len(dag.deadline) == 2


@pytest.mark.usefixtures("_nightly")
def test_a_backfill_can_be_made_and_its_runs_promise_nothing() -> None:
    from airflow.models.backfill import Backfill, BackfillDagRun, ReprocessBehavior, _create_backfill
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete, select

    days = pendulum.datetime(2026, 2, 2, tz=BERLIN), pendulum.datetime(2026, 2, 3, tz=BERLIN)
    backfill = _create_backfill(
        dag_id=DAG_ID,
        from_date=days[0],
        to_date=days[1],
        max_active_runs=1,
        reverse=False,
        dag_run_conf={},
        triggering_user_name=None,
        reprocess_behavior=ReprocessBehavior.NONE,
    )
    with create_session() as session:
        runs = list(session.scalars(select(DagRun).where(DagRun.backfill_id == backfill.id)))
        found = [deadlines(session, run) for run in runs]
        session.execute(delete(BackfillDagRun).where(BackfillDagRun.backfill_id == backfill.id))
        for run in runs:
            session.delete(run)
        session.flush()
        session.execute(delete(Backfill).where(Backfill.id == backfill.id))
    assert found == [{}, {}]


@pytest.mark.parametrize("at", ["9:00", "24:00", "", "nine"])
def test_a_time_that_is_none_is_refused_in_the_dag_file_not_in_the_scheduler(at: str) -> None:
    with pytest.raises(JobError, match="HH:MM"):
        LocalWallClockDeadline(at, BERLIN)


def test_a_zone_that_is_none_is_refused_there_too() -> None:
    with pytest.raises(ValueError, match="Nowhere"):
        LocalWallClockDeadline("09:00", "Europe/Nowhere")
