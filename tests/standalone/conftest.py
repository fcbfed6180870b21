"""One Airflow, one simulated Claude API and nine days of mail for all tests here; a browser for those that look."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pendulum
import pytest

from airflow_provider_claude.demo.corpus import write_corpus
from airflow_provider_claude.simulator.process import SimulatorProcess
from benchmarks.night.airflow import START_SECONDS, eventually
from tests.conftest import PROJECT
from tests.standalone.console import Console
from tests.standalone.server import ZONE, KeptAirflow
from tests.standalone.users import ON_CALL

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

#: Every day gets its own mails: a partition with another day's would show. On the third, clocks go forward.
FIRST_DAY = date(2026, 3, 27)
DAYS = 9
MAILS = 60
DAG = "email_sentiment_nightly"
#: Of the seeds from here on, one a day, that of the last day makes three mails that are set aside.
SEED = 7
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


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def airflow(claude: SimulatorProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptAirflow]:
    folder = tmp_path_factory.mktemp("standalone")
    root = folder / "claude"
    for number in range(DAYS):
        _mails(root, FIRST_DAY + timedelta(days=number), MAILS if number else FIRST_MAILS, seed=SEED + number)
    # Unpaused, the DAG runs for yesterday at once; so there is a yesterday.
    _mails(root, pendulum.now(ZONE).subtract(days=1).date(), MAILS, seed=SEED + DAYS)
    dags = folder / "dags"
    dags.mkdir()
    for path in (*(PROJECT / "dags").glob("*.py"), *Path(__file__).with_name("dags").glob("*.py")):
        (dags / path.name).symlink_to(path)
    with KeptAirflow(folder / "home", dags, root, claude.connection_json) as server:
        yield server


@pytest.fixture(scope="package")
def unpaused(airflow: KeptAirflow) -> None:
    """The DAG is on, and the run that this makes has ended."""
    airflow.patch(f"/dags/{DAG}", {"is_paused": False})
    [first] = eventually("the run that unpausing makes", START_SECONDS, lambda: airflow.runs(DAG, run_type="scheduled"))
    airflow.finished(DAG, first["dag_run_id"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What Airflow said last is shown beside a failure."""
    made = yield
    airflow = item.funcargs.get("airflow")
    if made.failed and isinstance(airflow, KeptAirflow):
        made.sections.append(("airflow", airflow.tail()))
    return made


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        yield chromium
        chromium.close()


def visitor(browser: Browser, airflow: KeptAirflow) -> BrowserContext:
    """A browser of its own, of a reader in Berlin: dates in the UI are in the browser's zone."""
    context = browser.new_context(
        base_url=airflow.url, viewport={"width": 1500, "height": 950}, timezone_id=ZONE, locale="en-US"
    )
    context.set_default_timeout(PAGE_MILLISECONDS)
    return context


@contextmanager
def quiet_page(context: BrowserContext, pictures: Path) -> Iterator[Page]:
    """A page in *context*. What it complains about is an error if it is ours, and kept beside the pictures if it is Airflow's."""
    console = Console(context)
    yield context.new_page()
    context.close()
    with (pictures / "airflows-own-errors.txt").open("a") as kept:
        kept.writelines(f"{error}\n" for error in console.airflows)
    assert console.ours == []


@contextmanager
def person(browser: Browser, airflow: KeptAirflow, pictures: Path) -> Iterator[Page]:
    """A page of the person on call, who is logged in."""
    context = visitor(browser, airflow)
    context.add_cookies([{"name": "_token", "value": airflow.token(ON_CALL), "url": airflow.url}])
    with quiet_page(context, pictures) as page:
        yield page


@pytest.fixture
def page(browser: Browser, airflow: KeptAirflow, pictures: Path) -> Iterator[Page]:
    with person(browser, airflow, pictures) as page:
        yield page


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the screenshots go."""
    return tmp_path_factory.mktemp("screenshots")


def _mails(root: Path, day: date, count: int, seed: int) -> None:
    write_corpus(root / "mail" / day.isoformat(), count, seed, day)
