from __future__ import annotations

import pytest
from pydantic import BaseModel

from airflow_provider_claude.core.batch.forms import form_of
from airflow_provider_claude.core.batch.once import members_of
from airflow_provider_claude.core.batch.validate import InvalidAnswerError, validator_for
from airflow_provider_claude.job import ClaudeJob


class Part(BaseModel):
    name: str


class Answer(BaseModel):
    label: str
    part: Part
    more: list[Part] = []
    size: int | None = None


JOBS = [ClaudeJob(prompt="{a}", output=Answer), ClaudeJob(prompt="{a}", output=Answer.model_json_schema())]


@pytest.mark.parametrize("job", JOBS, ids=["model", "schema"])
@pytest.mark.parametrize(
    "text",
    [
        '{"label":"a","label":"b","part":{"name":"x"},"more":[],"size":null}',
        '{"label":"a","part":{"name":"x","name":"y"},"more":[],"size":null}',
        '{"label":"a","part":{"name":"x"},"more":[{"name":"x","name":"x"}],"size":null}',
        '{"label":"a","l\\u0061bel":"b","part":{"name":"x"},"more":[],"size":null}',
        '{"label":"a","part":{"name":"x"},"more":[],"more":[],"size":null}',
        '{"label" : "a", "label"\\n: "b","part":{"name":"x"},"more":[],"size":null}'.replace("\\n", "\n"),
    ],
)
def test_an_answer_that_has_a_name_twice_is_invalid(job: ClaudeJob, text: str) -> None:
    with pytest.raises(InvalidAnswerError, match="twice"):
        validator_for(job)(text)


@pytest.mark.parametrize("job", JOBS, ids=["model", "schema"])
@pytest.mark.parametrize("label", ["a: b", '{\\"a\\":1,\\"a\\":2}', "10:00"])
def test_colons_in_texts_are_no_names(job: ClaudeJob, label: str) -> None:
    text = f'{{"label":"{label}","part":{{"name":"x"}},"more":[{{"name":"x"}},{{"name":"x"}}],"size":1}}'
    assert validator_for(job)(text)["size"] == 1


def test_decimals_do_not_hide_a_name_that_is_there_twice() -> None:
    schema = {
        "type": "object",
        "properties": {"price": {"type": "string", "format": "decimal(30, 2)"}},
        "required": ["price"],
    }
    with pytest.raises(InvalidAnswerError, match="twice"):
        validator_for(ClaudeJob(prompt="{a}", output=schema))('{"price":"12345678901234567890.12","price":"1.00"}')


def test_how_many_members_an_answer_has_is_known_where_all_are_required() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    whole = {"type": "object", "properties": {"b": inner, "c": {"enum": ["x"]}}, "required": ["b", "c"]}
    assert members_of(form_of(whole)) == 3
    assert members_of(form_of({**whole, "required": ["b"]})) is None
    assert members_of(form_of({**whole, "properties": {"b": {"type": "array", "items": inner}}})) is None
