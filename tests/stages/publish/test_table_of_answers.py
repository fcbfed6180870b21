from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer, model_serializer
from pydantic.alias_generators import to_camel
from upath import UPath

from airflow_provider_claude.core.publish.destination import Destination
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.store.results import read_lines
from tests.stages.conftest import Night, clock

TEXTS = [f"mail {number}, I {verb} it" for number, verb in enumerate(["love", "hate", "see", "miss", "sold"] * 3)]


class Tone(Enum):
    GOOD, BAD = "good", "bad"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(alias="Lives")


class Dog(BaseModel):
    kind: Literal["dog"]


class Money(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    the_amount: float
    unit_of_it: str | None = None

    @model_serializer
    def nothing(self) -> dict[str, Any]:
        return {}


class Everything(BaseModel):
    named: str = Field(alias="Review Text")
    read_as: int = Field(validation_alias="readAs", serialization_alias="writtenAs")
    left_out: bool = Field(exclude=True)
    masked: str
    secret: SecretStr
    tone: Tone
    mixed: Literal["a", 1]
    either: int | str
    maybe: float | None
    money: Money
    moneys: list[Money]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    words: set[str]

    @field_serializer("masked")
    def mask(self, _value: str) -> str:
        return "-"


BY_HAND = {
    "type": "object",
    "properties": {
        "topic": {"type": ["string", "null"], "maxLength": 200},
        "either": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
        "part": {"$ref": "#/$defs/Part", "description": "A part."},
        "grade": {"enum": [1, 2, 3]},
    },
    "required": ["topic", "either", "part", "grade"],
    "$defs": {"Part": {"type": "object", "properties": {"size": {"type": "number"}}}},
}


def answered(night: Night) -> list[Mapping[str, Any]]:
    """What Claude said, from the raw results."""
    lines = [json.loads(line) for line in read_lines(night.run.shard(1).results(1))]
    return [json.loads(line["result"]["message"]["content"][0]["text"]) for line in lines]


def value(one: Any) -> Any:
    """A value of the table or of an answer: without nulls, which stand for what was left out."""
    if isinstance(one, Mapping):
        return {name: value(part) for name, part in one.items() if part is not None}
    if isinstance(one, list):
        return [value(part) for part in one]
    return one


def read(column: str, one: Any, of_json: set[str]) -> Any:
    return json.loads(one) if column in of_json and one is not None else one


def held(night: Night, columns: tuple[str, ...], of_json: set[str]) -> list[Any]:
    table = night.answers().select(columns).to_pylist()
    return [value({name: read(name, one, of_json) for name, one in row.items()}) for row in table]


def by_text(rows: list[Any]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)


def test_the_table_of_a_model_holds_what_claude_answered_whatever_its_aliases_and_serializers(night: Night) -> None:
    night.job = ClaudeJob(prompt="<mail>{body}</mail>", output=Everything, max_tokens=900)
    night.scanned(TEXTS).plan(rows=100)
    night.create()
    assert night.load().outcomes == {"succeeded": len(TEXTS)}
    rows = held(night, night.job.properties, {"mixed", "either", "pet"})
    assert by_text(rows) == by_text([value(row) for row in answered(night)])


def test_the_table_of_a_schema_by_hand_holds_what_claude_answered(night: Night) -> None:
    night.job = ClaudeJob(prompt="<mail>{body}</mail>", output=BY_HAND, max_tokens=900)
    night.scanned(TEXTS).plan(rows=100)
    night.create()
    assert night.load().outcomes == {"succeeded": len(TEXTS)}
    assert by_text(held(night, night.job.properties, {"either"})) == by_text([value(row) for row in answered(night)])


def test_a_carried_column_with_the_name_of_a_field_is_refused_before_anything_is_paid(
    night: Night, claude_simulator: SimulatorProcess
) -> None:
    output = {"type": "object", "properties": {"Sender": {"type": "string"}}}
    night.job = ClaudeJob(prompt="<mail>{body}</mail>", output=output, max_tokens=900)
    with pytest.raises(JobError, match="carried column 'sender' and the output's field 'Sender'"):
        night.scanned(TEXTS).plan(trial=True)
    assert claude_simulator.books()["total"]["requests"] == 0


def test_a_partition_column_with_the_name_of_a_field_is_refused_before_anything_is_paid(
    night: Night, tmp_path: Path, claude_simulator: SimulatorProcess
) -> None:
    job = ClaudeJob(prompt="{body}", output={"type": "object", "properties": {"Day": {"type": "string"}}})
    where = Settings(
        partition="2026-11-22", output=UPath(tmp_path / "out"), destination=Destination(output=str(tmp_path / "out"))
    )
    night.scanned(TEXTS)
    with pytest.raises(JobError, match="partition column 'day' and the output's field 'Day'"):
        plan(night.run, job, night.gateway, settings=where, clock=clock())
    assert claude_simulator.books()["total"]["requests"] == 0
