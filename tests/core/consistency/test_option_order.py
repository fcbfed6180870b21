"""A schema with the options of its enums in reverse."""

from __future__ import annotations

from enum import Enum
from typing import Literal

from pydantic import BaseModel

from airflow_provider_claude.core.consistency.job_changes import job_changes
from airflow_provider_claude.core.consistency.option_order import (
    fields_with_options,
    options_reversed,
    with_options_reversed,
)
from airflow_provider_claude.job import ClaudeJob


class Tone(Enum):
    CALM = "calm"
    LOUD = "loud"


class Mail(BaseModel):
    enum: Literal["a", "b", "c"]
    default: Literal["x", "y"] = "x"
    tone: Tone | None
    one: Literal["only"]
    note: str


def test_the_options_of_each_enum_are_reversed_wherever_they_stand() -> None:
    schema = ClaudeJob(prompt="{body}", output=Mail).schema
    found = options_reversed(schema)
    assert found["properties"]["enum"]["enum"] == ["c", "b", "a"]
    assert found["properties"]["default"]["enum"] == ["y", "x"]
    assert found["properties"]["default"]["default"] == "x"
    assert found["$defs"]["Tone"]["enum"] == ["loud", "calm"]
    assert options_reversed(found) == schema


def test_nothing_else_of_the_job_changes() -> None:
    job = ClaudeJob(prompt="{body}", output=Mail).spec(b"")
    assert job_changes(job, with_options_reversed(job)) == ["schema"]
    assert with_options_reversed(job).answer_schema["required"] == job.answer_schema["required"]


def test_only_fields_with_two_options_or_more_have_an_order() -> None:
    assert fields_with_options(ClaudeJob(prompt="{body}", output=Mail).schema) == ["enum", "default", "tone"]
