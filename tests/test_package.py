from __future__ import annotations

import importlib
import pkgutil
import re
import runpy
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import pytest

import airflow_provider_claude
from airflow_provider_claude import get_provider_info
from tests.conftest import PROJECT
from tests.imports import loaded_by

LOCKS = ["requirements/demo.txt", "requirements/dev.txt"]
AUDIT = runpy.run_path(str(PROJECT / ".ci" / "audit.py"))
HEAVY = ("anthropic", "httpx2", "pandas", "selectolax", "jsonschema_rs")
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
    "airflow_provider_claude.gateway.client",
]


def test_what_a_statement_loads_is_seen() -> None:
    assert loaded_by("import wave", ["wave", *HEAVY]) == {"wave"}


def test_what_a_dag_file_or_a_task_imports_stays_free_of_the_sdk_and_other_heavy_modules() -> None:
    assert loaded_by("\n".join(f"import {name}" for name in LIGHT), HEAVY) == set()


@pytest.mark.parametrize("dag", ["email_sentiment_nightly", "review_sentiment"])
def test_a_dag_file_stays_free_of_them_too(dag: str) -> None:
    assert loaded_by(f"import runpy; runpy.run_path({str(PROJECT / 'dags' / (dag + '.py'))!r})", HEAVY) == set()


def test_a_dag_that_redacts_is_parsed_without_the_libraries_that_do_it() -> None:
    scan = "ClaudeInputScanOperator(task_id='a', source='b', run_folder='c', columns=['d'], redact=True, redact_region='US')"
    heavy = ("pyarrow", "numpy", "phonenumbers", "stdnum", "detect_secrets")
    by_airflow = loaded_by("import airflow.sdk", heavy)  # Airflow 3.1 imports phonenumbers itself
    assert loaded_by(f"from airflow_provider_claude.operators.scan import *\n{scan}", heavy) == by_airflow


def test_the_package_itself_imports_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import airflow_provider_claude"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pyarrow" not in done.stderr
    assert "airflow_provider_claude." not in done.stderr


#: What the provider info lists, by the room of the package and the class of Airflow that its members extend.
KINDS = {
    "hooks": "airflow.providers.common.compat.sdk.BaseHook",
    "operators": "airflow.providers.common.compat.sdk.BaseOperator",
    "sensors": "airflow.providers.common.compat.sdk.BaseSensorOperator",
    "triggers": "airflow.triggers.base.BaseTrigger",
}


def members(room: str, base: str) -> list[str]:
    """The modules of *room* that define a class which extends *base*."""
    module, _, name = base.rpartition(".")
    extended = getattr(importlib.import_module(module), name)
    package = importlib.import_module(f"airflow_provider_claude.{room}")
    found = [
        importlib.import_module(one.name) for one in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    ]
    return [one.__name__ for one in found if any(_defines(one, value, extended) for value in vars(one).values())]


def _defines(module: ModuleType, value: object, base: type) -> bool:
    return isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__


@pytest.mark.parametrize("kind", KINDS)
def test_the_provider_info_names_every_module_of_its_kind_and_no_other(kind: str) -> None:
    named = [module for entry in get_provider_info()[kind] for module in entry["python-modules"]]
    assert sorted(named) == sorted(members(kind, KINDS[kind]))


def test_the_provider_info_names_every_plugin() -> None:
    [entry_point] = entry_points(group="airflow.plugins", name="claude")
    [plugin] = get_provider_info()["plugins"]
    assert plugin["plugin-class"] == entry_point.value.replace(":", ".")
    assert plugin["name"] == entry_point.load().name


def test_the_provider_info_has_every_setting_that_is_read_and_no_other() -> None:
    read = {
        name
        for path in [*(PROJECT / "airflow_provider_claude").rglob("*.py"), *(PROJECT / "dags").glob("*.py")]
        for name in re.findall(r"""\.get(?:boolean|float|int)?\(\s*["']claude["'],\s*["'](\w+)["']""", path.read_text())
    }
    assert read == set(get_provider_info()["config"]["claude"]["options"])


def test_airflow_accepts_the_provider_info() -> None:
    from airflow.providers_manager import ProvidersManager

    provider = ProvidersManager().providers["airflow-provider-claude"]
    assert provider.version == airflow_provider_claude.__version__


def test_the_documents_the_provider_info_names_exist() -> None:
    for guide in get_provider_info()["integrations"][0]["how-to-guide"]:
        assert (PROJECT / guide).is_file()


def test_the_changelog_knows_this_version() -> None:
    assert f"## {airflow_provider_claude.__version__}" in (PROJECT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("pins", ["constraints.txt", *LOCKS])
def test_the_pins_name_no_host(pins: str) -> None:
    text = (PROJECT / pins).read_text()
    assert "://" not in text
    assert "index-url" not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_that_make_installs_has_a_hash(lock: str) -> None:
    packages = re.split(r"^(?=[a-z0-9])", (PROJECT / lock).read_text(), flags=re.MULTILINE)[1:]
    assert len(packages) > 100
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_what_make_installs_are_the_releases_of_the_constraints(lock: str) -> None:
    constraints = set(_pins("constraints.txt"))
    assert set(_pins(lock)) <= constraints
    if lock.endswith("dev.txt"):
        assert set(_pins(lock)) == constraints


def _pins(name: str) -> list[str]:
    return re.findall(r"^[a-z0-9._-]+==[^ ;\n]+", (PROJECT / name).read_text(), re.MULTILINE)


def test_a_known_vulnerability_is_named_with_the_release_that_fixes_it() -> None:
    report = {
        "dependencies": [
            {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}]},
            {"name": "good", "version": "2.0", "vulns": []},
            {"name": "unknown", "skip_reason": "not found"},
        ]
    }
    assert AUDIT["judge"](report) == (["old 1.0: PYSEC-2026-1, fixed in 1.1"], 2, 1)


def test_a_database_of_vulnerabilities_that_cannot_be_reached_counts_as_not_checked() -> None:
    assert AUDIT["judge"](None) == ([], 0, 0)
    assert AUDIT["judge"]({"dependencies": [{"name": "a", "skip_reason": "not found"}]}) == ([], 0, 1)


def test_the_package_is_typed() -> None:
    assert (Path(airflow_provider_claude.__file__).parent / "py.typed").is_file()
