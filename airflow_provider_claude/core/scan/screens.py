"""The ways of asking about rows in doubt. DAG files import this: it loads nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from airflow_provider_claude.errors import JobError

#: How rows in doubt are asked about before the others.
Screen = Literal["claude", "flip"]


def check_screen(screen: str | None) -> Screen | None:
    """*screen*. Raises JobError where it is neither None nor a kind of screening."""
    if screen is not None and screen not in get_args(Screen):
        raise JobError(f"screen is {screen!r}: write 'claude' or 'flip', or None to leave doubtful rows to the policy.")
    return screen  # type: ignore[return-value]


def compared(fields: Sequence[str]) -> tuple[str, ...]:
    """*fields*, those of a job's output that are labels. Raises JobError where there is none to compare."""
    if not fields:
        raise JobError(
            "screen='flip' compares labels, and the output of the job has none: give a field an enum or make it a bool, or "
            "write screen='claude'."
        )
    return tuple(fields)
