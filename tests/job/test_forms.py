"""Which forms of output are accepted, with which columns, and which are refused, with which words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    RootModel,
    SecretStr,
    create_model,
)
from pydantic.alias_generators import to_camel

from airflow_provider_claude.core.load.answer_columns import answer_type
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.gateway.output_schema import api_schema
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.simulator.model.answer_maker import compile_schema


class Inner(BaseModel):
    name: str = Field(alias="Name")


class Tree(BaseModel):
    children: list[Tree]


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Pair(NamedTuple):
    a: int


class Odd(Enum):
    PAIR = (1, 2)


class Mixed(Enum):
    A, B = "a", 1


def model(kind: Any, default: Any = ..., **config: Any) -> type[BaseModel]:
    return create_model("M", __config__=ConfigDict(**config), a=(kind, default))


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def defined(node: Any, **definitions: Any) -> dict[str, Any]:
    return {**schema(a=node), "$defs": definitions}


ACCEPTED: dict[str, tuple[type[BaseModel] | Mapping[str, Any], list[str]]] = {
    "plain": (model(str), ["a"]),
    "an alias": (model(str, Field(alias="A b")), ["A b"]),
    "a validation alias": (model(str, Field(validation_alias="v", serialization_alias="s")), ["v"]),
    "a serialization alias": (model(str, Field(serialization_alias="s")), ["a"]),
    "the first of several aliases": (model(str, Field(validation_alias=AliasChoices("x", "y"))), ["x"]),
    "an alias generator": (
        create_model("M", __config__=ConfigDict(alias_generator=to_camel), my_name=(str, ...)),
        ["myName"],
    ),
    "populate by name": (model(str, Field(alias="b"), populate_by_name=True), ["b"]),
    "excluded from dumps": (model(str, Field(exclude=True)), ["a"]),
    "a secret": (model(SecretStr), ["a"]),
    "a list of models": (model(list[Inner]), ["a"]),
    "an optional model": (model(Inner | None, None), ["a"]),
    "a discriminated union": (model(Annotated[Cat | Dog, Field(discriminator="kind")]), ["a"]),
    "a union of scalars": (model(int | str | None), ["a"]),
    "an enum of texts and numbers": (model(Mixed), ["a"]),
    "a literal": (model(Literal["a", "b"]), ["a"]),
    "a set": (model(set[str]), ["a"]),
    "a tuple of one type": (model(tuple[int, ...]), ["a"]),
    "a model in a root model": (RootModel[Inner], ["Name"]),
    "bounds": (model(Annotated[str, Field(min_length=1, max_length=5, pattern="^a")]), ["a"]),
    "a list of types": (schema(a={"type": ["string", "null"], "maxLength": 3}), ["a"]),
    "a list of one type": (schema(a={"type": ["string"]}), ["a"]),
    "a list of types with an enum": (schema(a={"type": ["string", "null"], "enum": ["x", None]}), ["a"]),
    "an optional object": (schema(a={"type": ["object", "null"], "properties": {"b": {"type": "string"}}}), ["a"]),
    "oneOf": (schema(a={"oneOf": [{"type": "string"}, {"type": "integer"}]}), ["a"]),
    "a const": (schema(a={"const": 5}), ["a"]),
    "a reference with a description": (
        defined({"$ref": "#/$defs/A", "description": "b"}, A={"type": "integer"}),
        ["a"],
    ),
    "a reference at the root": ({"$ref": "#/$defs/A", "$defs": {"A": schema(a={"type": "string"})}}, ["a"]),
    "words of the document": ({**schema(a={"type": "string"}), "$schema": "http://x/", "$id": "y"}, ["a"]),
    "definitions that nothing refers to": (defined({"type": "string"}, A={}), ["a"]),
    "words of others": (schema(a={"type": "string", "x-unit": "m", "examples": ["z"]}), ["a"]),
}


@pytest.mark.parametrize(("output", "columns"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_accepted_can_be_asked_and_has_a_column_for_each_name_of_the_schema(
    output: type[BaseModel] | Mapping[str, Any], columns: list[str]
) -> None:
    job = ClaudeJob(prompt="{body}", output=output)
    compile_schema(api_schema(job.schema))
    assert [field.name for field in answer_type(job.schema)] == columns == list(job.properties)


REFUSED: dict[str, tuple[Any, str]] = {
    "Any": (model(Any), "a may hold anything, as Any and object do"),
    "object": (model(object), "may hold anything"),
    "JsonValue": (model(JsonValue), "may hold anything"),
    "a list without a type": (model(list), r"a\.\[\] may hold anything"),
    "a list of Any": (model(list[Any]), r"a\.\[\] may hold anything"),
    "a dict": (model(dict[str, int]), "a is an object that has free keys.*Name its fields"),
    "a tuple": (model(tuple[int, str]), "each position of a list its own schema.*named field"),
    "a named tuple": (model(Pair), "each position of a list its own schema"),
    "a function": (model(Callable[[int], int]), "has no JSON schema"),
    "None": (model(None), "can only be null"),
    "an enum of null": (schema(a={"enum": [None]}), "can only be null"),
    "an enum of tuples": (model(Odd), "write text, numbers, true, false or null"),
    "recursion": (Tree, "contains itself"),
    "an alias path": (model(str, Field(validation_alias=AliasPath("x", 0))), r"M\.a is read by an AliasPath"),
    "aliases that are not read": (
        model(str, Field(alias="b"), validate_by_alias=False, validate_by_name=True),
        "M has the aliases b and validate_by_alias=False",
    ),
    "a nested model that does not read its aliases": (
        model(list[model(str, Field(alias="b"), validate_by_alias=False, validate_by_name=True)]),  # type: ignore[misc]
        "validate_by_alias=False",
    ),
    "extra keys": (model(str, extra="allow"), "free keys.*extra='allow'"),
    "a schema extra that no field reads": (
        model(str, json_schema_extra={"properties": {"k": {"type": "string"}}}),
        "M has k in its schema, which none of its fields reads",
    ),
    "a list at the root": (RootModel[list[int]], "an object with properties at its root"),
    "a union at the root": (RootModel[Cat | Dog], "an object with properties at its root"),
    "no fields": (create_model("M"), "an object with properties at its root"),
    "no model": (BaseModel, "has no JSON schema"),
    "names that differ by case": (
        create_model("M", Tone=(str, ...), tone=(str, ...)),
        "'Tone' and 'tone'.*letter case",
    ),
    "a name of the table": (create_model("M", Item_Id=(str, ...)), "taken by the answer table"),
    "a name of the provenance": (create_model("M", Claude_x=(str, ...)), "taken by the answer table"),
    "no name": (schema(**{" ": {"type": "string"}}), "visible characters"),
    "an empty schema": (schema(a={}), "may hold anything"),
    "true": (schema(a=True), "may hold anything"),
    "no type": (schema(a={"title": "b"}), "may hold anything"),
    "a type that there is not": (schema(a={"type": "text"}), "has the type 'text': write one of object"),
    "a list of anything": (schema(a={"type": "array"}), "a is a list of anything"),
    "items as a list": (schema(a={"type": "array", "items": [{"type": "string"}]}), "each position of a list"),
    "items of anything": (schema(a={"type": "array", "items": True}), "may hold anything"),
    "prefixItems": (
        schema(a={"type": "array", "prefixItems": [{"type": "string"}]}),
        "prefixItems gives each position",
    ),
    "patternProperties": (schema(a={"type": "object", "patternProperties": {}}), "patternProperties has free keys"),
    "not": (schema(a={"not": {"type": "null"}}), "not is not supported. Write what is allowed"),
    "if": (schema(a={"type": "string", "if": {}, "then": {}}), "if is a condition"),
    "allOf": (schema(a={"allOf": [{"type": "string"}]}), "allOf is not supported. Write one schema"),
    "an empty anyOf": (schema(a={"anyOf": []}), "empty anyOf"),
    "a type beside anyOf": (schema(a={"type": "string", "anyOf": [{"type": "string"}]}), "a has type beside anyOf"),
    "oneOf beside anyOf": (schema(a={"anyOf": [{"type": "string"}], "oneOf": []}), "oneOf is beside anyOf"),
    "nullable": (schema(a={"type": "string", "nullable": True}), r'"type": \["string", "null"\]'),
    "a bound beside a reference": (
        defined({"$ref": "#/$defs/A", "minimum": 3}, A={"type": "integer"}),
        "minimum beside",
    ),
    "a reference to nothing": (
        defined({"$ref": "#/$defs/B"}),
        r"refers to #/\$defs/B, which the schema does not define",
    ),
    "a reference to itself": (defined({"$ref": "#/$defs/A"}, A={"$ref": "#/$defs/A"}), "refers to itself"),
    "a reference to a property": (schema(a={"$ref": "#/properties/b"}, b={"type": "string"}), "only references like"),
    "a reference elsewhere": (schema(a={"$ref": "https://example.org/a.json"}), "only references like"),
    "definitions": ({**schema(a={"type": "string"}), "definitions": {}}, r"Write the schema under \$defs"),
    "an empty enum": (schema(a={"enum": []}), "no values to choose from"),
    "an enum of objects": (schema(a={"enum": [{}]}), "write text, numbers, true, false or null"),
    "an enum of a number that is too big": (schema(a={"enum": [2**70]}), "no column of whole numbers holds"),
    "an enum of another type": (
        schema(a={"type": "integer", "enum": ["b"]}),
        "'b', which is not of its type 'integer'",
    ),
    "a required field that there is not": ({**schema(a={"type": "string"}), "required": ["b"]}, "requires 'b'"),
    "a bound that is no number": (
        schema(a={"type": "integer", "minimum": "x"}),
        "a has minimum: 'x', which means nothing",
    ),
    "a title that is no text": (schema(a={"type": "string", "title": 5}), "a has title: 5"),
    "a title in a definition": (defined({"$ref": "#/$defs/A"}, A={"type": "string", "title": 5}), "a has title: 5"),
    "a length below nothing": (schema(a={"type": "string", "maxLength": -1}), "a has maxLength: -1"),
    "properties of a text": (schema(a={"type": "string", "properties": {}}), "properties, which its type 'string'"),
    "items of an enum": (schema(a={"enum": ["b"], "items": {"type": "string"}}), "items beside its values"),
    "a bad pattern": (schema(a={"type": "string", "pattern": "("}), r"at properties\.a\.pattern"),
    "no JSON": (schema(a={"type": "string", "default": object()}), "cannot be written as JSON"),
    "a number that is none": (schema(a={"type": "number", "default": float("nan")}), "cannot be written as JSON"),
    "properties that are none": ({"type": "object", "properties": ["a"]}, "an object with properties"),
    "a field that is no schema": (schema(a=5), "may hold anything"),
}


@pytest.mark.parametrize(("output", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_asked_or_stored_is_refused_with_the_fields_name_and_what_to_write(
    output: Any, says: str
) -> None:
    with pytest.raises(JobError, match=says):
        ClaudeJob(prompt="{body}", output=output)


def test_a_job_does_not_change_with_the_dict_it_was_given() -> None:
    given = schema(a={"type": "string"})
    job = ClaudeJob(prompt="{body}", output=given)
    given["properties"]["b"] = {"type": "string"}
    assert job.properties == ("a",)
