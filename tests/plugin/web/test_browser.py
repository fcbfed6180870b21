"""The pages in a browser: what the script does, and that nothing else runs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec
import pytest
import uvicorn
from fastapi import FastAPI
from upath import UPath

from airflow_provider_claude.plugin.web.app import create_app
from airflow_provider_claude.plugin.web.database import Task
from airflow_provider_claude.stages.report.run import report
from tests.plugin.web.conftest import Gatekeeper
from tests.plugin.web.nights import HOSTILE, Airflow, hostile_night, hostile_release, hostile_summary, run_in
from tests.stages.run_folder import Night, Shard, at
from tests.standalone.conftest import CHROMIUM, CHROMIUM_FLAGS

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PAGE = "/claude/run/nightly?run_id=r1"


@pytest.fixture
def url(gatekeeper: Gatekeeper, airflow: Airflow) -> Iterator[str]:
    """The app, mounted as Airflow mounts it, on a port of this machine."""
    whole = FastAPI()
    whole.mount("/claude", create_app())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(whole, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(url: str) -> Iterator[Page]:
    """A page of the user, who is logged in."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        context = chromium.new_context(base_url=url, viewport={"width": 390, "height": 844})
        context.add_cookies([{"name": "_token", "value": "a-token", "url": url}])
        yield context.new_page()
        chromium.close()


def test_a_page_follows_its_run_and_keeps_what_the_reader_has_unfolded(
    page: Page, airflow: Airflow, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    run = run_in(UPath(tmp_path / "night"), Night(shards=[Shard(answered=5) for _ in range(60)]))
    record = Path(run.shard(2).file("loaded.json").path)
    loaded = record.read_bytes()
    record.unlink()
    airflow.add("r1", run.path, state="running")
    page.goto(f"{PAGE}#shard-2")
    expect(page.locator("h1")).to_contain_text("59 of 60 shards loaded.")
    page.locator("#more-shards summary").click()  # and now it has the focus
    record.write_bytes(loaded)
    expect(page.locator("h1")).to_contain_text("60 of 60", timeout=60_000)
    expect(page.locator("#more-shards")).to_have_attribute("open", "")
    expect(page.locator("#more-shards summary")).to_be_focused()
    expect(page.locator("tr.marked")).to_have_id("shard-2")
    airflow.add("r1", run.path, state="success")
    expect(page.locator("main[data-live]")).to_have_count(0, timeout=60_000)
    expect(page.locator("#more-shards")).to_have_attribute("open", "")


def test_hostile_rows_run_nothing_load_nothing_and_stay_inside_a_phone(
    page: Page, url: str, airflow: Airflow, tmp_path: Path
) -> None:
    run = run_in(UPath(tmp_path / "night"), hostile_night())
    run.releases.append(hostile_release())
    summary = hostile_summary(report(run, output=None, clock=lambda: at(300)))
    (run.path / "report.json").write_bytes(msgspec.json.encode(summary))
    tasks = [Task(task_id=text[:99], map_index=0, state="failed", name=text[:99], error=text) for text in HOSTILE]
    airflow.add("r1", run.path, tasks=tasks)
    airflow.add("r2", "", state="failed", tasks=tasks)
    seen: list[str] = []
    page.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("console", lambda message: seen.append(message.text))
    page.on("request", lambda request: None if request.url.startswith(f"{url}/claude/") else seen.append(request.url))
    for path in (PAGE, "/claude/", f"/claude/run/nightly/row?{urlencode({'run_id': 'r1', 'item': HOSTILE[0] + '-0'})}"):
        page.goto(path, wait_until="networkidle")
        wide, high = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert wide <= 390
        assert high < 20_000
    assert [one for one in seen if not one.endswith("/favicon.ico") and "404" not in one] == []
