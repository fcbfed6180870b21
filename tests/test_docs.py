"""The site lists every parameter that a user can write, with its default; nothing is written there by hand."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger

import airflow_provider_claude
from airflow_provider_claude.core.outcomes import Outcome
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.params import ALLOWED
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.decorator import claude_batch
from airflow_provider_claude.task_groups.settings import Plan, Publish, Scan, Shard, Sync
from docs.ext import drawing, modules, tree
from docs.ext.parameters import as_markdown, described, parameters
from tests.conftest import PROJECT

PACKAGE = Path(airflow_provider_claude.__file__).parent
PAGES = sorted(path for path in (PROJECT / "docs").rglob("*.md") if "_build" not in path.parts)


def classes() -> Iterator[type]:
    """The operators, sensors and triggers of the package."""
    for room in ("operators", "sensors", "triggers"):
        package = f"{airflow_provider_claude.__name__}.{room}"
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            for found in vars(importlib.import_module(module.name)).values():
                own = inspect.isclass(found) and found.__module__ == module.name
                if own and issubclass(found, BaseOperator | BaseTrigger):
                    yield found


DOCUMENTED: list[Callable[..., Any]] = [
    *classes(),
    claude_batch_job,
    claude_batch,
    Scan,
    Plan,
    Shard,
    Sync,
    Publish,
    ClaudeJob,
]


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


def table_words(page: str, heading: str = "") -> set[str]:
    """The words in the first column of the tables of *page*, or of its section *heading*."""
    text = (PROJECT / "docs" / "reference" / page).read_text()
    part = re.split(r"\n## ", text.partition(f"\n## {heading}\n")[2])[0] if heading else text
    return set(re.findall(r"^\| `([a-z_]+)` \|", part, re.MULTILINE))


def test_the_glossary_has_every_outcome_and_no_other() -> None:
    assert table_words("glossary.md", "Outcomes") == {str(outcome) for outcome in Outcome}


def test_the_terms_of_the_glossary_are_in_order() -> None:
    terms = re.findall(r"^([a-z ]+)\n: ", (PROJECT / "docs" / "reference" / "glossary.md").read_text(), re.MULTILINE)
    assert len(terms) > 20
    assert terms == sorted(terms)


#: Words of the readers and of the scan that are no flags: columns, arguments, parameters, names of formats.
OTHERS = frozenset(
    {
        "authenticated_enveloped_data",
        "azure_storage_key",
        "beyond_ascii",
        "body_parts",
        "claude_hidden",
        "confirm_score",
        "doubt_score",
        "conn_id",
        "content_type",
        "duplicate_of",
        "encap_content_info",
        "encrypted_data",
        "enveloped_data",
        "flag_score",
        "github_token",
        "gitlab_token",
        "hex_codec",
        "input_hash",
        "item_id",
        "lost_rows",
        "max_chars",
        "max_line",
        "max_lines",
        "max_no_text",
        "max_repetition",
        "max_tokens",
        "message_id",
        "ms_kanji",
        "national_id",
        "near_duplicates",
        "no_text_from",
        "part_rows",
        "pypi_token",
        "quarantine_score",
        "quopri_codec",
        "raw_unicode_escape",
        "repetition_from",
        "scan_doubt",
        "scan_doubt_text",
        "scan_excerpt",
        "scan_layer",
        "scan_near",
        "scan_score",
        "scan_suspect",
        "scan_text_hash",
        "shift_jis",
        "signed_and_enveloped_data",
        "signed_data",
        "source_ref",
        "square_oauth",
        "telegram_token",
        "tool_result",
        "unicode_escape",
        "uu_codec",
        "zlib_codec",
    }
)


def words_of_rows() -> set[str]:
    """Words of two parts or more that stand as literals where rows are read and judged."""
    paths = [path for room in ("sources", "core/scan") for path in (PACKAGE / room).rglob("*.py")]
    constants = (
        node for path in paths for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)
    )
    texts = (node.value for node in constants if isinstance(node.value, str))
    return {text for text in texts if re.fullmatch(r"[a-z]+(_[a-z]+)+", text)}


def test_every_word_that_a_row_can_be_flagged_with_is_explained() -> None:
    assert words_of_rows() - OTHERS - table_words("flags.md") == set()


def test_every_flag_that_is_explained_is_in_the_code() -> None:
    words = {word for path in PACKAGE.rglob("*.py") for word in re.findall(r"[a-z_]+", path.read_text())}
    assert table_words("flags.md") - words == set()


def test_every_parameter_of_the_api_that_a_job_may_have_is_named() -> None:
    assert all(f"``{name}``" in (ClaudeJob.__doc__ or "") for name in ALLOWED)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT / "docs")))
def test_a_page_is_in_the_contents(page: Path) -> None:
    index = (PROJECT / "docs" / "index.md").read_text()
    name = str(page.relative_to(PROJECT / "docs").with_suffix(""))
    assert name == "index" or f"\n{name}\n" in index


def test_every_file_that_the_architecture_names_exists() -> None:
    text = (PROJECT / "docs" / "explanation" / "architecture.md").read_text()
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    named = set(re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", prose))
    assert len(named) > 30
    assert {one for one in named if not (PACKAGE / one).exists() and not is_of_a_run(one)} == set()


def is_of_a_run(path: str) -> bool:
    return path in {"items/", "quarantine/", "duplicates/"}


def test_no_room_of_the_package_is_without_its_sentence() -> None:
    assert [module.name for module in modules.read().values() if not module.summary] == []


def test_the_map_draws_the_rooms_of_a_revision_with_every_arrow_down() -> None:
    graph = tree.rooms(modules.read(), "stages")
    assert {"scan", "plan", "submit", "load", "report"} <= set(graph)
    place = {name: level for level, names in enumerate(tree.levels(graph)) for name in names}
    assert all(place[one] > place[other] for one, other in tree.arrows(graph))
    assert drawing.as_svg(graph, "stages").count("<path") == len(list(tree.arrows(graph)))


def test_a_circle_of_imports_is_named() -> None:
    with pytest.raises(ValueError, match="a circle of imports: "):
        tree.levels({"a": {"b"}, "b": {"a"}})


def test_every_page_that_the_code_names_exists() -> None:
    paths = [path for suffix in ("py", "yar", "yaml") for path in PACKAGE.rglob(f"*.{suffix}")]
    named = {page for path in paths for page in re.findall(r"docs/[\w/-]+\.md", path.read_text("utf-8"))}
    assert {page for page in named if not (PROJECT / page).is_file()} == set()
