"""A failed try notes its error for the page in the Airflow UI: Airflow itself keeps it in the log alone."""

from __future__ import annotations

from typing import Any

from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.masking import masked

#: The key of the XCom that holds the error of a task instance's last try. Airflow removes it when the next try begins.
FAILURE = "claude_failure"

#: Characters of an error that are kept.
MOST = 1_200


def note_failure(task_instance: Any, error: object) -> None:
    """Note *error* as that of the last try of *task_instance*, where its operator is of this package."""
    if is_ours(getattr(task_instance, "task", None)) and hasattr(task_instance, "xcom_push"):
        task_instance.xcom_push(FAILURE, said(error))


def said(error: object) -> str:
    """*error* on one line, without secrets: its type, where its text does not name one, and its text."""
    text = str(error or "").strip()
    if isinstance(error, BaseException) and not isinstance(error, _plain()):
        text = f"{type(error).__name__}: {text}"
    return legible(excerpt(masked(text[: 8 * MOST]), MOST))


def is_ours(task: object) -> bool:
    """Whether *task* is of an operator of this package, or of one that is made from it."""
    package = __name__.partition(".")[0]
    return any(kind.__module__.partition(".")[0] == package for kind in type(task).__mro__)


def _plain() -> type[BaseException]:
    """Airflow's own errors, which say in their text what they are."""
    from airflow.providers.common.compat.sdk import AirflowException

    return AirflowException
