from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from airflow_provider_claude.core.plan.caching import is_cached, least_cacheable
from airflow_provider_claude.core.requests.request_bytes import RequestEncoder
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob
from tests.context import spec_of, system_of

OUTPUT = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def job(characters: int = 10, model: str = "claude-haiku-5-5", **more: object) -> ClaudeJob:
    return ClaudeJob(**{"prompt": "{body}", "output": OUTPUT, "system": "x" * characters, "model": model, **more})


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-haiku-5-5", 512),
        ("claude-sonnet-5", 1024),
        ("claude-opus-4-7", 2048),
        ("claude-haiku-4-5", 4096),
        ("claude-haiku-4-5-20251001", 4096),
        ("claude-unheard-of", None),
    ],
)
def test_each_model_has_its_least(model: str, least: int | None) -> None:
    assert least_cacheable(model) == least


@pytest.mark.parametrize(
    ("characters", "model", "cached"),
    [
        (10, "claude-haiku-5-5", False),
        (1_500, "claude-haiku-5-5", False),
        (2_000, "claude-haiku-5-5", True),
        (2_000, "claude-sonnet-5", False),
        (100_000, "claude-unheard-of", False),
    ],
)
def test_a_prompt_is_cached_where_it_is_long_enough_for_its_model(characters: int, model: str, cached: bool) -> None:
    assert is_cached(job(characters, model)) is cached


def test_the_job_may_say_so_itself() -> None:
    assert is_cached(job(10, cache=True))
    assert not is_cached(job(9_000, cache=False))
    assert job(10, cache=True) != job(10)


@pytest.mark.parametrize("more", [{"cache": "yes"}, {"cache": 1}, {"cache": True, "system": ""}])
def test_silly_values_are_refused(more: dict[str, object]) -> None:
    with pytest.raises(JobError, match="cache"):
        job(**more)  # type: ignore[arg-type]


def test_a_request_marks_its_system_prompt_and_nothing_else_changes() -> None:
    asked = job(3)
    spec = spec_of(asked)
    plain = json.loads(next(RequestEncoder(spec).params({"body": ["hi"]})))
    marked = json.loads(next(RequestEncoder(msgspec.structs.replace(spec, cache=True)).params({"body": ["hi"]})))
    control = {"type": "ephemeral", "ttl": "1h"}
    assert marked.pop("system") == [{"type": "text", "text": system_of(asked), "cache_control": control}]
    assert plain.pop("system") == system_of(asked)
    assert marked == plain


def test_the_setting_is_no_part_of_what_the_job_asks() -> None:
    assert spec_of(replace(job(), cache=False)) == spec_of(job())
