"""What stands in the pages as code works: Python is run or checked against the package, commands against their parsers."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import shlex
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from airflow_provider_claude import get_provider_info
from airflow_provider_claude.cli.main import build_parser, main
from airflow_provider_claude.simulator.process import SimulatorProcess
from docs.ext.commands import commands
from tests.conftest import PROJECT
from tests.test_docs import DOCUMENTED, PAGES

#: What the pages import, and no test installs.
FOREIGN = {"duckdb"}

_FENCE = re.compile(
    r"^ *```(?:\{code-block\} )?(?P<kind>[^\n`]*)\n(?P<options>(?: *:[\w-]+:[^\n]*\n)*)(?P<body>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    place: str
    kind: str
    caption: str
    body: str


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for found in _FENCE.finditer(text):
        place = f"{page.relative_to(PROJECT)}:{text.count(chr(10), 0, found.start()) + 1}"
        caption = re.search(r":caption: (.*)", found["options"])
        yield Block(place, found["kind"], caption[1] if caption else "", textwrap.dedent(found["body"]).lstrip("\n"))


BLOCKS = [block for page in [PROJECT / "README.md", *PAGES] for block in blocks_of(page)]
PYTHON = [block for block in BLOCKS if block.kind == "python"]
LINES = [
    (block.place, line.removeprefix("$ "))
    for block in BLOCKS
    if block.kind in {"bash", ""}
    for line in block.body.replace("\\\n", " ").splitlines()
]
TEXT = "\n".join(page.read_text("utf-8") for page in [PROJECT / "README.md", *PAGES])


def starting_with(*words: str) -> list[Any]:
    named = [(place, line) for place, line in LINES if line.split(" ")[: len(words)] == list(words)]
    return [pytest.param(line, id=f"{place} {line[:40]}") for place, line in named]


def holds_gaps(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Constant) and node.value is ... for node in ast.walk(tree))


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.place)
def test_python_in_a_page_runs_or_fits_the_package(block: Block, claude_root: None) -> None:
    """A whole DAG is run. Of a fragment the imports are, and calls of the package name only parameters that there are."""
    tree = ast.parse(block.body, block.place)
    namespace = {one.__name__: one for one in DOCUMENTED}
    if "with DAG(" in block.body and not holds_gaps(tree):
        exec(
            compile(tree, block.place, "exec", dont_inherit=True), {"__name__": "docs", "__doc__": "As a DAG file has."}
        )
        return
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) and not is_foreign(node)]
    exec(compile(ast.Module(imports, []), block.place, "exec"), namespace)  # type: ignore[arg-type]
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        called = namespace.get(call.func.id)  # type: ignore[attr-defined]
        if called is not None and called.__module__.startswith("airflow_provider_claude"):
            assert {keyword.arg for keyword in call.keywords} <= accepted(called)


def is_foreign(node: ast.Import | ast.ImportFrom) -> bool:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return any(name.split(".")[0] in FOREIGN for name in names)


def accepted(called: Any) -> set[str]:
    classes = called.__mro__ if inspect.isclass(called) else [called]
    return {name for one in classes if one is not object for name in inspect.signature(one).parameters}


@pytest.fixture
def claude_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CLAUDE__ROOT", str(tmp_path))


@pytest.mark.parametrize("line", starting_with("claude-batch"))
def test_a_call_of_claude_batch_parses(line: str) -> None:
    words = shlex.split(re.sub(r"<[\w ]+>", "PLACE", line), comments=True)
    build_parser().parse_args(words[1:])


def test_every_command_that_the_pages_name_exists() -> None:
    named = set(re.findall(r"`claude-batch ([a-z]+)", TEXT))
    assert named
    assert named <= set(commands(build_parser()))


@pytest.mark.parametrize("line", starting_with("airflow"))
def test_a_call_of_airflow_parses(line: str) -> None:
    from airflow.cli import cli_parser

    cli_parser.get_parser().parse_args(shlex.split(line.partition("|")[0], comments=True)[1:])


def test_every_target_of_make_that_the_pages_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", TEXT, re.MULTILINE)) <= targets


def test_every_module_that_the_pages_run_exists() -> None:
    for name in set(re.findall(r"python -m ([\w.]+)", TEXT)):
        assert importlib.util.find_spec(name), name


def test_every_extra_that_the_pages_install_exists() -> None:
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {one for found in re.findall(r"airflow-provider-claude\[([\w,]+)\]", TEXT) for one in found.split(",")}
    assert named
    assert named <= set(extras)


def test_every_setting_that_the_pages_name_exists() -> None:
    options = set(get_provider_info()["config"]["claude"]["options"])
    named = {name.lower() for name in re.findall(r"AIRFLOW__CLAUDE__([A-Z_]+)", TEXT)}
    assert named
    assert named | set(re.findall(r"`\[claude\] ([a-z_]+)`", TEXT)) <= options


class TestTutorial:
    PAGE = PROJECT / "docs" / "start" / "tutorial.md"

    def captioned(self) -> dict[str, str]:
        return {block.caption: block.body for block in blocks_of(self.PAGE) if block.caption}

    def test_its_files_give_its_results(
        self,
        airflow_db: Path,
        claude_simulator: SimulatorProcess,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("AIRFLOW__CLAUDE__ROOT", str(tmp_path / "data"))
        written = self.captioned()
        for name in ("data/tickets.csv", "dags/tickets.py", "check.py"):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(written[name])
        dag = dag_of(tmp_path / "dags", "tickets")
        run(dag)
        capsys.readouterr()
        exec(compile(written["check.py"], "check.py", "exec", dont_inherit=True), {})
        assert capsys.readouterr().out == written["the answers"]
        [added] = re.findall(r'^echo "(.*)" >> data/tickets\.csv$', self.PAGE.read_text(), re.MULTILINE)
        with (tmp_path / "data" / "tickets.csv").open("a") as file:
            file.write(f"{added}\n")
        run(dag)
        capsys.readouterr()
        assert main(["costs", "data/work"]) == 0
        assert capsys.readouterr().out.splitlines() == written["the costs"].splitlines()


def dag_of(folder: Path, name: str) -> Any:
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    try:
        from tests.dag_bag import DagBag, sync_bag_to_db
    except ImportError:  # before Airflow 3.2
        from airflow.models.dagbag import DagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(folder)
    assert bag.import_errors == {}
    sync_bag_to_db(bag, "dags-folder", None)
    return bag.dags[name]


def run(dag: Any) -> None:
    import pendulum

    assert dag.test(logical_date=pendulum.datetime(2026, 11, 29, tz="UTC")).state == "success"
