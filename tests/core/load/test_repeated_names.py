from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from airflow_provider_claude.core.load.answer_forms import form_of
from airflow_provider_claude.core.load.repeated_names import members_of, name_twice
from airflow_provider_claude.core.load.validate import InvalidAnswerError, validator_for
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


class Flat(BaseModel):
    label: str
    size: int


FLAT = validator_for(ClaudeJob(prompt="{a}", output=Flat))
_blank = st.text(" \t\n\r", max_size=2)
_piece = st.sampled_from(['\\"', ":", " :", '\\":', '\\" :', "\\\\", "label", "\\u003a", "ü", ",", "{", "\\n"])
_member = st.one_of(
    st.builds(lambda text: ('"label"', f'"{text}"'), st.lists(_piece, max_size=6).map("".join)),
    st.builds(lambda size: ('"size"', str(size)), st.integers(-9, 9)),
    st.builds(lambda value: ('"more:"', value), st.sampled_from(['{"a" :1}', '{"a":1,"a":2}', '[":"]', "null"])),
)


@given(st.lists(st.tuples(_member, _blank, _blank), max_size=5))
def test_a_name_that_is_there_twice_is_found_wherever_colons_stand(
    members: list[tuple[tuple[str, str], str, str]],
) -> None:
    whole = [(('"label"', '"x: y"'), "", ""), (('"size"', "1"), " ", ""), *members]
    text = "{" + ",".join(f"{name}{before}:{after}{value}" for (name, value), before, after in whole) + "}"
    if name_twice(text) is None:
        assert FLAT(text).keys() == {"label", "size"}
    else:
        with pytest.raises(InvalidAnswerError, match="twice"):
            FLAT(text)


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
