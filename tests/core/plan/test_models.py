"""A model is checked when the DAG is parsed, or at the API where only the run knows it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_claude.core.plan.models import check_model
from airflow_provider_claude.errors import ClaudeError, JobError, RequestRejectedError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.messages import ClaudeMessagesOperator
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.stages.models import price_for

TIER = {"input": "1", "output": "5", "cache_read": "0.1", "cache_write_5m": "1.25", "cache_write_1h": "2"}
JOB = {"prompt": "{text}", "output": {"type": "object", "properties": {"a": {"type": "string"}}}}


class Api:
    """An API with these models; None has no Models API."""

    def __init__(self, *names: str | None) -> None:
        self.names = [name for name in names if name]
        self.has_api = None not in names

    def has_model(self, name: str) -> bool:
        if not self.has_api:
            raise RequestRejectedError("HTTP 404: a proxy's page")
        return name in self.names

    def models(self) -> list[str]:
        return self.names


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("claude-hiaku-5-5", "'claude-haiku-5-5'"),
        ("claude-haiku-5.5", "'claude-haiku-5-5'"),
        ("Claude-Haiku-5-5", "'claude-haiku-5-5'"),
        ("claude-opus-4.8", "'claude-opus-4-8'"),
        ("gpt-4o", "Known: claude-haiku-5-5"),
        ("haiku", "claude-haiku-5-5"),
    ],
)
@pytest.mark.parametrize("operator", [ClaudePlanOperator, ClaudeMessagesOperator])
@pytest.mark.parametrize("where", ["job", "model"])
def test_an_unknown_model_is_refused_at_parse_with_the_one_that_was_meant(
    operator: Any, typo: str, meant: str, where: str
) -> None:
    given = {"job": ClaudeJob(**JOB, model=typo)} if where == "job" else {"job": ClaudeJob(**JOB), "model": typo}
    source = {"source": "x"} if operator is ClaudeMessagesOperator else {}
    with pytest.raises(JobError) as error:
        operator(task_id="plan", run_folder="r", **source, **given)
    assert repr(typo) in str(error.value)
    assert meant in str(error.value)
    assert "prices" not in str(error.value)


@pytest.mark.parametrize("model", [None, "", "{{ params.model }}", "claude-sonnet-5-5", "claude-haiku-4-5"])
def test_a_known_model_and_a_template_pass_at_parse(model: str | None) -> None:
    check_model(model)


def test_a_new_model_with_prices_passes_where_the_api_has_it() -> None:
    prices = {"claude-haiku-6": [TIER]}
    check_model("claude-haiku-6", prices)
    assert price_for("claude-haiku-6", prices, Api("claude-haiku-6")).tiers[0].input == 1


def test_a_typo_with_prices_is_refused_by_what_the_api_has() -> None:
    with pytest.raises(JobError, match="Did you mean 'claude-haiku-6'"):
        price_for("claude-hiaku-6", {"claude-hiaku-6": [TIER]}, Api("claude-haiku-6"))


def test_a_typo_in_a_template_is_refused_by_what_the_api_has() -> None:
    with pytest.raises(JobError, match="Did you mean 'claude-haiku-5-5'") as error:
        price_for("claude-hiaku-5-5", None, Api("claude-haiku-6"))
    assert "prices" not in str(error.value)


def test_a_model_of_the_api_that_has_no_price_asks_for_its_price() -> None:
    with pytest.raises(JobError, match="Write prices="):
        price_for("claude-haiku-6", None, Api("claude-haiku-6"))


def test_behind_a_proxy_without_a_models_api_the_trial_tells() -> None:
    assert price_for("claude-haiku-6", {"claude-haiku-6": [TIER]}, Api(None)).source == "set by the DAG"


def test_a_typo_behind_a_proxy_without_a_models_api_is_refused_by_what_the_package_knows() -> None:
    with pytest.raises(JobError, match="Did you mean 'claude-haiku-5-5'"):
        price_for("claude-hiaku-5-5", None, Api(None))


def test_a_known_model_asks_the_api_nothing() -> None:
    class Silent:
        def has_model(self, name: str) -> bool:
            raise ClaudeError("asked")

        models = has_model

    assert price_for("claude-haiku-5-5", None, Silent()).model == "claude-haiku-5-5"  # type: ignore[arg-type]
