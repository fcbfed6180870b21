"""Answers to a model of plain fields, validated as the objects of JSON that they are: 1 µs an answer of four fields, where an
instance of the model, and reading it, take 5.

Pydantic checks each field by the same schema as for the model. That goes for fields without functions of the user's own, which
hold texts, numbers, truths or words to choose from, under the names of the schema. All else, and every answer that is
not valid so, is left to the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator, core_schema

from airflow_provider_claude.core.load.answer_forms import Form

#: What the core schema of a model may have, beside what only names it or is about writing it.
_MODEL = frozenset({"type", "cls", "schema", "config", "ref", "metadata", "custom_init", "root_model", "serialization"})
_FIELDS = frozenset({"type", "fields", "model_name", "computed_fields"})
_FIELD = frozenset({"type", "schema", "frozen", "metadata", "serialization_exclude", "serialization_alias"})

_TYPES = {"str": str, "int": int, "float": float, "bool": bool}


class PlainValidator:
    """Validates answers by the schemas of the *fields* of a model, under *config*."""

    def __init__(self, fields: Mapping[str, Any], config: Any) -> None:
        typed = {name: core_schema.typed_dict_field(schema, required=True) for name, schema in fields.items()}
        self._validate = SchemaValidator(core_schema.typed_dict_schema(typed, config=config)).validate_json
        self._columns = len(typed)

    @classmethod
    def of(cls, model: type[BaseModel], form: Form) -> PlainValidator | None:
        """The validator of answers to *model*, whose schema has *form*; None where only the model can say what they hold."""
        outer: Any = model.__pydantic_core_schema__
        if (
            outer["type"] != "model"
            or not outer.keys() <= _MODEL
            or outer.get("custom_init")
            or outer.get("root_model")
        ):
            return None
        inner = outer["schema"]
        if inner["type"] != "model-fields" or not inner.keys() <= _FIELDS or model.__new__ is not object.__new__:
            return None
        fields = inner["fields"]
        if not all(field.keys() <= _FIELD for field in fields.values()) or fields.keys() != form.properties.keys():
            return None
        plain = {name: _without_default(field["schema"]) for name, field in fields.items()}
        if not all(_is_plain(schema, form.properties[name].as_is) for name, schema in plain.items()):
            return None
        return cls({name: _finite(schema) for name, schema in plain.items()}, outer.get("config"))

    def __call__(self, text: str) -> dict[str, Any] | None:
        """The columns of the answer *text*; None where only the model can validate it."""
        try:
            answer: dict[str, Any] = self._validate(text, strict=True)
        except ValidationError:
            return None
        return answer if len(answer) == self._columns else None


def _without_default(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """*schema* of a field that is there: what stands for it where it is not is the model's."""
    return _without_default(schema["schema"]) if schema["type"] == "default" else schema


def _finite(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """*schema*, which is plain, without fractions that are no number of JSON."""
    match schema:
        case {"type": "nullable", "schema": inner}:
            return {**schema, "schema": _finite(inner)}
        case {"type": "float"}:
            return {**schema, "allow_inf_nan": False}
    return schema


def _is_plain(schema: Mapping[str, Any], as_is: frozenset[type]) -> bool:
    """Whether values of *schema* are of exactly the types *as_is*."""
    match schema:
        case {"type": "nullable", "schema": inner}:
            return type(None) in as_is and _is_plain(inner, as_is)
        case {"type": "literal", "expected": expected}:
            return {type(value) for value in expected} <= as_is
        case {"type": kind}:
            return _TYPES.get(kind) in as_is
    return False
