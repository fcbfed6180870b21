"""A disposable Airflow for the whole run: its home, database and settings are set before anything imports Airflow."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parents[1]
HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))
DATA = PROJECT.parent / "shared" / "data"

os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__CORE__UNIT_TEST_MODE="True",
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT / "dags"),
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME}/airflow.db",
    AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
    AIRFLOW__CLAUDE__ROOT=str(HOME / "claude"),
    AIRFLOW__CLAUDE__SOURCES=f"{tempfile.gettempdir()}, memory://",
    AIRFLOW__CLAUDE__TIMEZONE="Europe/Berlin",
    AIRFLOW__CLAUDE__POLL_INTERVAL="0.2",
    AIRFLOW__CLAUDE__POLL_FLOOR="0",
    NO_COLOR="1",
    SSL_CERT_DIR=str(HOME),  # no certificates: no test uses TLS, and each client would spend 30 ms on the system's
)
os.environ.pop("SSL_CERT_FILE", None)


#: What takes longest begins first, so that no worker is left alone with it: whole machines and servers, which mostly wait.
_LONGEST = ("standalone", "chaos", "dags", "triggers")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several workers share the files, put the longest first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _place(item.path.parent.name))


def _place(folder: str) -> int:
    return _LONGEST.index(folder) if folder in _LONGEST else len(_LONGEST)


# A busy machine is no reason to fail.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")


@pytest.fixture(scope="session", autouse=True)
def _remove_home() -> Iterator[None]:
    yield
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _no_power_cuts() -> Iterator[None]:
    """In this process nothing waits for the disk: what it guards against, a loss of power, no test can bring about."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture(scope="session")
def airflow_db() -> Path:
    """The metadata database, made once. Returns the root of the Claude data."""
    from airflow.utils.db import initdb

    initdb()
    return HOME / "claude"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data beside the project; a test that needs it is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip("the shared data folder is not beside this checkout")
    return DATA
