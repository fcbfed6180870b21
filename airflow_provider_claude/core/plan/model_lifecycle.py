"""A model as the Models API describes it, and what its retirement means for a run.

Source: https://platform.claude.com/docs/en/api/models and the SDK's `types/model_info.py`. A past `retires_at` says that the
retirement is overdue, not that it has come: only `lifecycle` says that.

    what the API says                            for the run
    retired                                      error: every request fails
    retires before the answers are due           error
    retires before the results are forgotten     warning: rows that are asked again then need another model
    should have retired, and has not             warning: it may stop at any moment
    deprecated, and later or without a date      note
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec

from airflow_provider_claude.core.submit.attempt import RESULTS_SECONDS
from airflow_provider_claude.core.times import epoch, shown_in

_MOST_NAMED = 5


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A model. What the API does not say is empty or None. *retires_at*: ISO 8601; *capabilities*: `{name: {"supported": …}}`."""

    id: str
    lifecycle: str = ""
    retires_at: str | None = None
    line: str | None = None
    capabilities: Any = None

    @property
    def takes_batches(self) -> bool:
        """Whether Message Batches accept it. True where the API does not say."""
        batch = self.capabilities.get("batch") if isinstance(self.capabilities, dict) else None
        return not isinstance(batch, dict) or batch.get("supported") is not False


class Retirement(NamedTuple):
    """What the end of a model means for a run, in one sentence."""

    level: Literal["error", "warning", "note"]
    message: str


def retirement(info: ModelInfo, *, now: float, due: float, zone: str = "UTC") -> Retirement | None:
    """What the retirement of the model means for a run that begins *now* and has its answers at *due* (epoch seconds); None
    where it names none.
    """
    at = _moment(info.retires_at)
    on = "" if at is None or info.retires_at is None else f" on {shown_in(info.retires_at, zone)}"
    if info.lifecycle == "retired":
        return Retirement("error", f"The model {info.id} was retired{on}: requests that name it fail.")
    if at is None:
        return Retirement("note", f"The model {info.id} is deprecated.") if info.lifecycle == "deprecated" else None
    if at <= now:
        return Retirement("warning", f"The model {info.id} was to retire{on}: it may stop at any moment.")
    if at <= due:
        return Retirement("error", f"The model {info.id} retires{on}, before the answers of this run are due.")
    if at <= now + RESULTS_SECONDS:
        message = f"The model {info.id} retires{on}: rows of this run that are asked again then need another model."
        return Retirement("warning", message)
    return Retirement("note", f"The model {info.id} retires{on}.")


def instead_of(info: ModelInfo, models: Iterable[ModelInfo]) -> list[str]:
    """The models to write instead of *info*, those of its line first."""
    alive = [one for one in models if one.lifecycle in {"", "active"} and one.id != info.id]
    alive.sort(key=lambda one: info.line is None or one.line != info.line)
    return [one.id for one in alive[:_MOST_NAMED]]


def _moment(text: str | None) -> float | None:
    """*text* in epoch seconds, None where it is no time."""
    try:
        return None if text is None else epoch(text)
    except ValueError:
        return None
