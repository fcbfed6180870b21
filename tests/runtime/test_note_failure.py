from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.operators.load import ClaudeResultLoadOperator
from airflow_provider_claude.plugin.note_failures import on_task_instance_failed
from airflow_provider_claude.runtime.note_failure import FAILURE, MOST, said


class Own(ClaudeResultLoadOperator):
    """What a DAG's author makes of an operator of this package."""


class Foreign(BaseOperator):
    """An operator of another package."""


def noted(task: Any, error: object) -> dict[str, str]:
    """What a failed try of *task* notes."""
    found: dict[str, str] = {}
    on_task_instance_failed(SimpleNamespace(task=task, xcom_push=found.__setitem__), error)
    return found


def test_a_failed_try_of_an_operator_of_this_package_notes_its_error() -> None:
    own = Own(task_id="load", shard="s", job=None)  # type: ignore[arg-type]
    assert noted(own, AirflowFailException("StateError: no plan")) == {FAILURE: "StateError: no plan"}
    assert noted(own, TimeoutError()) == {FAILURE: "TimeoutError:"}


def test_the_tasks_of_others_note_nothing() -> None:
    assert noted(Foreign(task_id="other"), ValueError("no")) == {}
    assert noted(None, ValueError("no")) == {}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (StateError("two\nlines"), "StateError: two lines"),
        ("killed by the scheduler", "killed by the scheduler"),
        (None, ""),
        (ValueError("api_key=sk-ant-api03-secret"), "ValueError: api_key=***"),
        (ValueError("\u202e<b>"), "ValueError: ⟨U+202E⟩<b>"),
    ],
)
def test_an_error_is_noted_on_one_line_and_without_secrets(error: object, text: str) -> None:
    assert said(error) == text


def test_a_long_error_is_cut() -> None:
    assert len(said(ValueError("x" * 10_000_000))) <= MOST
