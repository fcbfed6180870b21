"""The alerts when the deadline is at risk, and when it is missed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
import pytest
from upath import UPath

from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.plugin.alerts import Alert, deadline_alerts
from airflow_provider_claude.store import ActiveRecord, RunFolder
from tests.imports import loaded_by
from tests.stages.run_folder import Night, Shard, at, build
from tests.test_package import HEAVY

CallbackTrigger = pytest.importorskip("airflow.triggers.callback", reason="needs Airflow 3.2").CallbackTrigger

NINE = pendulum.datetime(2027, 7, 15, 9, tz="Europe/Berlin")
RUN = {"dag_id": "nightly", "dag_run_id": "scheduled__2027-07-14T22:00:00+00:00", "state": "running"}
ALERTS: list[tuple[Alert, bool]] = []


@pytest.fixture(autouse=True)
def _no_alerts() -> None:
    ALERTS.clear()


def sync_notifier(alert: Alert) -> None:
    ALERTS.append((alert, threading.current_thread() is threading.main_thread()))


async def async_notifier(alert: Alert) -> None:
    await asyncio.sleep(0)
    ALERTS.append((alert, threading.current_thread() is threading.main_thread()))


def broken_notifier(alert: Alert) -> None:
    raise ConnectionError("the pager is not there")


def fire(notify: Any, **arguments: Any) -> list[Any]:
    """Both alerts, as the scheduler hands them to the triggerer; the ends of their callbacks."""
    return [asyncio.run(_end(alert)) for alert in deadline_alerts("09:00", "Europe/Berlin", notify, **arguments)]


async def _end(alert: Any) -> Any:
    moment = NINE.in_timezone("UTC") - alert.reference.before
    context = {"dag_run": RUN, "deadline": {"id": "1", "deadline_time": moment}}
    sent = CallbackTrigger(alert.callback.path, alert.callback.kwargs | {"context": context})
    return [event.payload async for event in sent.run()][-1]


def test_without_a_notifier_both_are_lines_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "airflow_provider_claude.notify")
    assert [end["state"] for end in fire(None)] == ["success", "success"]
    run = f"{RUN['dag_run_id']} of nightly is running"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"Deadline at risk: {run}, and its answers are due at 2027-07-15 09:00 CEST."),
        ("ERROR", f"Deadline missed: {run}, and its answers were due at 2027-07-15 09:00 CEST."),
    ]


@pytest.mark.parametrize("notify", [sync_notifier, async_notifier])
def test_a_notifier_gets_the_outlook_and_the_deadline_and_sync_ones_do_not_block_the_loop(notify: Any) -> None:
    assert [end["state"] for end in fire(notify)] == ["success", "success"]
    assert [(alert.outlook, alert.due) for alert, _ in ALERTS] == [("at risk", NINE), ("missed", NINE)]
    assert [on_the_loop for _, on_the_loop in ALERTS] == [notify is async_notifier] * 2


def test_the_user_interface_shows_which_is_which() -> None:
    names = [alert.name for alert in deadline_alerts("09:00", "Europe/Berlin")]
    assert names == ["deadline at risk", "deadline missed"]


def test_a_notifier_may_be_named_by_its_path() -> None:
    fire(f"{__name__}.sync_notifier")
    assert len(ALERTS) == 2


@pytest.mark.parametrize("notify", [broken_notifier, "not_installed_here.pager.page"])
def test_where_the_notifier_fails_the_line_is_there_and_the_callback_is_failed(
    notify: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "airflow_provider_claude.notify")
    assert [end["state"] for end in fire(notify)] == ["failed", "failed"]
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(":")[0] for line in lines if line.startswith("Deadline")] == [
        "Deadline at risk",
        "Deadline missed",
    ]


def of_a_dag_file() -> Any:
    def page(alert: Alert) -> None: ...

    page.__module__, page.__qualname__ = "unusual_prefix_0a1b2c_nightly", "page"
    return page


@pytest.mark.parametrize("notify", [lambda alert: None, of_a_dag_file(), object(), "page", "my pager.page", "a..b"])
def test_a_notifier_that_the_triggerer_cannot_import_is_refused_when_the_dag_is_parsed(notify: Any) -> None:
    with pytest.raises(JobError, match="plugins folder"):
        deadline_alerts("09:00", "Europe/Berlin", notify)


@pytest.mark.parametrize("early", [timedelta(0), timedelta(hours=-1)])
def test_a_warning_that_would_come_too_late_is_refused(early: timedelta) -> None:
    with pytest.raises(JobError, match="warn_before"):
        deadline_alerts("09:00", "Europe/Berlin", warn_before=early)


def test_every_process_of_airflow_can_load_the_plugin_without_the_sdk_and_other_heavy_modules() -> None:
    assert loaded_by("import airflow_provider_claude.plugin.alerts", HEAVY) == set()


def night(work: Path, shards: Sequence[Shard]) -> RunFolder:
    """A night in the folder where the task group `sentiment` of the run keeps it."""
    run = build(UPath(work / "nightly" / "sentiment" / "2026-11-22"), Night(shards=shards))
    me = ActiveRun(dag_id="nightly", run_id=RUN["dag_run_id"], task="scan")
    run.actives.append(ActiveRecord(run=me, since=at(0), until=at(20)))
    return run


def test_with_the_work_folder_an_alert_has_the_verdict_of_the_records(tmp_path: Path) -> None:
    run = night(tmp_path, [Shard(answered=3), Shard(answered=2)])
    run.shard(1).file("loaded.json").unlink()
    build(UPath(tmp_path / "nightly" / "sentiment" / "2026-11-23"), Night(shards=[Shard(answered=1)]))
    fire(sync_notifier, work=str(tmp_path))
    [said] = ALERTS[0][0].verdicts
    assert said.startswith("sentiment: ")
    assert "1 of 2 shards loaded." in said
    assert "No task of it has given a sign of life since" in said
    assert said in ALERTS[0][0].message


def test_a_damaged_record_or_no_folder_stops_no_alert(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    night(tmp_path, [Shard(answered=3)]).file("plan.json").write_text("{")
    for work in (tmp_path, tmp_path / "elsewhere"):
        assert [end["state"] for end in fire(sync_notifier, work=str(work))] == ["success", "success"]
    assert [list(alert.verdicts) for alert, _ in ALERTS] == [[], [], [], []]
    assert "could not be read" in caplog.text


def test_an_alert_links_to_the_page_of_the_run_where_its_host_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/etl/")
    fire(sync_notifier)
    page = "https://airflow.example.com/etl/claude/run/nightly?run_id=scheduled__2027-07-14T22%3A00%3A00%2B00%3A00"
    assert ALERTS[0][0].message.endswith(f" {page}")
