"""The nightly DAG on a whole Airflow with scheduler, triggerer, API server and UI, the way a person runs it."""

from __future__ import annotations

import contextlib
import json
import operator
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anthropic
import httpx
import pendulum
import pytest

from airflow_provider_claude.simulator.process import SimulatorProcess
from benchmarks.night.airflow import START_SECONDS, LockedError, eventually
from tests.standalone.answers import assert_published, partition, record, some_days
from tests.standalone.conftest import BATCH_SECONDS, DAG, FIRST_MAILS, person
from tests.standalone.server import RUN_SECONDS, ZONE, KeptAirflow
from tests.standalone.users import ON_CALL

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

#: The first of them starts Airflow and waits for a whole run: both have patience of their own, and say what they waited for.
pytestmark = [pytest.mark.standalone, pytest.mark.timeout(900)]

[TRIGGERED] = some_days(0, 1)
#: The clocks go forward on the second of these.
BY_DIALOG = some_days(1, 3)
#: Two of these are answered, and asked for again.
BY_COMMAND = some_days(2, 3)
[NEW] = BY_COMMAND[2:]
[NOT_ASKED] = some_days(6, 1)
#: Two shards a day, where the plan would make one.
SHARD_ROWS = 40
CONF = json.dumps({"shard_rows": SHARD_ROWS})
COMMAND_TRIES = 5

#: Megabytes that the tasks of the counted run may read and write: files, sockets and pipes, of 2,000 mails of 2.5 kB. Half as
#: much again as was measured: `create` writes the body to a file and then to the API, and reads it once.
BYTES_BUDGET = {
    "scan": (9.5, 0.8),
    "plan": (11.0, 4.0),  # which reads the items once more for the sample that is asked a second time
    "shard.create": (17.0, 11.6),
    "shard.wait": (0.8, 0.15),
    "shard.load": (5.5, 0.9),
    "shard.settle": (0.8, 0.15),
    "report": (45.0, 0.9),  # of it most for importing SciPy
}
#: The most requests whose tokens the plan lets the API count.
COUNTED_REQUESTS = 8


def backfill_runs(airflow: KeptAirflow) -> set[tuple[str, str, str]]:
    """Every run of a backfill with its end and its state; one that ran again is another."""
    runs = airflow.runs(DAG, run_type="backfill")
    return {(run["dag_run_id"], run["end_date"], run["state"]) for run in runs}


def until_backfilled(airflow: KeptAirflow) -> None:
    def ended() -> bool:
        return all(backfill["completed_at"] for backfill in airflow.get("/backfills", dag_id=DAG)["backfills"])

    eventually("the end of the backfill", RUN_SECONDS, ended)


def assert_backfilled(airflow: KeptAirflow, before: set[tuple[str, str, str]], count: int) -> None:
    """The backfill ends, and *count* runs have succeeded since *before*."""

    until_backfilled(airflow)
    assert [state for _, _, state in backfill_runs(airflow) - before] == ["success"] * count


def backfill_by_command(airflow: KeptAirflow, days: list[str], *more: str) -> None:
    """Backfill *days*, from local midnight to local midnight with the offsets those have.

    A creation that SQLite stops half-way leaves a backfill of some of the days, which has to end before the next.
    """
    first, last = (str(pendulum.parse(day, tz=ZONE)) for day in (days[0], days[-1]))
    window = ("--from-date", first, "--to-date", last, "--max-active-runs", "3")
    for _ in range(COMMAND_TRIES):
        with contextlib.suppress(LockedError):
            airflow.cli("backfill", "create", "--dag-id", DAG, *window, "--dag-run-conf", CONF, *more)
            return
        until_backfilled(airflow)
    raise AssertionError(f"SQLite was locked {COMMAND_TRIES} times in a row")


def trigger_dialog(page: Page) -> Locator:
    """The form behind the button Trigger of the DAG's page."""
    page.goto(f"/dags/{DAG}")
    page.get_by_role("button", name="Trigger").first.click()
    dialog = page.get_by_role("dialog").filter(has_text=re.compile("Trigger Dag|Run Backfill"))
    dialog.get_by_text("Shard size").wait_for()
    return dialog


@pytest.fixture(scope="module")
def counted(airflow: KeptAirflow, claude: SimulatorProcess, unpaused: None) -> tuple[str, Counter[str]]:
    """The id of a run for one day in shards of 700 mails, which has succeeded; and the calls of the API it has made."""
    before = Counter(claude.calls())
    run_id = airflow.trigger(DAG, {"day": TRIGGERED, "shard_rows": 700})
    assert airflow.finished(DAG, run_id)["state"] == "success"
    return run_id, Counter(claude.calls()) - before


@pytest.fixture(scope="module")
def triggered(counted: tuple[str, Counter[str]]) -> str:
    """The id of the counted run."""
    return counted[0]


def planned_shards(airflow: KeptAirflow) -> list[str]:
    """The names of the triggered run's shards that were sent as batches; the last one asks some rows a second time."""
    plan = json.loads((airflow.root / "work" / DAG / "sentiment" / TRIGGERED / "plan.json").read_bytes())
    probes = [f"{name} 00001" for name in plan["probes"]]
    return [*(f"{spec['shard']:05d}" for spec in plan["shards"] if spec["lane"] == "batch"), *probes]


def test_airflow_lists_the_dags_without_import_errors(airflow: KeptAirflow) -> None:
    def listed() -> bool:
        return {DAG, "review_sentiment"} <= {dag["dag_id"] for dag in airflow.get("/dags")["dags"]}

    eventually("both DAGs", START_SECONDS, listed)
    assert airflow.get("/importErrors")["import_errors"] == []


def test_a_night_starts_no_more_processes_than_its_shards_need(airflow: KeptAirflow, triggered: str) -> None:
    starts = Counter(process["task"].removeprefix("sentiment.") for process in airflow.task_processes(triggered))
    shards = len(planned_shards(airflow))
    assert {name: starts[name] for name in ("scan", "plan", "report")} == {"scan": 1, "plan": 1, "report": 1}
    assert {name: starts[f"shard.{name}"] for name in ("create", "load")} == {"create": shards, "load": shards}
    assert (
        starts["shard.wait"] <= 2 * shards + 4
    )  # Airflow may fail one or two that it resumes too soon, and starts them twice more
    assert starts["shard.settle"] <= shards + 1  # one resumes, where a row is asked again


def test_a_night_calls_the_api_once_for_what_it_sends_and_once_for_what_it_fetches(
    airflow: KeptAirflow, counted: tuple[str, Counter[str]]
) -> None:
    calls, shards = counted[1], len(planned_shards(airflow))
    assert {name: calls[name] for name in ("create", "results", "messages")} == {
        "create": shards,
        "results": shards,
        "messages": 1,  # the trial
    }
    assert calls["models"] <= 2 + 2 * shards  # the model, and whose key it is: once in each process that uses the key
    assert calls["count_tokens"] <= COUNTED_REQUESTS
    assert set(calls) <= {"create", "retrieve", "results", "messages", "models", "count_tokens"}


def test_a_night_reads_and_writes_no_more_bytes_than_its_budget(airflow: KeptAirflow, triggered: str) -> None:
    moved: dict[str, list[float]] = {}
    for process in airflow.task_processes(triggered):
        sums = moved.setdefault(process["task"].removeprefix("sentiment."), [0.0, 0.0])
        sums[0] += process["bytes_read"] / 1e6
        sums[1] += process["bytes_written"] / 1e6
    over = {name: sums for name, sums in moved.items() if any(map(operator.gt, sums, BYTES_BUDGET[name]))}
    assert over == {}


def test_with_warm_imports_no_task_imports_a_heavy_module_itself(airflow: KeptAirflow, triggered: str) -> None:
    found = {
        (process["task"], name)
        for process in airflow.task_processes(triggered)
        for name in {"anthropic", "numpy", "pandas", "pyarrow", "pydantic"} & set(process["modules"])
    }
    assert found == set()


def test_every_shard_of_a_run_is_a_mapped_instance_named_after_the_shard(airflow: KeptAirflow, triggered: str) -> None:
    names: dict[str, list[str]] = {}
    for task in airflow.tasks(DAG, triggered):
        assert task["state"] == "success"
        if task["map_index"] >= 0:
            names.setdefault(task["task_id"], []).append(task["rendered_map_index"])
    shards = planned_shards(airflow)
    assert len(shards) >= 4
    assert names == {f"sentiment.shard.{step}": shards for step in ("create", "wait", "load", "settle")}
    assert_published(airflow, TRIGGERED, FIRST_MAILS)


def test_an_unpaused_dag_runs_for_the_night_that_is_just_over(airflow: KeptAirflow, triggered: str) -> None:
    [night] = airflow.runs(DAG, run_type="scheduled")
    assert airflow.finished(DAG, night["dag_run_id"])["state"] == "success"


@pytest.mark.browser
def test_the_trigger_form_asks_for_what_a_run_may_change(page: Page, triggered: str, pictures: Path) -> None:
    dialog = trigger_dialog(page)
    page.screenshot(path=pictures / "trigger.png")
    for label in ("Mail", "Day", "Model", "Shard size", "Deadline"):
        dialog.get_by_text(re.compile(rf"^{label}\W*$")).wait_for()


@pytest.fixture(scope="module")
def by_dialog(airflow: KeptAirflow, triggered: str, browser: Browser, pictures: Path) -> None:
    """A backfill of three days, from the dialog of the UI, has ended."""
    from playwright.sync_api import expect

    before = backfill_runs(airflow)
    with person(browser, airflow, pictures) as page:
        dialog = trigger_dialog(page)
        dialog.get_by_text("Backfill", exact=True).click()
        shown = page.get_by_placeholder("YYYY/MM/DD").locator("visible=true")
        for day in (BY_DIALOG[0], BY_DIALOG[-1]):
            dialog.get_by_text("Select date and time").first.click()
            shown.fill(day.replace("-", "/"))
            page.get_by_placeholder("HH:mm").locator("visible=true").fill("00:00")
            page.keyboard.press("Escape")
            expect(shown).to_have_count(0)  # the calendar takes a moment to close
        dialog.get_by_text(f"{len(BY_DIALOG)} runs will be triggered.").wait_for()
        dialog.get_by_text("Override parameters on existing runs").click()  # else the dialog sends no param at all
        dialog.get_by_role("spinbutton").last.fill(str(SHARD_ROWS))
        page.keyboard.press("Tab")
        page.screenshot(path=pictures / "backfill.png")
        dialog.get_by_role("button", name="Run Backfill").click()
        page.get_by_text("Backfill generated").first.wait_for()
    assert_backfilled(airflow, before, len(BY_DIALOG))


@pytest.mark.browser
def test_a_backfill_from_the_dialog_of_the_ui_answers_the_local_days_that_were_picked(
    airflow: KeptAirflow, by_dialog: None
) -> None:
    for day in BY_DIALOG:
        assert_published(airflow, day)
    assert not partition(airflow, NOT_ASKED).exists()


@pytest.mark.browser
def test_the_shard_size_of_the_dialog_arrives_in_the_plan_of_each_run_of_the_backfill(
    airflow: KeptAirflow, by_dialog: None
) -> None:
    for day in BY_DIALOG:
        batches = [shard for shard in record(airflow, day, "plan.json")["shards"] if shard["lane"] == "batch"]
        assert len(batches) == 2
        assert max(shard["stop"] - shard["start"] for shard in batches) <= SHARD_ROWS


@pytest.mark.browser
def test_a_backfill_by_command_answers_the_new_local_day_and_pays_nothing_for_those_that_are_done(
    airflow: KeptAirflow, claude: SimulatorProcess, by_dialog: None
) -> None:
    before, paid = backfill_runs(airflow), claude.books()["same_content"]["requests"]
    calls = claude.calls()["create"]
    backfill_by_command(airflow, BY_COMMAND, "--reprocess-behavior", "completed")
    assert_backfilled(airflow, before, len(BY_COMMAND))
    new = sum(spec["lane"] == "batch" for spec in record(airflow, NEW, "plan.json")["shards"])
    assert claude.calls()["create"] == calls + new
    assert claude.books()["same_content"]["requests"] == paid
    for day in BY_COMMAND:
        assert_published(airflow, day)


@pytest.mark.browser
def test_the_grid_shows_the_shards_by_name(airflow: KeptAirflow, triggered: str, page: Page, pictures: Path) -> None:
    shards = planned_shards(airflow)
    page.goto(f"/dags/{DAG}/runs/{quote(triggered, safe='')}/tasks/group/sentiment.shard")
    page.get_by_role("button", name="Expand all task groups").click()
    page.get_by_text(f"{4 * len(shards)} Task Instances").wait_for()
    page.get_by_text("wait [ ]").wait_for()
    page.screenshot(path=pictures / "grid.png")
    for shard in shards:
        assert page.get_by_role("link", name=shard, exact=True).count() == 4


def test_the_page_of_a_run_answers_whom_airflow_knows_and_each_task_leads_to_its_shard(
    airflow: KeptAirflow, triggered: str
) -> None:
    page, known = f"{airflow.url}/claude/run/{DAG}", {"_token": airflow.token(ON_CALL)}
    shown = httpx.get(page, params={"run_id": triggered}, cookies=known)
    assert shown.status_code == 200
    assert f"{FIRST_MAILS:,} rows" in shown.text
    assert httpx.get(page, params={"run_id": triggered}, headers={"Authorization": "Bearer x"}).status_code == 403
    assert httpx.get(page, params={"run_id": "another"}, cookies=known).status_code == 404
    task = f"/dags/{DAG}/dagRuns/{quote(triggered, safe='')}/taskInstances/sentiment.shard.wait/links"
    link = airflow.get(task, map_index=1)["extra_links"]["Claude run"]
    to_shard = httpx.get(f"{airflow.url}{link}", cookies=known)
    assert to_shard.headers["location"].endswith("#shard-2")


@pytest.mark.browser
def test_a_run_has_a_tab_with_its_page_and_a_link_back_to_each_task(triggered: str, page: Page, pictures: Path) -> None:
    page.goto(f"/dags/{DAG}/runs/{quote(triggered, safe='')}")
    page.get_by_role("link", name="Claude", exact=True).click()
    inside = page.frame_locator("iframe")
    inside.get_by_role("heading", level=1).filter(has_text="rows are answered").wait_for()
    page.screenshot(path=pictures / "run-page.png")
    inside.locator("#shard-1 th a").click()
    page.wait_for_url("**/tasks/sentiment.shard.*/mapped/0**")
    page.locator("iframe").wait_for(state="detached")


@pytest.mark.browser
def test_the_documentation_of_the_dag_is_a_click_away(triggered: str, page: Page, pictures: Path) -> None:
    page.goto(f"/dags/{DAG}")
    page.get_by_role("button", name="Dag Docs").click()
    page.get_by_role("heading", name="Sentiment of yesterday's customer mail, on the table at nine").wait_for()
    page.screenshot(path=pictures / "documentation.png")


def wait_for_one_batch(airflow: KeptAirflow, claude: SimulatorProcess) -> str:
    """The id of a run whose only task waits, in the triggerer, for a batch that it may cancel."""
    params: Any = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    with anthropic.Anthropic(base_url=claude.base_url, api_key=claude.api_key) as client:
        batch_id = client.messages.batches.create(requests=[{"custom_id": "a", "params": params}]).id
    airflow.patch("/dags/one_batch", {"is_paused": False})
    looks, body = claude.calls().get("retrieve", 0), {"logical_date": None, "conf": {"batch_id": batch_id}}
    run_id = str(airflow.post("/dags/one_batch/dagRuns", body)["dag_run_id"])
    airflow.in_state("one_batch", run_id, "wait", "deferred")
    eventually("a look at the batch", RUN_SECONDS, lambda: claude.calls().get("retrieve", 0) > looks)
    return run_id


def test_marking_the_wait_cancels_its_batch_where_that_was_asked_for(
    airflow: KeptAirflow, claude: SimulatorProcess, slow_batches: None
) -> None:
    before = claude.calls().get("cancel", 0)
    run_id = wait_for_one_batch(airflow, claude)
    airflow.patch(f"/dags/one_batch/dagRuns/{quote(run_id, safe='')}/taskInstances/wait", {"new_state": "failed"})
    eventually("the cancel", RUN_SECONDS, lambda: claude.calls().get("cancel", 0) == before + 1)


def test_clearing_the_wait_never_cancels_its_batch(
    airflow: KeptAirflow, claude: SimulatorProcess, slow_batches: None
) -> None:
    before = claude.calls().get("cancel", 0)
    run_id = wait_for_one_batch(airflow, claude)
    clear = {"dag_run_id": run_id, "task_ids": ["wait"], "only_failed": False, "dry_run": False}
    airflow.post("/dags/one_batch/clearTaskInstances", clear)
    airflow.in_state("one_batch", run_id, "wait", "deferred")
    claude.advance(BATCH_SECONDS)
    assert airflow.finished("one_batch", run_id)["state"] == "success"
    assert claude.calls().get("cancel", 0) == before
