"""What the API says about a model before anything is paid: whether it exists, until when, and whether batches may use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from airflow_provider_claude.core.cost.known_models import known_models, unknown_model
from airflow_provider_claude.core.cost.prices import Price, price_of
from airflow_provider_claude.core.plan.model_lifecycle import ModelInfo, instead_of, retirement
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import ClaudeError, CredentialsError, JobError, RequestRejectedError

#: The most a batch takes (https://platform.claude.com/docs/en/build-with-claude/batch-processing).
_BATCH_SECONDS = 86_400.0


class Api(Protocol):
    """What is needed of the gateway."""

    def model(self, name: str) -> ModelInfo | None: ...

    def models(self) -> list[ModelInfo]: ...


class Readiness(NamedTuple):
    """What the API says of a model: the *model_id* its name stands for, None where that is not known; *notes* for the plan,
    *warnings* for the report as well; and whether it *takes_batches*.
    """

    model_id: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    takes_batches: bool = True


def price_for(
    model: str, prices: Mapping[str, Any] | None, api: Api, *, on: str | None = None, geo: str | None = None
) -> Price:
    """The price of *model* on the day *on* with the `inference_geo` *geo*, from *prices* or the package's own. The API is asked
    about a model the package does not know.

    Raises JobError where there is no such model, or no price for it.
    """
    if model not in known_models():
        _check_at_the_api(model, api, priced=bool(prices and model in prices))
    return price_of(model, prices, on=on, geo=geo)


def _check_at_the_api(model: str, api: Api, *, priced: bool) -> None:
    """Raise JobError where the API does not have *model*.

    Behind a proxy without a Models API the trial request tests a model that is *priced*.
    """
    try:
        if api.model(model) is not None:
            return
        names = [one.id for one in api.models()]
    except RequestRejectedError as e:
        if priced:
            return
        raise unknown_model(model, known_models()) from e
    raise unknown_model(model, dict.fromkeys([*names, *known_models()]))


def ask_about(
    model: str, api: Api, *, now: str, due: float | None = None, by_batch: bool = True, zone: str = "UTC"
) -> Readiness:
    """Ask the API about *model*, whose price is known, for a run that begins *now* and is *due* in epoch seconds; without
    a deadline batches take a day at most.

    Raises JobError where the model is not there, is retired, or retires before the answers are due, and CredentialsError where
    the key is not accepted. Where the Models API does not answer, or is not open to the key, the first request tests the model.
    """
    try:
        info = api.model(model)
        others = [] if info else [one.id for one in api.models()]
    except ClaudeError as error:
        if isinstance(error, CredentialsError) and not error.forbidden:
            raise
        return Readiness(notes=(f"Whether {model} retires soon is unknown, because the Models API failed: {error}",))
    if info is None:
        return _unknown(model, others)
    began = epoch(now)
    ends = due if due is not None and due > began else began + (_BATCH_SECONDS if by_batch else 0.0)
    end = retirement(info, now=began, due=ends, zone=zone)
    alias = () if info.id == model else (f"{model} stands for {info.id} today.",)
    if end is None:
        return Readiness(info.id, alias, takes_batches=info.takes_batches)
    message = f"{end.message} {_instead(info, api)}"
    if end.level == "error":
        raise JobError(f"{message} Nothing was sent.")
    notes, warnings = ((*alias, message), ()) if end.level == "note" else (alias, (message,))
    return Readiness(info.id, notes, warnings, info.takes_batches)


def _unknown(model: str, others: list[str]) -> Readiness:
    """The result where the API says that it has no such model: a gateway without a Models API may say so about any model."""
    if others:
        raise unknown_model(model, others)
    return Readiness(notes=(f"Whether {model} retires soon is unknown: the API lists no models.",))


def _instead(info: ModelInfo, api: Api) -> str:
    try:
        names = instead_of(info, api.models())
    except ClaudeError:
        names = []
    return f"Write another model: {', '.join(names or known_models())}."
