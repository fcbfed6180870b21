from __future__ import annotations

import pickle
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob


class Label(BaseModel):
    label: Literal["spam", "ham"]
    score: float = Field(ge=0, le=1)


class Free(BaseModel):
    tags: dict[str, str]


class Tree(BaseModel):
    children: list[Tree]


def job(**changes: Any) -> ClaudeJob:
    return ClaudeJob(**{"prompt": "<mail>{subject} {body}</mail>", "output": Label, **changes})


def test_the_defaults_are_the_cheap_model_without_thinking() -> None:
    assert job().model == "claude-haiku-5-5"
    assert job().thinking == {"type": "disabled"}


def test_columns_are_the_names_in_braces_once_each_in_order() -> None:
    assert job(prompt="{b} {a} {{not}} {b}").columns == ("b", "a")


def test_closing_tags_are_the_delimiters_of_the_prompt() -> None:
    assert job().closing_tags == ("</mail>",)


def test_equal_jobs_are_equal_and_hash_alike() -> None:
    assert job() == job()
    assert hash(job()) == hash(job())
    assert job() != job(max_tokens=5)


def test_a_job_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(job())) == job()


def test_with_model_changes_only_the_model_and_empty_keeps_it() -> None:
    assert job().with_model("claude-sonnet-5-5").model == "claude-sonnet-5-5"
    assert job().with_model("") == job()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"prompt": "no column"}, "names no column"),
        ({"prompt": "{a[0]}"}, "only plain column names"),
        ({"prompt": "{a[b].c}"}, "only plain column names"),
        ({"prompt": "{ a }"}, r"Write \{a\}"),
        ({"prompt": "{a<b}"}, "only plain column names"),
        ({"prompt": '{a"b}'}, "only plain column names"),
        ({"prompt": "{a\nb}"}, "only plain column names"),
        ({"prompt": "{a!r}"}, "only plain column names"),
        ({"prompt": "{a:>9}"}, "only plain column names"),
        ({"prompt": "{}"}, "only plain column names"),
        ({"prompt": "{a"}, "not a valid template"),
        ({"model": ""}, "write a model id"),
        ({"placement": "system"}, "write one of 'auto', 'tool_result', 'user'"),
        ({"max_tokens": 0}, "from 1 to 1,000,000"),
        ({"max_tokens": True}, "from 1 to 1,000,000"),
        ({"params": {"temperature": 0}}, "removed in API version 2026-10-21"),
        ({"params": {"stream": True}}, "not supported in the Message Batches API"),
        ({"params": {"max_tokens": 5}}, "ClaudeJob(max_tokens=...)"),
        ({"params": {"efort": "low"}}, "Did you mean 'effort'"),
        ({"params": {"effort": "huge"}}, "low, medium, high"),
        ({"params": {"effort": "max"}}, "does not go with effort"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, "'adaptive'"),
        ({"output": int}, "pydantic.BaseModel"),
        ({"output": [1]}, "pydantic.BaseModel"),
        ({"output": {"type": "string"}}, "must be an object"),
        ({"output": {"type": "object", "properties": {"item_id": {"type": "string"}}}}, "taken by the answer table"),
        ({"output": Free}, "free keys"),
        ({"output": Tree}, "contains itself"),
    ],
)
def test_what_cannot_be_asked_is_refused_when_the_dag_is_parsed(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(JobError, match=says.replace("(", r"\(").replace(")", r"\)").replace(".", r"\.")):
        job(**changes)


@pytest.mark.parametrize(
    "name",
    [
        "Review Text",
        "user.text",
        "e-mail",
        "Größe",
        "評論",
        "2026",
        "1st",
        "Q1: How was it?",
        "a'b",
        "x (y), 50 % / #1",
    ],
)
def test_a_prompt_may_name_a_column_as_people_name_columns(name: str) -> None:
    job = ClaudeJob(prompt=f"{{{{literal}}}} <x>{{{name}}}</x>", output=Label)
    assert job.columns == (name,)
