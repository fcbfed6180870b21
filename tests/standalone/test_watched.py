"""A night that a person on call watches and repairs with a browser alone, while its triggerer dies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import httpx
import pendulum
import pytest

from airflow_provider_claude.simulator.process import SimulatorProcess
from benchmarks.night.airflow import eventually
from tests.standalone.answers import assert_published, record, some_days
from tests.standalone.conftest import BATCH_SECONDS, DAG, PACE, person, quiet_page, visitor
from tests.standalone.server import RUN_SECONDS, ZONE, KeptAirflow
from tests.standalone.users import ON_CALL, OUTSIDER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FrameLocator, Page

pytestmark = [pytest.mark.standalone, pytest.mark.browser, pytest.mark.timeout(900)]

[DAY] = some_days(8, 1)
SHARD_ROWS = 20
#: What the page says when the run is over.
END = "57 of 60 rows are answered; the others are accounted for."


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What the person saw: the text of the page when a shard had *failed*, when all were *sent* again, and at the *end*."""

    run_id: str
    due: str
    failed: str
    sent: str
    end: str
    paid_twice: int

    @property
    def page(self) -> str:
        return f"/claude/run/{DAG}?run_id={quote(self.run_id, safe='')}"


@pytest.fixture(scope="module")
def watched(
    airflow: KeptAirflow, claude: SimulatorProcess, unpaused: None, browser: Browser, pictures: Path
) -> Watched:
    """A run that was triggered, whose failed shard was cleared, and whose end was seen, all by clicking."""
    due = f"{pendulum.now(ZONE).add(hours=8):%H:%M}"
    paid_twice = claude.books()["same_content"]["requests"]
    with slow(claude), person(browser, airflow, pictures) as page:
        claude.fault("billing", route="create")
        run_id = trigger(page, due, pictures)
        eventually("a shard that fails", RUN_SECONDS, lambda: "failed" in states(airflow, run_id, "create"))
        failed = look(open_tab(page, run_id), page, pictures, "failed")
        clear_the_first_failure(page, pictures)
        airflow.in_state(DAG, run_id, "sentiment.shard.wait", "deferred")
        inside = open_tab(page, run_id)
        inside.locator("h1").filter(has_text="is safe").wait_for()
        sent = look(inside, page, pictures, "sent")
        airflow.kill("triggerer")
        claude.advance(BATCH_SECONDS)
        inside.locator("h1").filter(has_text=END).wait_for(timeout=1000 * RUN_SECONDS)
        assert airflow.finished(DAG, run_id)["state"] == "success"
        end = look(inside, page, pictures, "end")
    again = claude.books()["same_content"]["requests"] - paid_twice
    return Watched(run_id=run_id, due=due, failed=failed, sent=sent, end=end, paid_twice=again)


@contextmanager
def slow(claude: SimulatorProcess) -> Iterator[None]:
    """Batches that end when the simulator's clock is put forward by BATCH_SECONDS."""
    claude.pace(f"seconds:{BATCH_SECONDS}")
    yield
    claude.pace(PACE)


def states(airflow: KeptAirflow, run_id: str, step: str) -> set[str]:
    return {task["state"] for task in airflow.tasks(DAG, run_id) if task["task_id"] == f"sentiment.shard.{step}"}


def trigger(page: Page, due: str, pictures: Path) -> str:
    """Trigger a run with three params from the dialog; its id."""
    page.goto(f"/dags/{DAG}")
    page.get_by_role("button", name="Trigger").first.click()
    dialog = page.get_by_role("dialog").filter(has_text="Trigger Dag")
    dialog.locator("#element_day").fill(DAY)
    dialog.get_by_role("spinbutton").fill(str(SHARD_ROWS))
    dialog.locator("#element_deadline").fill(due)
    page.screenshot(path=pictures / "trigger-with-params.png")
    dialog.get_by_role("button", name="Trigger", exact=True).click()
    page.wait_for_url("**/runs/**")
    return unquote(page.url.rpartition("/runs/")[2].partition("/")[0])


def open_tab(page: Page, run_id: str) -> FrameLocator:
    """The page of the run, in its tab."""
    page.goto(f"/dags/{DAG}/runs/{quote(run_id, safe='')}")
    page.get_by_role("link", name="Claude", exact=True).click()
    return page.frame_locator("iframe")


def look(inside: FrameLocator, page: Page, pictures: Path, name: str) -> str:
    """The text of the page of a run, and a picture of it."""
    text = inside.locator("main").inner_text()
    page.screenshot(path=pictures / f"watched-{name}.png")
    return text


def clear_the_first_failure(page: Page, pictures: Path) -> None:
    """From the page to the log of the task that failed, which is cleared with what comes after it."""
    page.frame_locator("iframe").locator("#failures a").first.click()
    page.get_by_text("credit").first.wait_for()
    page.get_by_role("button", name="to clear").click()
    dialog = page.get_by_role("dialog").last
    dialog.get_by_text("Affected Tasks: 5").wait_for()
    page.screenshot(path=pictures / "clear.png")
    dialog.get_by_role("button", name="Confirm").click()
    dialog.wait_for(state="detached")


def test_the_params_of_the_dialog_arrive_in_the_plan(airflow: KeptAirflow, watched: Watched) -> None:
    sizes = [shard["stop"] - shard["start"] for shard in record(airflow, DAY, "plan.json")["shards"]]
    assert len(sizes) == 4  # the trial, and three batches
    assert max(sizes) == SHARD_ROWS
    assert f"{watched.due} CE" in watched.sent


def test_a_shard_that_failed_is_named_at_the_top_of_the_page_with_what_to_do(watched: Watched) -> None:
    assert "sentiment.shard.create[0000" in watched.failed.partition("What failed first")[0]
    assert "no deadline is safe" in watched.failed
    assert "Clear the first" in watched.failed


def test_the_page_of_a_run_that_is_on_says_whether_its_deadline_is_safe(watched: Watched) -> None:
    assert re.search(rf"If no other batch ends, all rows are answered by .*: {watched.due} \w+ is safe", watched.sent)
    assert "What failed first" not in watched.sent


def test_a_night_whose_failed_shard_is_cleared_by_clicking_is_published_and_pays_nothing_twice(
    airflow: KeptAirflow, watched: Watched
) -> None:
    assert_published(airflow, DAY)
    assert watched.paid_twice == 0


def test_a_page_that_is_open_follows_its_run_to_the_end_although_the_triggerer_dies(watched: Watched) -> None:
    assert END in watched.end
    assert re.search(r"Set aside before asking\s+3\s", watched.end)


def test_a_task_leads_by_its_link_to_its_shard_on_the_page(watched: Watched, page: Page, pictures: Path) -> None:
    run = f"/dags/{DAG}/runs/{quote(watched.run_id, safe='')}"
    page.goto(f"{run}/tasks/sentiment.shard.wait/mapped/1/details")
    page.get_by_role("link", name="Claude run").click()
    page.wait_for_url("**/claude/run/**#shard-2")
    page.locator("tr.marked").wait_for()
    page.screenshot(path=pictures / "shard.png")


def log_in(page: Page, airflow: KeptAirflow, name: str) -> None:
    page.get_by_label("Username").fill(name)
    page.locator("input[type=password]").fill(airflow.passwords.of(name))
    page.get_by_role("button", name="Sign in").click()


def test_a_person_who_opens_the_page_logs_in_and_is_back_on_it(
    airflow: KeptAirflow, watched: Watched, browser: Browser, pictures: Path
) -> None:
    with quiet_page(visitor(browser, airflow), pictures) as page:
        page.goto(watched.page)
        page.wait_for_url("**/auth/login**")
        page.screenshot(path=pictures / "login.png")
        log_in(page, airflow, ON_CALL)
        page.locator("h1").filter(has_text=END).wait_for()
        assert page.url.endswith(watched.page)


def test_a_user_without_rights_to_the_dag_sees_neither_the_run_nor_a_file_of_it(
    airflow: KeptAirflow, watched: Watched, browser: Browser, pictures: Path
) -> None:
    context = visitor(browser, airflow)
    page = context.new_page()
    page.goto("/claude/")
    log_in(page, airflow, OUTSIDER)
    page.get_by_text("No run of a DAG that you may read").wait_for()
    assert DAG not in page.content()
    page.goto(watched.page)
    page.get_by_role("heading", name="You may not see this").wait_for()
    page.screenshot(path=pictures / "forbidden.png")
    assert "sentiment" not in page.locator("body").inner_text()
    context.close()
    assert {answers(airflow, OUTSIDER, path) for path in files(watched)} == {403}


def test_path_tricks_and_ids_of_other_runs_are_not_found(airflow: KeptAirflow, watched: Watched) -> None:
    tricks = (f"/claude/run/{DAG}?run_id=../../etc/passwd", f"/claude/run/{DAG}?run_id=", f"/claude/run/{DAG}")
    foreign = watched.page.replace(DAG, "review_sentiment")
    outside = ("/claude/static/..%2Fapp.py", f"/claude/run/{DAG}/..%2F..%2Freport.json")
    assert {answers(airflow, ON_CALL, path) for path in (*tricks, foreign, *outside)} == {404}
    assert answers(airflow, ON_CALL, watched.page) == 200


def files(watched: Watched) -> list[str]:
    """All that is served of a run."""
    path, query = watched.page.split("?")
    return [f"{path}{part}?{query}" for part in ("", "/parts", "/report")] + [
        f"{path}/task?{query}&task_id=sentiment.scan"
    ]


def answers(airflow: KeptAirflow, name: str, path: str) -> int:
    return httpx.get(f"{airflow.url}{path}", cookies={"_token": airflow.token(name)}).status_code
