"""Titles that repeat a name are not sent; what a person has written is."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from airflow_provider_claude.job.schema import output_schema
from airflow_provider_claude.job.titles import untitled


class Tone(StrEnum):
    WARM = "warm"
    COLD = "cold"


class Part(BaseModel):
    how_warm: Tone | None


class Answer(BaseModel):
    title: str = Field(description="of the mail")
    needs_reply: bool = Field(title="Whether the customer waits")
    parts: list[Part]


class Named(BaseModel):
    model_config = ConfigDict(title="A mail")
    x: int


def test_the_titles_that_pydantic_makes_of_names_are_left_out_and_a_property_named_title_stays() -> None:
    schema = output_schema(Answer)
    assert schema["properties"]["title"] == {"type": "string", "description": "of the mail"}
    assert schema["properties"]["needs_reply"]["title"] == "Whether the customer waits"
    assert schema["$defs"]["Tone"] == {"type": "string", "enum": ["warm", "cold"]}
    assert "title" not in schema
    assert "title" not in schema["$defs"]["Part"]
    assert "title" not in schema["$defs"]["Part"]["properties"]["how_warm"]


def test_a_title_that_a_person_has_given_a_model_stays() -> None:
    assert output_schema(Named)["title"] == "A mail"


def test_a_schema_by_hand_is_not_changed_in_place() -> None:
    given = {"type": "object", "properties": {"a_b": {"title": "A B", "anyOf": [{"title": "a-b", "type": "null"}]}}}
    assert untitled(given)["properties"] == {"a_b": {"anyOf": [{"type": "null"}]}}
    assert given["properties"]["a_b"]["title"] == "A B"
