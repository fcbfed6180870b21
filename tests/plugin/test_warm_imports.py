"""The scheduler imports what tasks need, where the setting says so."""

from __future__ import annotations

import json
import sys

import pytest
import yaml

from airflow_provider_claude.plugin import ClaudePlugin, warm_imports
from tests.conftest import PROJECT
from tests.imports import loaded_by

JOB = object()


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(warm_imports.importlib, "import_module", names.append)
    monkeypatch.setattr(sys, "argv", ["airflow", "scheduler"])
    monkeypatch.setenv("AIRFLOW__CLAUDE__WARM_IMPORTS", "True")
    return names


def test_the_scheduler_imports_them_where_the_setting_says_so(imported: list[str]) -> None:
    warm_imports.on_starting(JOB)
    assert imported == list(warm_imports.MODULES)


def test_without_the_setting_it_imports_none(imported: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__CLAUDE__WARM_IMPORTS")
    warm_imports.on_starting(JOB)
    assert imported == []


@pytest.mark.parametrize("command", ["triggerer", "dag-processor", "api-server", "tasks"])
def test_no_other_part_of_airflow_imports_them(
    command: str, imported: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["airflow", command])
    warm_imports.on_starting(JOB)
    assert imported == []


def test_a_module_that_cannot_be_imported_does_not_keep_the_scheduler_from_starting(
    imported: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(warm_imports.importlib, "import_module", _no_module)
    warm_imports.on_starting(JOB)
    assert "Could not import anthropic.resources.messages ahead of the tasks" in caplog.text


def test_the_plugin_registers_it() -> None:
    assert warm_imports in ClaudePlugin.listeners


def test_all_of_the_modules_can_be_imported() -> None:
    loaded = loaded_by("; ".join(f"import {name}" for name in warm_imports.MODULES), warm_imports.MODULES)
    assert loaded == set(warm_imports.MODULES)


def test_a_celery_worker_that_includes_the_module_has_imported_them() -> None:
    loaded = loaded_by("import airflow_provider_claude.plugin.warm_worker", warm_imports.MODULES)
    assert loaded == set(warm_imports.MODULES)


def test_the_worker_of_the_compose_file_includes_it() -> None:
    worker = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())["services"]["worker"]
    config = json.loads(worker["environment"]["AIRFLOW__CELERY__EXTRA_CELERY_CONFIG"])
    assert config == {"include": ["airflow_provider_claude.plugin.warm_worker"]}


def _no_module(name: str) -> None:
    raise ImportError(name)
