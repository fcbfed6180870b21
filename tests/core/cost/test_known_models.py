"""A model is checked when the DAG is parsed, or at the API where only the run knows it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_claude.core.cost.known_models import check_model
from airflow_provider_claude.core.plan.model_lifecycle import ModelInfo
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import (
    ApiUnavailableError,
    ClaudeError,
    CredentialsError,
    JobError,
    RateLimitedError,
    RequestRejectedError,
)
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.messages import ClaudeMessagesOperator
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.stages.plan.ask_model import Readiness, ask_about, price_for

TIER = {"input": "1", "output": "5", "cache_read": "0.1", "cache_write_5m": "1.25", "cache_write_1h": "2"}
JOB = {"prompt": "{text}", "output": {"type": "object", "properties": {"a": {"type": "string"}}}}


class Api:
    """An API with these models; None has no Models API."""

    def __init__(self, *names: str | None) -> None:
        self.names = [name for name in names if name]
        self.has_api = None not in names

    def model(self, name: str) -> ModelInfo | None:
        if not self.has_api:
            raise RequestRejectedError("HTTP 404: a proxy's page")
        return ModelInfo(id=name) if name in self.names else None

    def models(self) -> list[ModelInfo]:
        return [ModelInfo(id=name) for name in self.names]


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


def test_the_price_of_a_known_model_asks_the_api_nothing() -> None:
    class Silent:
        def model(self, name: str) -> ModelInfo:
            raise ClaudeError("asked")

        models = model

    assert price_for("claude-haiku-5-5", None, Silent()).model == "claude-haiku-5-5"  # type: ignore[arg-type]


NOW = "2026-11-30T00:00:00+00:00"


class Answering(Api):
    """An API that says *info* of its one model, and has others."""

    def __init__(self, info: ModelInfo | ClaudeError, *others: ModelInfo) -> None:
        super().__init__()
        self.info, self.others = info, others

    def model(self, name: str) -> ModelInfo | None:
        if isinstance(self.info, ClaudeError):
            raise self.info
        return self.info

    def models(self) -> list[ModelInfo]:
        return list(self.others)


def info(**facts: Any) -> ModelInfo:
    return ModelInfo(**{"id": "claude-haiku-5-5", "lifecycle": "active", "line": "haiku", **facts})


ANOTHER = (
    ModelInfo(id="claude-opus-9", lifecycle="active", line="opus"),
    ModelInfo(id="claude-haiku-3", lifecycle="deprecated", line="haiku"),
    ModelInfo(id="claude-haiku-6", lifecycle="active", line="haiku"),
)


def test_a_living_model_is_ready_and_needs_no_words() -> None:
    assert ask_about("claude-haiku-5-5", Answering(info()), now=NOW) == Readiness("claude-haiku-5-5")


def test_a_retired_model_is_refused_and_living_ones_are_named_those_of_its_line_first() -> None:
    gone = info(lifecycle="retired", retires_at="2026-11-01T00:00:00Z")
    with pytest.raises(JobError, match="was retired on 2026-11-01") as error:
        ask_about("claude-haiku-5-5", Answering(gone, *ANOTHER), now=NOW)
    assert "another model: claude-haiku-6, claude-opus-9. Nothing was sent." in str(error.value)


@pytest.mark.parametrize(
    ("retires_at", "deadline", "by_batch", "level"),
    [
        ("2026-11-30T08:00:00Z", "2026-11-30T09:00:00+00:00", True, "error"),
        ("2026-11-30T09:00:00Z", "2026-11-30T09:00:00+00:00", False, "error"),
        ("2026-11-30T09:00:01Z", "2026-11-30T09:00:00+00:00", True, "warning"),
        ("2026-11-30T23:00:00Z", None, True, "error"),
        ("2026-11-30T23:00:00Z", None, False, "warning"),
        ("2026-11-30T23:00:00Z", "2026-11-29T09:00:00+00:00", True, "error"),
        ("2026-12-02T00:00:00Z", None, True, "warning"),
        ("2026-12-28T23:59:59Z", None, True, "warning"),
        ("2026-12-29T00:00:01Z", None, True, "note"),
        ("2026-11-29T23:59:59Z", None, True, "warning"),
        ("2026-01-01T00:00:00Z", "2026-11-30T09:00:00+00:00", True, "warning"),
        (None, None, True, "note"),
        ("some day", None, True, "note"),
    ],
)
def test_a_model_that_ends_is_an_error_a_warning_or_a_note_by_when_it_does(
    retires_at: str | None, deadline: str | None, by_batch: bool, level: str
) -> None:
    ending = Answering(info(lifecycle="deprecated", retires_at=retires_at), *ANOTHER)
    how: dict[str, Any] = {"now": NOW, "due": deadline and epoch(deadline), "by_batch": by_batch}
    if level == "error":
        with pytest.raises(JobError, match="before the answers of this run are due"):
            ask_about("claude-haiku-5-5", ending, **how)
        return
    ready = ask_about("claude-haiku-5-5", ending, **how)
    assert (len(ready.warnings), len(ready.notes)) == ((1, 0) if level == "warning" else (0, 1))
    assert "Write another model: claude-haiku-6" in (ready.warnings + ready.notes)[0]


def test_an_alias_is_reported_with_the_model_it_stands_for() -> None:
    ready = ask_about("claude-haiku-4-5", Answering(info(id="claude-haiku-4-5-20251001")), now=NOW)
    assert ready.model_id == "claude-haiku-4-5-20251001"
    assert ready.notes == ("claude-haiku-4-5 stands for claude-haiku-4-5-20251001 today.",)


@pytest.mark.parametrize(
    ("capabilities", "takes"),
    [
        (None, True),
        ({}, True),
        ({"batch": {"supported": True}}, True),
        ({"batch": {"supported": False}}, False),
        ({"batch": None}, True),
        ({"batch": {}}, True),
        ("all", True),
    ],
)
def test_a_model_takes_batches_unless_the_api_says_that_it_does_not(capabilities: Any, takes: bool) -> None:
    assert ask_about("claude-haiku-5-5", Answering(info(capabilities=capabilities)), now=NOW).takes_batches is takes


def test_a_known_model_that_the_workspace_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(JobError, match="Known: claude-haiku-6"):
        ask_about("claude-opus-5-5", Api("claude-haiku-6"), now=NOW)


def test_where_no_models_are_listed_the_first_request_tells() -> None:
    assert "lists no models" in ask_about("claude-haiku-5-5", Api(), now=NOW).notes[0]


@pytest.mark.parametrize(
    "error",
    [
        RequestRejectedError("HTTP 404: a proxy's page"),
        ApiUnavailableError("HTTP 529"),
        RateLimitedError("HTTP 429"),
        CredentialsError("HTTP 403", forbidden=True),
    ],
)
def test_where_the_models_api_does_not_tell_the_plan_says_so_and_goes_on(error: ClaudeError) -> None:
    ready = ask_about("claude-haiku-5-5", Answering(error), now=NOW)
    assert str(error) in ready.notes[0]
    assert ready.takes_batches


def test_a_wrong_key_is_not_waited_for() -> None:
    with pytest.raises(CredentialsError):
        ask_about("claude-haiku-5-5", Answering(CredentialsError("HTTP 401")), now=NOW)
