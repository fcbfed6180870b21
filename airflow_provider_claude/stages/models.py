"""The price of a model, once it is certain that the API has the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from airflow_provider_claude.core.plan.models import known_models, unknown_model
from airflow_provider_claude.core.plan.prices import Price, price_of
from airflow_provider_claude.errors import RequestRejectedError


class Api(Protocol):
    """What is needed of the gateway."""

    def has_model(self, name: str) -> bool: ...

    def models(self) -> list[str]: ...


def price_for(model: str, prices: Mapping[str, Any] | None, api: Api) -> Price:
    """The price of *model*, from *prices* or the package's own. The API is asked about a model the package does not know.

    Raises JobError where there is no such model, or no price for it.
    """
    if model not in known_models():
        _check_at_the_api(model, api, priced=bool(prices and model in prices))
    return price_of(model, prices)


def _check_at_the_api(model: str, api: Api, *, priced: bool) -> None:
    """Raise JobError where the API does not have *model*.

    Behind a proxy without a Models API the trial request tells of a model that is *priced*.
    """
    try:
        if api.has_model(model):
            return
        names = api.models()
    except RequestRejectedError as e:
        if priced:
            return
        raise unknown_model(model, known_models()) from e
    raise unknown_model(model, dict.fromkeys([*names, *known_models()]))
