"""What Claude answered is what the row holds, whatever a model is like."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import (
    UUID4,
    AfterValidator,
    AnyUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    computed_field,
    create_model,
    field_serializer,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict

from airflow_provider_claude.core.load.validate import InvalidAnswerError, validator_for
from airflow_provider_claude.job import ClaudeJob

T = TypeVar("T")


class Colour(Enum):
    RED, BLUE = "red", "blue"


class Silent(BaseModel):
    """Serialises to nothing."""

    @model_serializer
    def nothing(self) -> dict[str, Any]:
        return {}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def more(self) -> int:
        return 1


class Masked(BaseModel):
    @field_serializer("*", check_fields=False)
    def mask(self, _value: Any) -> str:
        return "-"


@dataclasses.dataclass
class Point:
    x: int
    label: str = "none"


class Keys(TypedDict):
    x: int
    other: Annotated[str, Field(alias="Other")]


class Box(BaseModel, Generic[T]):
    inside: T = Field(alias="Inside")


class Kind(NamedTuple):
    """A type, and a strategy of answers to it."""

    annotation: Any
    answers: st.SearchStrategy[Any]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
POINTS = st.fixed_dictionaries({"x": INTEGERS, "label": TEXTS})
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001

LEAVES = [
    Kind(str, TEXTS),
    Kind(int, INTEGERS),
    Kind(float, NUMBERS),
    Kind(bool, st.booleans()),
    Kind(Literal["a", "b"], st.sampled_from(["a", "b"])),
    Kind(Literal["a", 1, True], st.sampled_from(["a", 1, True])),
    Kind(Colour, st.sampled_from(["red", "blue"])),
    Kind(datetime, MOMENTS.map(datetime.isoformat)),
    Kind(date, st.dates(date(1970, 1, 1)).map(date.isoformat)),
    Kind(Decimal, st.decimals(-1000, 1000, places=3).map(str)),
    Kind(UUID4, st.uuids(version=4).map(str)),
    Kind(timedelta, st.integers(1, 23).map("PT{}H".format)),
    Kind(SecretStr, TEXTS),
    Kind(AnyUrl, st.just("http://example.org")),
    Kind(bytes, TEXTS),
    Kind(int | str, INTEGERS | TEXTS),
    Kind(Point, POINTS),
    Kind(Keys, st.fixed_dictionaries({"x": INTEGERS, "Other": TEXTS})),
    Kind(Box[int], st.fixed_dictionaries({"Inside": INTEGERS})),
    Kind(RootModel[Point], POINTS),
    Kind(set[str], st.lists(TEXTS, max_size=3)),
]


def wrapped(inner: st.SearchStrategy[Kind]) -> st.SearchStrategy[Kind]:
    lists = inner.map(lambda kind: Kind(list[kind.annotation], st.lists(kind.answers, max_size=3)))
    return lists | inner.map(lambda kind: Kind(kind.annotation | None, st.none() | kind.answers)) | models(inner)


NAMINGS: list[tuple[Callable[[str], dict[str, Any]], Callable[[str], str]]] = [
    (lambda _: {}, str),
    (lambda name: {"alias": f"{name} A"}, "{} A".format),
    (lambda name: {"validation_alias": f"{name}-v"}, "{}-v".format),
    (lambda name: {"serialization_alias": f"{name}-s"}, str),
    (lambda name: {"alias": f"{name} A", "serialization_alias": f"{name}-s"}, "{} A".format),
    (lambda _: {"exclude": True}, str),
]


@st.composite
def models(draw: st.DrawFn, inner: st.SearchStrategy[Kind]) -> Kind:
    generated, base = draw(st.booleans()), draw(st.sampled_from([BaseModel, Silent, Masked]))
    config = ConfigDict(alias_generator=to_camel, populate_by_name=True) if generated else ConfigDict()
    fields: dict[str, Any] = {}
    answers = {}
    for number, kind in enumerate(draw(st.lists(inner, min_size=1, max_size=4))):
        name = f"field_{number}"
        args, asked = draw(st.sampled_from(NAMINGS))
        given = args(name)
        fields[name] = (kind.annotation, Field(**given))
        plain = generated and not {"alias", "validation_alias"} & given.keys()
        answers[to_camel(name) if plain else asked(name)] = kind.answers
    answering = type("Answering", (base,), {"model_config": config})
    return Kind(create_model("Answer", __base__=answering, **fields), st.fixed_dictionaries(answers))


KINDS = st.recursive(st.sampled_from(LEAVES), wrapped, max_leaves=6)


def same(value: Any) -> Any:
    """*value* without what is but another spelling of it."""
    if isinstance(value, dict):
        return {name: same(one) for name, one in value.items()}
    if isinstance(value, list):
        return [same(one) for one in value]
    return value.removesuffix("+00:00").removesuffix("Z") if isinstance(value, str) else value


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_every_valid_answer_to_the_schema_is_the_row_by_the_names_of_the_schema(data: st.DataObject) -> None:
    made = data.draw(models(KINDS))
    answer = data.draw(made.answers)
    job = ClaudeJob(prompt="{a}", output=made.annotation)
    row = validator_for(job)(json.dumps(answer))
    assert list(row) == list(job.properties)
    assert same(row) == same(answer)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_schema_without_a_model_gives_the_answer_as_it_is(data: st.DataObject) -> None:
    made = data.draw(models(st.sampled_from(LEAVES[:7])))
    answer = data.draw(made.answers)
    assert (
        validator_for(ClaudeJob(prompt="{a}", output=made.annotation.model_json_schema()))(json.dumps(answer)) == answer
    )


def row(kind: Any, answer: Any, default: Any = ...) -> Any:
    model = create_model("M", a=(kind, default))
    text = json.dumps({} if answer is ... else {"a": answer})
    return validator_for(ClaudeJob(prompt="{a}", output=model))(text)["a"]


@pytest.mark.parametrize(
    ("kind", "answer", "held"),
    [
        (Annotated[str, AfterValidator(str.strip)], " a ", "a"),
        (Annotated[int, AfterValidator(lambda n: min(n, 5))], 9, 5),
        (Annotated[str | None, AfterValidator(lambda text: text or None)], "", None),
        (Annotated[list[str], AfterValidator(sorted)], ["b", "a"], ["a", "b"]),
    ],
)
def test_a_validator_that_changes_a_value_has_its_way(kind: Any, answer: Any, held: Any) -> None:
    assert row(kind, answer) == held


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (Annotated[str, AfterValidator(lambda text: text.split(","))], "a,b"),
        (Annotated[str, AfterValidator(lambda _: None)], "a"),
        (Annotated[int, AfterValidator(lambda n: n / 2)], 5),
        (Annotated[int, AfterValidator(str)], 5),
        (Annotated[str, AfterValidator(lambda _: object())], "a"),
        (Annotated[float, AfterValidator(lambda _: float("nan"))], 0.5),
        (Annotated[Point, AfterValidator(lambda _: Box[int](Inside=1))], {"x": 1, "label": "b"}),
        (Annotated[list[Point], AfterValidator(tuple)], [{"x": 1, "label": "b"}]),
        (set[str], ["b", "a", "b"]),
    ],
)
def test_where_a_validator_gives_another_type_the_column_holds_what_was_answered(kind: Any, answer: Any) -> None:
    assert row(kind, answer) == answer


def test_a_validator_that_returns_something_else_for_the_whole_model_leaves_what_was_answered() -> None:
    class Whole(BaseModel):
        a: int

        @model_validator(mode="wrap")
        @classmethod
        def other(cls, _value: Any, _handler: Any) -> Any:
            return 5

    assert validator_for(ClaudeJob(prompt="{a}", output=Whole))('{"a": 1}') == {"a": 1}


def test_a_default_fills_what_was_left_out() -> None:
    assert row(str, ..., "none") == "none"
    assert row(Point | None, ..., Point(1)) == {"x": 1, "label": "none"}
    assert row(int | None, ..., None) is None


def test_a_whole_number_written_with_a_point_is_one() -> None:
    assert row(int, 5.0) == 5
    assert type(row(int, 5.0)) is int


@pytest.mark.parametrize(
    ("kind", "answer", "held"),
    [
        (Colour | None, "RED", "red"),
        (list[Colour], ["Blue", "red"], ["blue", "red"]),
        (Literal["us", "US"], "Us", ...),
        (Literal["a", "b"] | None, "B", "b"),
        (int | None, 5.0, 5),
    ],
)
def test_letter_case_is_put_right_wherever_there_is_one_word_it_can_be(kind: Any, answer: Any, held: Any) -> None:
    for output in (create_model("M", a=(kind, ...)), create_model("M", a=(kind, ...)).model_json_schema()):
        validate = validator_for(ClaudeJob(prompt="{a}", output=output))
        if held is ...:
            with pytest.raises(InvalidAnswerError):
                validate(json.dumps({"a": answer}))
        else:
            assert validate(json.dumps({"a": answer})) == {"a": held}


def test_a_nested_choice_in_an_optional_model_is_put_right_too() -> None:
    class Part(BaseModel):
        colour: Colour

    assert row(Part | None, {"colour": "BLUE"}) == {"colour": "blue"}


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": Infinity}'])
def test_a_number_that_json_has_not_is_no_answer(text: str) -> None:
    with pytest.raises(InvalidAnswerError):
        validator_for(ClaudeJob(prompt="{a}", output=create_model("M", a=(float, ...))))(text)


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyError, RecursionError])
def test_a_validator_that_raises_anything_makes_the_answer_invalid(error: type[Exception]) -> None:
    def fail(_value: Any) -> Any:
        raise error

    with pytest.raises(InvalidAnswerError, match=error.__name__):
        row(Annotated[str, BeforeValidator(fail)], "a")


def test_an_attribute_that_raises_leaves_what_was_answered() -> None:
    class Trap(dict):
        def keys(self) -> Any:
            raise ValueError

    assert row(Annotated[Point, AfterValidator(lambda _: Trap())], {"x": 1, "label": "b"}) == {"x": 1, "label": "b"}
