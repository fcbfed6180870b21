"""The site lists every parameter that a user can write, with its default; nothing is written there by hand."""

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
from docs.ext.parameters import as_markdown, described, parameters
from tests.conftest import PROJECT

PAGES = sorted((PROJECT / "docs").rglob("*.md"))


def classes() -> Iterator[type]:
    """The operators, sensors and triggers of the package."""
    for room in ("operators", "sensors", "triggers"):
        package = f"{airflow_provider_claude.__name__}.{room}"
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            for found in vars(importlib.import_module(module.name)).values():
                own = inspect.isclass(found) and found.__module__ == module.name
                if own and issubclass(found, BaseOperator | BaseTrigger):
                    yield found


DOCUMENTED: list[Callable[..., Any]] = [*classes(), claude_batch_job, ClaudeJob]


@pytest.mark.parametrize("callable_", DOCUMENTED, ids=lambda one: one.__name__)
class TestParameters:
    def test_the_docstring_describes_every_parameter(self, callable_: Callable[..., Any]) -> None:
        names = {one.name for one in parameters(callable_)}  # raises where one is not described
        own = set(re.findall(r"^\s*:param (\w+):", callable_.__doc__ or "", re.MULTILINE))
        assert own <= names
        assert all(described(callable_)[name].strip() for name in names)

    def test_a_page_shows_the_table_that_is_made_from_it(self, callable_: Callable[..., Any]) -> None:
        directive = f"```{{parameters}} {callable_.__module__}.{callable_.__name__}\n"
        assert sum(page.read_text().count(directive) for page in PAGES) == 1

    def test_the_table_has_a_row_for_each_with_its_default(self, callable_: Callable[..., Any]) -> None:
        rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| ", as_markdown(callable_), re.MULTILINE))
        assert list(rows) == [one.name for one in parameters(callable_)]
        for name, one in inspect.signature(callable_).parameters.items():
            if one.default is one.empty:
                assert rows.get(name, "required") == "required"
            elif isinstance(one.default, bool | int | float | str | None):
                assert rows[name] == f"`{one.default!r}`".replace("'", '"')
