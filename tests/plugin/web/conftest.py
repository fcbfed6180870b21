from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from airflow_provider_claude.plugin.web import find
from airflow_provider_claude.plugin.web.app import create_app
from tests.plugin.web.nights import Airflow


class Gatekeeper:
    """An auth manager with one user, who may read the DAGs *readable*, but not what of them is *withheld*."""

    def __init__(self) -> None:
        self.readable = {"nightly"}
        self.asked: list[Any] = []
        self.withheld: set[tuple[str, str]] = set()

    async def get_user_from_token(self, token: str) -> Any:
        return SimpleNamespace(name=token)

    def is_authorized_dag(self, *, method: str, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        self.asked.append((method, access_entity.value if access_entity else None, details.id))
        entity = (access_entity.value if access_entity else "", details.id)
        return method == "GET" and details.id in self.readable and entity not in self.withheld

    def get_authorized_dag_ids(self, *, user: Any, method: str = "GET") -> set[str]:
        return self.readable


@pytest.fixture
def gatekeeper(monkeypatch: pytest.MonkeyPatch) -> Gatekeeper:
    keeper = Gatekeeper()
    monkeypatch.setattr("airflow.api_fastapi.core_api.security.get_auth_manager", lambda: keeper)
    monkeypatch.setattr("airflow.models.dag.DagModel.get_team_name", lambda *_, **__: None, raising=False)
    monkeypatch.setattr(find, "get_auth_manager", lambda: keeper)
    return keeper


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Airflow:
    found = Airflow()
    found.take_place(monkeypatch)
    return found


@pytest.fixture
def visitor(gatekeeper: Gatekeeper, airflow: Airflow) -> Iterator[TestClient]:
    """A browser without a login."""
    with TestClient(create_app(), follow_redirects=False) as client:
        yield client


@pytest.fixture
def reader(visitor: TestClient) -> TestClient:
    """A browser of the user, who is logged in as the Airflow UI logs in: with a cookie."""
    visitor.cookies.set("_token", "a-token")
    return visitor
