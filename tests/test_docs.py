"""Every parameter that a user can write stands in a table of the docs, with its default; and nothing else does."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger

import airflow_provider_claude
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.task_groups.batch import claude_batch_job
from tests.conftest import PROJECT

ROOMS = ("operators", "sensors", "triggers")
_ROW = re.compile(r"\| `(\w+)`(?:, `(\w+)`)* \| ([^|]*) \|")


def classes() -> Iterator[type]:
    """The operators, sensors and triggers of the package with parameters of their own."""
    for room in ROOMS:
        package = f"{airflow_provider_claude.__name__}.{room}"
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            for found in vars(importlib.import_module(module.name)).values():
                own = inspect.isclass(found) and found.__module__ == module.name and "__init__" in vars(found)
                if own and issubclass(found, BaseOperator | BaseTrigger):
                    yield found


DOCUMENTED: list[tuple[str, Callable[..., Any]]] = [
    *[("docs/operators.md", found.__init__) for found in classes()],  # type: ignore[misc]
    ("docs/task_groups.md", claude_batch_job),
]


def name_of(callable_: Callable[..., Any]) -> str:
    return callable_.__qualname__.removesuffix(".__init__")


def parameters(callable_: Callable[..., Any]) -> dict[str, Any]:
    """The parameters by name, with their defaults."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(callable_).parameters.items()
        if name != "self" and parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
    }


def table(page: str, name: str) -> dict[str, str]:
    """The table under the heading of *name*: what stands in the column of defaults, by parameter."""
    text = (PROJECT / page).read_text()
    _, found, rest = text.partition(f"\n### `{name}`\n")
    assert found, f"{page} has no heading ### `{name}`"
    rows = re.split(r"\n#+ ", rest, maxsplit=1)[0].splitlines()
    return {match[1]: match[3].strip() for match in map(_ROW.match, rows) if match}


@pytest.mark.parametrize(
    ("page", "callable_"), DOCUMENTED, ids=lambda one: one if isinstance(one, str) else name_of(one)
)
def test_the_table_of_the_docs_has_the_parameters_that_there_are(page: str, callable_: Callable[..., Any]) -> None:
    assert set(table(page, name_of(callable_))) == set(parameters(callable_))


@pytest.mark.parametrize(
    ("page", "callable_"), DOCUMENTED, ids=lambda one: one if isinstance(one, str) else name_of(one)
)
def test_the_table_of_the_docs_has_the_defaults_that_there_are(page: str, callable_: Callable[..., Any]) -> None:
    shown = table(page, name_of(callable_))
    for name, default in parameters(callable_).items():
        if default is inspect.Parameter.empty:
            assert shown[name] == "required", name
        elif isinstance(default, bool | int | float | tuple | None) or (
            isinstance(default, str) and "{{" not in default
        ):
            assert shown[name] == f"`{default!r}`".replace("'", '"'), name
        else:
            assert shown[name] != "required", name


def test_every_field_of_a_job_is_in_the_table_of_the_job() -> None:
    text = (PROJECT / "docs/operators.md").read_text().partition("\n## The job\n")[2]
    rows = re.split(r"\n#+ ", text, maxsplit=1)[0].splitlines()
    fields = {match[1] for match in map(_ROW.match, rows) if match}
    assert fields == set(parameters(ClaudeJob))
