"""Which parts of a job count as a change of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from airflow_provider_claude.core.consistency.job_changes import differing, job_changes
from airflow_provider_claude.job import ClaudeJob, JobSpec

OUTPUT = {
    "type": "object",
    "properties": {"mood": {"type": "string", "enum": ["good", "bad"]}, "urgent": {"type": "boolean"}},
    "required": ["mood", "urgent"],
    "additionalProperties": False,
}


def spec(secret: bytes = b"s", **more: Any) -> JobSpec:
    job: dict[str, Any] = {"prompt": "<mail>{body}</mail>", "output": OUTPUT, "system": "Label."}
    return ClaudeJob(**{**job, **more}).spec(secret)


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({}, []),
        ({"model": "claude-sonnet-5-5"}, ["model"]),
        ({"system": "Label it."}, ["prompt"]),
        ({"prompt": "<mail>{subject} {body}</mail>"}, ["prompt"]),
        ({"max_tokens": 50, "system": "Label it."}, ["prompt", "settings"]),
        ({"examples": [({"body": "ha"}, {"mood": "good", "urgent": False})]}, ["examples"]),
        ({"params": {"metadata": {"user_id": "me"}}}, []),
        ({"params": {"stop_sequences": ["x"]}}, ["settings"]),
    ],
)
def test_what_can_change_an_answer_is_a_change(changed: dict[str, Any], parts: list[str]) -> None:
    assert job_changes(spec(), spec(**changed)) == parts


def test_the_order_of_options_and_of_fields_is_a_change() -> None:
    fields = OUTPUT["properties"]
    options = {**OUTPUT, "properties": {**fields, "mood": {"type": "string", "enum": ["bad", "good"]}}}
    order = {**OUTPUT, "properties": dict(reversed(fields.items()))}
    assert job_changes(spec(), spec(output=options)) == ["schema"]
    assert job_changes(spec(), spec(output=order)) == ["schema"]


def test_the_secret_of_a_work_folder_is_no_change_and_a_record_that_was_read_back_is_none() -> None:
    assert job_changes(spec(), spec(b"another")) == []
    assert job_changes(msgspec.json.decode(msgspec.json.encode(spec()), type=JobSpec), spec()) == []


def test_the_order_in_which_settings_are_written_is_no_change() -> None:
    params = {"stop_sequences": ["x"], "effort": "low"}
    assert job_changes(spec(params=params), spec(params=dict(reversed(params.items())))) == []


def test_what_differs_is_said_in_words() -> None:
    assert differing(["prompt"]) == "The prompt differs"
    assert differing(["model", "prompt", "schema"]) == "The model, the prompt and the schema differ"


def test_the_order_of_options_and_fields_is_a_change_and_another_schema_hash() -> None:
    """Models prefer some places in a list, and later fields follow from earlier ones."""

    def job(*fields: tuple[str, list[str]]) -> JobSpec:
        properties = {name: {"type": "string", "enum": options} for name, options in fields}
        schema = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        return ClaudeJob(prompt="<mail>{body}</mail>", output=schema).spec(b"k" * 32)

    one = job(("label", ["a", "b"]), ("topic", ["c", "d"]))
    for other in (job(("label", ["b", "a"]), ("topic", ["c", "d"])), job(("topic", ["c", "d"]), ("label", ["a", "b"]))):
        assert job_changes(one, other) == ["schema"]
        assert one.schema_hash != other.schema_hash
