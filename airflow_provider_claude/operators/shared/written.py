"""What can be checked when a DAG is parsed: what a user has written as it is, without a template."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from airflow_provider_claude.core.deadline.due import wall_clock


def written(value: Any, default: Any = None) -> Any:
    """*value*, or *default* where it is known only when the task starts: a template, or the output of another task."""
    plain = value is None or isinstance(value, bool | int | float | Decimal | str | Mapping)
    return value if plain and not any(mark in str(value) for mark in ("{{", "{%")) else default


def check_clock(name: str, at: str | None) -> None:
    """Raise JobError where *at* is written, and is no local wall clock."""
    if clock := written(at):
        wall_clock(clock, name)
