"""Answers that are validated as plain objects of JSON are what the model makes of them."""

from __future__ import annotations

import json
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    RootModel,
    StringConstraints,
    WithJsonSchema,
    computed_field,
    field_validator,
    model_validator,
)

from airflow_provider_claude.core.load import validate
from airflow_provider_claude.core.load.answer_forms import form_of
from airflow_provider_claude.core.load.validate import InvalidAnswerError, Validator, validator_for
from airflow_provider_claude.core.load.validate_plain import PlainValidator
from airflow_provider_claude.job import ClaudeJob


class Plain(BaseModel):
    label: Literal["good", "bad"]
    score: float = Field(ge=0, le=1)
    topic: str = Field(max_length=20)
    reply: bool


class Usual(BaseModel):
    """What else is plain: nulls, defaults, constraints that change a text, a config of its own."""

    model_config = ConfigDict(str_strip_whitespace=True, frozen=True, extra="forbid")

    word: Annotated[str, StringConstraints(to_lower=True)]
    count: PositiveInt | None = None
    share: float | None = 0.5
    kind: Literal["a", 1] = "a"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def loud(self) -> str:
        return self.word.upper()

    @cached_property
    def quiet(self) -> str:
        return self.word


MODELS = [Plain, Usual]


def found(check: Validator, text: str) -> Any:
    try:
        answer = check(text)
    except InvalidAnswerError as error:
        return str(error)
    return [(name, type(value), value) for name, value in sorted(answer.items())]


def validators(model: Any) -> tuple[Validator, Validator]:
    """The validator of answers to *model*, and the same without the short way."""
    job = ClaudeJob(prompt="{text}", output=model)
    checks = validator_for(job)
    assert isinstance(checks, validate._Once)
    assert checks._plain is not None
    return checks, validate._Once(checks._validate, checks._members, None)


GOOD = {"label": "good", "score": 0.5, "topic": "an invoice", "reply": True}

PIECES = st.sampled_from(
    [
        json.dumps(GOOD),
        '{"label":"bad","score":1,"topic":"t","reply":false}',
        '{"label":"bad","score":1,"x":[{}],"topic":"t","reply":false}',
        '{"word":" ABC "}',
        '{"word":"x","count":7,"share":null,"kind":1}',
        '{"word":"x","word":"y"}',
        '{"word":"x","more":1}',
        "}",
        "[",
        "NaN",
        "null",
        "\ud800",
        '{"label":"GOOD","score":1.0,"topic":"t","reply":true}',
        '{"label":"good","label":"bad","score":0,"topic":"","reply":false}',
        '{"label":"good","score":NaN,"topic":"","reply":false}',
        '{"word":"x","share":1e999}',
        '{"word":"x","share":-0.0,"count":5.0}',
    ]
)
VALUES = st.one_of(
    st.sampled_from(["good", "bad", "Good", "ugly", "a", " B ", True, False, None, "true", 1, 0, -1, 2**70, [], {}]),
    st.text(max_size=22),
    st.floats(),
    st.integers(-2, 2),
)
TEXTS = st.one_of(
    st.fixed_dictionaries({}, optional=dict.fromkeys([*Plain.model_fields, *Usual.model_fields, "x"], VALUES)).map(
        json.dumps
    ),
    st.fixed_dictionaries({"word": VALUES}, optional={"count": VALUES, "share": VALUES, "kind": VALUES}).map(
        json.dumps
    ),
    st.fixed_dictionaries(
        {
            "label": st.sampled_from(["good", "bad", "Good", "ugly"]),
            "score": st.one_of(st.floats(-0.2, 1.2), st.integers(0, 2), st.none()),
            "topic": st.text(max_size=22),
            "reply": st.sampled_from([True, False, "true", 1]),
        }
    ).map(json.dumps),
    st.lists(PIECES, max_size=2).map("".join),
)


@pytest.mark.parametrize("model", MODELS)
@given(TEXTS)
def test_whatever_an_answer_is_it_is_what_the_model_makes_of_it(model: type[BaseModel], text: str) -> None:
    short, long = validators(model)
    assert found(short, text) == found(long, text)


def test_ordinary_answers_need_no_instance_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    check, _ = validators(Plain)
    monkeypatch.setattr(check, "_validate", lambda _: pytest.fail("by the model"))
    assert check(json.dumps(GOOD)) == GOOD


class Nested(BaseModel):
    inner: Plain


class Aliased(BaseModel):
    label: str = Field(alias="Label")


class Listed(BaseModel):
    labels: list[str]


class Checked(BaseModel):
    count: int

    @field_validator("count")
    @classmethod
    def _larger(cls, count: int) -> int:
        return count + 1


class CheckedWhole(BaseModel):
    count: int

    @model_validator(mode="after")
    def _other(self) -> Self:
        self.count += 1
        return self


class Started(BaseModel):
    count: int

    def __init__(self, **values: Any) -> None:
        super().__init__(**{**values, "count": 1})


class Ended(BaseModel):
    count: int

    def model_post_init(self, _: Any) -> None:
        self.count += 1


class Word(StrEnum):
    A = "a"


class Chosen(BaseModel):
    word: Word


class ChosenMember(BaseModel):
    word: Literal[Word.A]


class Renamed(BaseModel):
    count: Annotated[int, WithJsonSchema({"type": "string"})]


@pytest.mark.parametrize(
    "model",
    [Nested, Aliased, Listed, RootModel[Plain], Checked, CheckedWhole, Started, Ended, Chosen, ChosenMember, Renamed],
)
def test_what_more_than_its_fields_decides_about_is_left_to_the_model(model: Any) -> None:
    assert PlainValidator.of(model, form_of(model.model_json_schema())) is None


def test_exact_decimals_are_left_to_the_model() -> None:
    class Priced(BaseModel):
        price: Decimal = Field(max_digits=30, decimal_places=20)

    check = validator_for(ClaudeJob(prompt="{text}", output=Priced))
    assert check('{"price": "0.12345678901234567890"}') == {"price": "0.12345678901234567890"}
