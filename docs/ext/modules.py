"""The modules of the package, with their first sentence and what they import: from this tree, or from a revision in git."""

from __future__ import annotations

import ast
import io
import subprocess
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = "airflow_provider_claude"
ROOT = Path(__file__).resolve().parents[2]


class Module(NamedTuple):
    """*summary*: the first sentence of the docstring. *imports*: modules of the package, also those imported in functions."""

    name: str
    summary: str
    imports: frozenset[str]


@cache
def read(revision: str | None = None) -> dict[str, Module]:
    """The modules by their names, without that of the package: `stages.load`. None: those of this tree."""
    sources = dict(_of_tree() if revision is None else _of_revision(revision))
    return {name: _module(name, text, sources.keys()) for name, text in sorted(sources.items())}


def _of_tree() -> Iterator[tuple[str, str]]:
    for path in (ROOT / PACKAGE).rglob("*.py"):
        yield _name(path.relative_to(ROOT / PACKAGE)), path.read_text("utf-8")


def _of_revision(revision: str) -> Iterator[tuple[str, str]]:
    command = ["git", "archive", revision, PACKAGE]
    packed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".py") else None
            if file is not None:
                yield _name(Path(member.name).relative_to(PACKAGE)), file.read().decode("utf-8")


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module(name: str, text: str, known: object) -> Module:
    tree = ast.parse(text)
    summary = (ast.get_docstring(tree) or "").partition("\n\n")[0]
    return Module(name, " ".join(summary.split()), frozenset(_imports(tree, known)))


def _imports(tree: ast.AST, known: object) -> Iterator[str]:
    for node in _run(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module.startswith(PACKAGE):
                for alias in names:
                    yield _known(f"{module}.{alias.name}", module, known)
            case ast.Import(names=names):
                yield from (_short(alias.name) for alias in names if alias.name.startswith(f"{PACKAGE}."))


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield node
            yield from _run(node)


def _known(longer: str, shorter: str, known: object) -> str:
    return _short(longer) if _short(longer) in known else _short(shorter)  # type: ignore[operator]


def _short(name: str) -> str:
    return name.removeprefix(PACKAGE).removeprefix(".")
