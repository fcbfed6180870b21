"""One Airflow, one simulated Claude API and nine days of mail for the whole module; a browser for the tests that look."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pendulum
import pytest

from airflow_provider_claude.demo.corpus import write_corpus
from airflow_provider_claude.simulator.process import SimulatorProcess
from tests.conftest import PROJECT
from tests.standalone.server import ZONE, KeptAirflow

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: Every day gets its own mails: a partition with another day's would show. On the third, clocks go forward.
FIRST_DAY = date(2026, 3, 27)
DAYS = 9
MAILS = 60
#: The mails of the first day, whose starts, calls and bytes are counted.
FIRST_MAILS = 2_000

PACE = "seconds:2"
BATCH_SECONDS = 7_200

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PAGE_MILLISECONDS = 60_000


@pytest.fixture(scope="module")
def claude() -> Iterator[SimulatorProcess]:
    """A Claude API whose batches take two seconds."""
    with SimulatorProcess(pace=PACE, retry_after=0) as simulator:
        yield simulator


@pytest.fixture
def slow_batches(claude: SimulatorProcess) -> Iterator[None]:
    """Batches that end when the simulator's clock is put forward by BATCH_SECONDS."""
    claude.pace(f"seconds:{BATCH_SECONDS}")
    yield
    claude.pace(PACE)


@pytest.fixture(scope="module")
def airflow(claude: SimulatorProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptAirflow]:
    folder = tmp_path_factory.mktemp("standalone")
    root = folder / "claude"
    for number in range(DAYS):
        _mails(root, FIRST_DAY + timedelta(days=number), MAILS if number else FIRST_MAILS, seed=number)
    # Unpaused, the DAG runs for yesterday at once; so there is a yesterday.
    _mails(root, pendulum.now(ZONE).subtract(days=1).date(), MAILS, seed=DAYS)
    dags = folder / "dags"
    dags.mkdir()
    for path in (*(PROJECT / "dags").glob("*.py"), *Path(__file__).with_name("dags").glob("*.py")):
        (dags / path.name).symlink_to(path)
    with KeptAirflow(folder / "home", dags, root, claude.connection_json) as server:
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What Airflow said last is shown beside a failure."""
    made = yield
    airflow = item.funcargs.get("airflow")
    if made.failed and isinstance(airflow, KeptAirflow):
        made.sections.append(("airflow", airflow.tail()))
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, airflow: KeptAirflow) -> Iterator[Page]:
    """A page of a reader in Berlin: dates in the UI are in the browser's zone."""
    context = browser.new_context(
        base_url=airflow.url, viewport={"width": 1500, "height": 950}, timezone_id=ZONE, locale="en-US"
    )
    context.set_default_timeout(PAGE_MILLISECONDS)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the screenshots go."""
    return tmp_path_factory.mktemp("screenshots")


def _mails(root: Path, day: date, count: int, seed: int) -> None:
    write_corpus(root / "mail" / day.isoformat(), count, seed, day)
