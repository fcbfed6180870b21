"""Answers that are validated many at once are what they are one by one."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, StringConstraints, field_validator

from airflow_provider_claude.core.load.answer_forms import form_of
from airflow_provider_claude.core.load.validate import InvalidAnswerError, ManyValidator, validator_for
from airflow_provider_claude.core.load.validate_many import TOGETHER, ManyAtOnce
from airflow_provider_claude.job import ClaudeJob


class Plain(BaseModel):
    label: Literal["good", "bad"]
    score: float = Field(ge=0, le=1)
    topic: str = Field(max_length=20)
    reply: bool


class Lowered(BaseModel):
    """A model with an opinion: it changes values, raises what is no ValueError, and has more attributes than columns."""

    word: Annotated[str, StringConstraints(to_lower=True)]
    count: int

    @field_validator("count")
    @classmethod
    def _no_thirteen(cls, count: int) -> int:
        if count == 13:
            raise ZeroDivisionError
        return self_cached(count)

    @cached_property
    def double(self) -> int:
        return 2 * self.count


def self_cached(count: int) -> int:
    return count


def validator(model: Any) -> ManyValidator:
    return validator_for(ClaudeJob(prompt="{text}", output=model))


def one_by_one(validate: ManyValidator, texts: list[str]) -> list[Any]:
    found: list[Any] = []
    for text in texts:
        try:
            found.append(validate(text))
        except InvalidAnswerError as error:
            found.append(str(error))
    return found


def at_once(validate: ManyValidator, texts: list[str]) -> list[Any]:
    return [str(one) if isinstance(one, InvalidAnswerError) else one for one in validate.many(texts)]


GOOD = {"label": "good", "score": 0.5, "topic": "an invoice", "reply": True}
#: Pieces of which a hostile answer could be made to reach into its neighbours.
PIECES = st.sampled_from(
    [
        json.dumps(GOOD),
        '{"label":"good","score":0.5,"topic":"',
        '","reply":true}',
        '{"label":"bad","score":1,"x":[{}',
        '{}],"topic":"t","reply":false}',
        '{"topic":"}',
        ',{"a":1}',
        "}",
        "{",
        ",",
        "\n",
        '"',
        "\\",
        "[",
        "]",
        "NaN",
        "Infinity",
        "1e999",
        "\ud800",
        '{"label":"GOOD","score":1.0,"topic":"t","reply":true}',
        '{"label":"good","label":"bad","score":0,"topic":"","reply":false}',
        '{"label":"good","score":NaN,"topic":"","reply":false}',
    ]
)
TEXTS = st.one_of(
    st.fixed_dictionaries(
        {
            "label": st.sampled_from(["good", "bad", "Good", "ugly"]),
            "score": st.one_of(st.floats(-0.2, 1.2), st.integers(0, 2), st.none()),
            "topic": st.text(max_size=22),
            "reply": st.sampled_from([True, False, "true", 1]),
        }
    ).map(json.dumps),
    st.lists(PIECES, max_size=4).map("".join),
)


@given(st.lists(TEXTS, max_size=2 * TOGETHER + 3))
def test_whatever_the_answers_are_each_is_what_it_is_by_itself(texts: list[str]) -> None:
    validate = validator(Plain)
    assert at_once(validate, texts) == one_by_one(validate, texts)


@pytest.mark.parametrize(
    "texts",
    [
        ['{"label":"good","score":0.5,"topic":"', '","reply":true}', f"{json.dumps(GOOD)},{json.dumps(GOOD)}"],
        [
            '{"label":"good","score":0.5,"reply":true,"x":[{}',
            '{}],"topic":"t"}',
            f"{json.dumps(GOOD)},{json.dumps(GOOD)}",
        ],
        ['{"label":"good","score":0.5,"reply":true,"topic":"}', '{"}', f"{json.dumps(GOOD)},{json.dumps(GOOD)}"],
    ],
)
def test_two_broken_answers_that_make_a_whole_one_move_no_other_to_a_wrong_row(texts: list[str]) -> None:
    validate, rest = validator(Plain), [json.dumps(GOOD | {"topic": str(n)}) for n in range(5)]
    assert at_once(validate, [*texts, *rest]) == one_by_one(validate, [*texts, *rest])
    assert [one["topic"] for one in at_once(validate, [*texts, *rest])[-5:]] == list("01234")


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(11, 15)), max_size=9))
def test_what_a_models_validators_do_is_done_many_at_once_too(rows: list[tuple[str, int]]) -> None:
    validate, texts = validator(Lowered), [json.dumps({"word": word, "count": count}) for word, count in rows]
    assert at_once(validate, texts) == one_by_one(validate, texts)


class Nested(BaseModel):
    inner: Plain


class Aliased(BaseModel):
    label: str = Field(alias="Label")


class Listed(BaseModel):
    labels: list[str]


@pytest.mark.parametrize("model", [Nested, Aliased, Listed, RootModel[Plain]])
def test_models_with_parts_or_other_names_are_validated_one_by_one(model: Any) -> None:
    assert ManyAtOnce.of(model, form_of(model.model_json_schema())) is None


def test_exact_decimals_are_validated_one_by_one() -> None:
    class Priced(BaseModel):
        price: Decimal = Field(max_digits=30, decimal_places=20)

    validate = validator(Priced)
    assert at_once(validate, ['{"price": "0.12345678901234567890"}']) == one_by_one(
        validate, ['{"price": "0.12345678901234567890"}']
    )


def test_ordinary_answers_are_validated_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    validate = validator(Plain)
    monkeypatch.setattr(type(validate), "__call__", lambda *_: pytest.fail("one by one"))
    assert validate.many([json.dumps(GOOD)] * 200) == [GOOD] * 200
