"""A night on a cluster: PostgreSQL, Redis, S3, two Celery workers, and a simulated Claude API."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import date
from pathlib import Path

import pytest

from airflow_provider_claude.demo.corpus import write_corpus
from airflow_provider_claude.simulator.process import SimulatorProcess
from tests.cluster.server import Cluster, Store, running_redis, running_store
from tests.conftest import PROJECT
from tests.databases import running_postgres

MAILS = 400
#: Batches take so many seconds: time to kill what waits for them.
PACE = "seconds:15"


@pytest.fixture(scope="module")
def claude() -> Iterator[SimulatorProcess]:
    with SimulatorProcess(pace=PACE, retry_after=0) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An S3 server, with a day of mail in it."""
    local = tmp_path_factory.mktemp("mail")
    write_corpus(local, MAILS, 1, date(2026, 11, 22))
    with running_store() as store:
        store.root.fs.put(f"{local}/", f"{store.root.path}/mail/", recursive=True)
        yield store


@pytest.fixture(scope="module")
def cluster(claude: SimulatorProcess, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    dags = PROJECT / "tests" / "cluster" / "dags"
    with running_postgres() as socket, running_redis(folder) as broker:
        database = f"postgresql+psycopg2://test@/postgres?host={socket}"
        settings = {"database": database, "broker": broker, "store": store, "connection": claude.connection_json}
        with Cluster(folder / "home", Path(dags), **settings) as server:
            yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What Airflow said last is shown beside a failure."""
    made = yield
    cluster = item.funcargs.get("cluster")
    if made.failed and isinstance(cluster, Cluster):
        made.sections.append(("airflow", cluster.tail()))
    return made
