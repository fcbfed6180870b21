from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow.providers.common.compat.sdk import BaseOperator

import airflow_provider_claude
from airflow_provider_claude.plugin import ClaudePlugin
from airflow_provider_claude.plugin.links import RunPageLink
from tests.imports import loaded_by

WEB = (
    "fastapi",
    "airflow_provider_claude.plugin.web",
    "airflow_provider_claude.operators.scan",
    "pyarrow",
    "anthropic",
)


def operators() -> Iterator[type[BaseOperator]]:
    """The operators and sensors of the package."""
    for room in ("operators", "sensors"):
        package = importlib.import_module(f"{airflow_provider_claude.__name__}.{room}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for found in vars(importlib.import_module(module.name)).values():
                if isinstance(found, type) and issubclass(found, BaseOperator) and found.__module__ == module.name:
                    yield found


def test_the_plugin_is_loaded_without_what_only_the_api_server_needs() -> None:
    statement = "from airflow_provider_claude.plugin import ClaudePlugin; ClaudePlugin()"
    assert loaded_by(statement, WEB) <= loaded_by("import airflow.sdk", WEB)


def test_every_operator_and_sensor_has_the_link_to_the_page() -> None:
    assert set(RunPageLink.operators) == set(operators())


def test_the_link_of_a_task_instance_names_it_and_nothing_else() -> None:
    key: Any = SimpleNamespace(dag_id="d", run_id="manual__2026-11-30T00:00:00+00:00", task_id="g.wait", map_index=3)
    link = urlsplit(RunPageLink().get_link(None, ti_key=key))  # type: ignore[arg-type]
    assert link.path == "/claude/run/d/task"
    assert parse_qs(link.query) == {"run_id": [key.run_id], "task_id": ["g.wait"], "map_index": ["3"]}


def test_the_views_keep_the_path_of_the_base_url_and_leave_the_ids_to_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://example.com/airflow")
    nav, run = ClaudePlugin().external_views
    assert (nav["destination"], nav["href"]) == ("nav", "/airflow/claude/")
    assert (run["destination"], run["href"]) == ("dag_run", "/airflow/claude/run/{DAG_ID}?run_id={RUN_ID}")


def test_airflow_takes_the_app_and_the_views_for_valid_ones() -> None:
    from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse

    plugin = ClaudePlugin()
    [app] = plugin.fastapi_apps
    assert app["url_prefix"] == "/claude"
    assert [ExternalViewResponse.model_validate(view).url_route for view in plugin.external_views] == [
        "claude-runs",
        "claude",
    ]
