"""A shortage of memory says nothing about a file, a mail or an answer: it is never caught as if it did."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import airflow_provider_claude
from airflow_provider_claude.core.load.answer_forms import form_of
from airflow_provider_claude.core.load.validated_values import row_of
from airflow_provider_claude.sources.files.file import is_broken_content
from airflow_provider_claude.sources.mail import mail_row
from airflow_provider_claude.sources.rows.batches import Wanted

_PACKAGE = Path(airflow_provider_claude.__file__).parent
_READERS = sorted([*_PACKAGE.joinpath("sources").rglob("*.py"), *_PACKAGE.joinpath("core").rglob("*.py")])


@pytest.mark.parametrize("error", [MemoryError(), pa.ArrowMemoryError("malloc of size 64 failed")])
def test_a_shortage_of_memory_is_no_broken_content(error: Exception) -> None:
    assert not is_broken_content(error)


def test_a_shortage_of_memory_does_not_cost_a_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(_: bytes) -> None:
        raise MemoryError

    monkeypatch.setattr(mail_row, "read_mail", short)
    with pytest.raises(MemoryError):
        mail_row.mail_row(b"From: a@b.c\n\nhi", "a.eml", Wanted(columns=("body",), id_column=None, batch_rows=1))


def test_a_shortage_of_memory_does_not_cost_an_answer() -> None:
    form = form_of({"type": "object", "properties": {"label": {"type": "string"}}})
    with pytest.raises(MemoryError):
        row_of(_Held(), form, dict)


class _Held(dict):  # type: ignore[type-arg]  # it stands for any mapping
    def __getitem__(self, name: str) -> object:
        raise MemoryError


@pytest.mark.parametrize("path", _READERS, ids=lambda path: str(path.relative_to(_PACKAGE)))
def test_who_catches_everything_lets_a_shortage_of_memory_through(path: Path) -> None:
    assert list(_swallowing(ast.parse(path.read_text()))) == []


def _swallowing(tree: ast.AST) -> Iterator[int]:
    """The lines of handlers of all exceptions behind which a MemoryError may be lost."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Try):
            continue
        spared = False
        for handler in node.handlers:
            named = ast.unparse(handler.type) if handler.type else "BaseException"
            spared = spared or named == "MemoryError"
            raises_again = any(isinstance(one, ast.Raise) and one.exc is None for one in ast.walk(handler))
            if named in {"Exception", "BaseException"} and not spared and not raises_again:
                yield handler.lineno
