"""Which models this package knows, and what to write if a model is not one of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.shipped import shipped

_OTHER = "For a model that this version of the package does not list, see 'Models' in docs/reference/job.md."


@cache
def known_models() -> tuple[str, ...]:
    """The models whose prices the package knows (prices.json)."""
    data = msgspec.json.decode(shipped(__package__, "prices.json"))
    return tuple(data["models"])


def check_model(model: str | None, prices: Mapping[str, Any] | None = None) -> None:
    """Raise JobError where *model* is neither known nor in *prices*. A template is checked when the run is planned."""
    if not model or "{{" in model or "{%" in model or model in known_models() or (prices and model in prices):
        return
    raise unknown_model(model, known_models())


def unknown_model(model: str, models: Iterable[str]) -> JobError:
    """The error for a *model* that is not one of *models*."""
    names = list(models)
    close = difflib.get_close_matches(model, names, n=3, cutoff=0.7)
    meant = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
    return JobError(
        f"model is {model!r}, which is not a known Claude model. {meant}Known: {', '.join(names)}. {_OTHER}"
    )
