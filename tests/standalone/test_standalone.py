"""The nightly DAG on a whole Airflow with scheduler, triggerer, API server and UI, the way a person runs it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_claude.simulator.process import SimulatorProcess
from tests.standalone.conftest import FIRST_DAY, MAILS
from tests.standalone.server import RUN_SECONDS, Airflow, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.standalone

DAG = "email_sentiment_nightly"


def some_days(first: int, count: int) -> list[str]:
    """*count* days of the mail, from day number *first* on."""
    return [(FIRST_DAY + timedelta(days=first + number)).isoformat() for number in range(count)]


[TRIGGERED] = some_days(0, 1)
#: The clocks go forward on the second of these.
BY_COMMAND = some_days(1, 3)
BY_DIALOG = some_days(4, 3)


def partition(airflow: Airflow, day: str) -> Path:
    return airflow.root / "answers" / "email_sentiment" / f"day={day}"


def report(airflow: Airflow, day: str) -> dict[str, Any]:
    return dict(json.loads((airflow.root / "work" / DAG / "sentiment" / day / "report.json").read_bytes()))


def assert_published(airflow: Airflow, day: str) -> None:
    """The day has a partition, of its own mail, with every mail accounted for."""
    import pyarrow.parquet as pq

    ledger = report(airflow, day)["ledger"]
    answers = pq.read_table(partition(airflow, day), partitioning=None).to_pylist()
    assert ledger["inputs"] == MAILS
    assert len(answers) + sum(ledger["quarantined"].values()) + sum(ledger["failed"].values()) == MAILS
    assert {str(answer["date"])[:10] for answer in answers} <= {day, str(date.fromisoformat(day) - timedelta(days=1))}


def backfilled(airflow: Airflow) -> dict[str, str]:
    """The state of every run that a backfill made or took over, by its id."""
    return {run["dag_run_id"]: run["state"] for run in airflow.runs(DAG, run_type="backfill")}


def all_succeeded(airflow: Airflow, before: dict[str, str], count: int) -> None:
    """Wait for *count* runs that were not there *before*."""

    def ended() -> list[str]:
        states = [state for run_id, state in backfilled(airflow).items() if run_id not in before]
        return states if len(states) >= count and set(states) <= {"success", "failed"} else []

    states = eventually(f"the end of {count} backfill runs", count * RUN_SECONDS, ended)
    assert states == ["success"] * count


def command_line_backfill(airflow: Airflow, days: list[str], *more: str) -> None:
    """Backfill *days* from local midnight to local midnight, whatever the offset then is."""
    import pendulum

    first, last = (pendulum.parse(day, tz="Europe/Berlin").isoformat() for day in (days[0], days[-1]))
    conf = json.dumps({"shard_rows": MAILS})
    window = ("--from-date", first, "--to-date", last, "--max-active-runs", "3")
    airflow.cli("backfill", "create", "--dag-id", DAG, *window, "--dag-run-conf", conf, *more)


@pytest.fixture(scope="module")
def triggered(airflow: Airflow) -> str:
    """The id of a run for one day in shards of 20 mails, which has succeeded."""
    airflow.patch(f"/dags/{DAG}", {"is_paused": False})
    conf = {"day": TRIGGERED, "shard_rows": 20}
    run_id = airflow.post(f"/dags/{DAG}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
    assert airflow.finished(DAG, run_id)["state"] == "success"
    return str(run_id)


def test_airflow_lists_the_dags_without_import_errors(airflow: Airflow) -> None:
    def listed() -> set[str]:
        return {dag["dag_id"] for dag in airflow.get("/dags")["dags"]}

    eventually("both DAGs", 60, lambda: {DAG, "review_sentiment"} <= listed())
    assert airflow.get("/importErrors")["import_errors"] == []


def test_every_shard_of_a_run_is_a_mapped_instance_with_the_name_of_the_shard(airflow: Airflow, triggered: str) -> None:
    names: dict[str, list[str]] = {}
    for task in airflow.tasks(DAG, triggered):
        assert task["state"] == "success"
        if task["map_index"] >= 0:
            names.setdefault(task["task_id"], []).append(task["rendered_map_index"])
    assert names == {f"sentiment.shard.{step}": ["00001", "00002", "00003"] for step in ("create", "wait", "load")}
    assert_published(airflow, TRIGGERED)


def test_unpausing_runs_the_night_that_is_just_over(airflow: Airflow, triggered: str) -> None:
    [night] = airflow.runs(DAG, run_type="scheduled")
    assert airflow.finished(DAG, night["dag_run_id"])["state"] == "success"


def test_a_backfill_from_the_command_line_answers_its_local_days_and_no_other(airflow: Airflow, triggered: str) -> None:
    before = backfilled(airflow)
    command_line_backfill(airflow, BY_COMMAND)
    all_succeeded(airflow, before, len(BY_COMMAND))
    for day in BY_COMMAND:
        assert_published(airflow, day)
    assert not any(partition(airflow, day).exists() for day in some_days(4, 4))


@pytest.mark.browser
def test_a_backfill_from_the_dialog_of_the_ui_answers_the_days_that_were_picked(
    airflow: Airflow, triggered: str, page: Page, pictures: Path
) -> None:
    before = backfilled(airflow)
    dialog = open_trigger_dialog(page)
    dialog.get_by_text("Backfill", exact=True).click()
    for day in (BY_DIALOG[0], BY_DIALOG[-1]):
        dialog.get_by_text("Select date and time").first.click()
        page.get_by_placeholder("YYYY/MM/DD").locator("visible=true").fill(day.replace("-", "/"))
        page.get_by_placeholder("HH:mm").locator("visible=true").fill("00:00")
        page.keyboard.press("Escape")
    dialog.get_by_text("3 runs will be triggered.").wait_for()
    dialog.get_by_role("spinbutton").last.fill(str(MAILS))
    page.screenshot(path=pictures / "backfill.png")
    dialog.get_by_role("button", name="Run Backfill").click()
    page.get_by_text("Backfill generated").wait_for()
    all_succeeded(airflow, before, len(BY_DIALOG))
    for day in BY_DIALOG:
        assert_published(airflow, day)
    assert not partition(airflow, *some_days(7, 1)).exists()


def test_the_same_days_again_pay_nothing_and_keep_their_partitions(
    airflow: Airflow, claude: SimulatorProcess, triggered: str
) -> None:
    runs = backfilled(airflow)
    before, paid = latest_end(airflow), claude.calls()
    command_line_backfill(airflow, BY_COMMAND, "--reprocess-behavior", "completed")

    def again() -> bool:
        return latest_end(airflow) > before and set(backfilled(airflow).values()) == {"success"}
    raise NotImplementedError


@pytest.mark.browser
def test_the_grid_shows_the_shards_by_name(triggered: str, page: Page, pictures: Path) -> None:
    from urllib.parse import quote

    page.goto(f"/dags/{DAG}/runs/{quote(triggered, safe='')}")
    page.get_by_role("button", name="Expand all task groups").click()
