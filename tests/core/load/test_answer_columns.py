from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Literal

import pyarrow as pa
from pydantic import BaseModel

from airflow_provider_claude.core.load.answer_columns import answer_type, json_columns, to_json_text


class Colour(Enum):
    RED = "red"


class Part(BaseModel):
    name: str
    sizes: list[float]


class Answer(BaseModel):
    text: str
    count: int
    share: float
    flag: bool
    maybe: int | None
    colour: Colour
    three: Literal[1, 2, 3]
    day: date
    part: Part
    parts: list[Part]
    either: int | str
    mixed: list[int | str]


def test_every_field_of_a_model_becomes_a_typed_column_and_nested_models_become_structs() -> None:
    part = pa.struct([("name", pa.string()), ("sizes", pa.list_(pa.float64()))])
    kind = answer_type(Answer.model_json_schema())
    assert {field.name: field.type for field in kind} == {
        "text": pa.string(),
        "count": pa.int64(),
        "share": pa.float64(),
        "flag": pa.bool_(),
        "maybe": pa.int64(),
        "colour": pa.string(),
        "three": pa.int64(),
        "day": pa.date32(),
        "part": part,
        "parts": pa.list_(part),
        "either": pa.string(),
        "mixed": pa.string(),
    }


def test_what_arrow_has_no_type_for_is_kept_as_json_text() -> None:
    assert json_columns(answer_type(Answer.model_json_schema())) == ("either", "mixed")
    assert to_json_text([1, "a"]) == '[1,"a"]'
    assert to_json_text(None) is None
