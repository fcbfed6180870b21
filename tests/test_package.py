from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import airflow_provider_claude
from airflow_provider_claude import get_provider_info
from tests.conftest import PROJECT

HEAVY = ("anthropic", "httpx2", "pandas", "matplotlib", "selectolax", "jsonschema_rs")
LIGHT = [
    "airflow_provider_claude.operators.scan",
    "airflow_provider_claude.operators.plan",
    "airflow_provider_claude.operators.create",
    "airflow_provider_claude.operators.load",
    "airflow_provider_claude.operators.report",
    "airflow_provider_claude.sensors.batch",
    "airflow_provider_claude.triggers.batch",
    "airflow_provider_claude.hooks.claude",
    "airflow_provider_claude.task_groups.batch",
    "airflow_provider_claude.gateway",
]


def loaded_by(statement: str, heavy: Sequence[str] = HEAVY) -> set[str]:
    """The *heavy* modules a fresh interpreter holds after *statement*."""
    code = f"{statement}\nimport sys\nprint(*[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_what_a_dag_file_or_a_task_imports_stays_free_of_the_sdk_and_other_heavy_modules() -> None:
    assert loaded_by("\n".join(f"import {name}" for name in LIGHT)) == set()


@pytest.mark.parametrize("dag", ["email_sentiment_nightly", "review_sentiment"])
def test_a_dag_file_stays_free_of_them_too(dag: str) -> None:
    assert loaded_by(f"import runpy; runpy.run_path({str(PROJECT / 'dags' / (dag + '.py'))!r})") == set()


def test_a_dag_that_redacts_is_parsed_without_the_libraries_that_do_it() -> None:
    scan = "ClaudeInputScanOperator(task_id='a', source='b', run_folder='c', columns=['d'], redact=True, redact_region='US')"
    heavy = ("pyarrow", "numpy", "phonenumbers", "stdnum", "detect_secrets")
    assert loaded_by(f"from airflow_provider_claude.operators.scan import *\n{scan}", heavy) == set()


def test_the_package_itself_imports_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import airflow_provider_claude"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pyarrow" not in done.stderr
    assert "airflow_provider_claude." not in done.stderr


def test_every_module_the_provider_info_names_can_be_imported() -> None:
    info = get_provider_info()
    for kind in ("hooks", "operators", "sensors", "triggers"):
        for entry in info[kind]:
            for module in entry["python-modules"]:
                importlib.import_module(module)


def test_airflow_accepts_the_provider_info() -> None:
    from airflow.providers_manager import ProvidersManager

    provider = ProvidersManager().providers["airflow-provider-claude"]
    assert provider.version == airflow_provider_claude.__version__


def test_the_documents_the_provider_info_names_exist() -> None:
    for guide in get_provider_info()["integrations"][0]["how-to-guide"]:
        assert (PROJECT / guide).is_file()


def test_the_changelog_knows_this_version() -> None:
    assert f"## {airflow_provider_claude.__version__}" in (PROJECT / "CHANGELOG.md").read_text()


def test_the_constraints_name_no_host() -> None:
    text = (PROJECT / "constraints.txt").read_text()
    assert "://" not in text
    assert "index" not in text


def test_the_package_is_typed() -> None:
    assert (Path(airflow_provider_claude.__file__).parent / "py.typed").is_file()
