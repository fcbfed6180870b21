"""A Pydantic model as the JSON schema that is asked, and by which names of it the model's fields are read.

The schema names a field as validation reads it (`alias`, `validation_alias`, an alias generator), and so does its column.
How a model is serialised (`serialization_alias`, `exclude`, serializers, computed fields) plays no part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, AliasPath, BaseModel, RootModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.decimals import decimal_format


def model_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of what *model* validates. Raises JobError where it has none, or could not read answers to it."""
    classes: list[type] = []

    class Generator(GenerateJsonSchema):
        def decimal_schema(self, schema: Any) -> Any:
            return _as_decimal(super().decimal_schema(schema), schema)

        def model_schema(self, schema: Any) -> Any:
            classes.append(schema["cls"])
            return super().model_schema(schema)

        def dataclass_schema(self, schema: Any) -> Any:
            classes.append(schema["cls"])
            return super().dataclass_schema(schema)

    try:
        schema = model.model_json_schema(schema_generator=Generator)
    except Exception as e:
        reason = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise JobError(f"output {model.__name__} has no JSON schema, so it cannot be asked for: {reason}") from e
    for cls in classes:
        _check_readable(cls)
    if not issubclass(model, RootModel) and isinstance(schema.get("properties"), dict):
        _check_all_read(model, schema["properties"])
    return schema


def _as_decimal(reason: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema *reason* of the decimals of the core schema *schema*, with their format."""
    written = decimal_format(schema.get("max_digits"), schema.get("decimal_places"))
    if written is None or "anyOf" not in reason:
        return reason
    numbers = [choice for choice in reason["anyOf"] if choice.get("type") != "string"]
    return {**reason, "anyOf": [*numbers, {"type": "string", "format": written}]}


def schema_names(cls: type) -> dict[str, str]:
    """The schema's name of each field of *cls*, a model or a dataclass, and the attribute that holds it."""
    fields: dict[str, FieldInfo] = getattr(cls, "__pydantic_fields__", {})
    if not fields:
        return {name: name for name in getattr(cls, "__dataclass_fields__", {})}
    return {_schema_name(cls, name, field): name for name, field in fields.items()}


def _schema_name(cls: type, name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    for choice in choices:
        match choice:
            case None:
                return name
            case str():
                return choice
            case AliasPath(path=[str(only)]):
                return only
    raise JobError(
        f"output {cls.__name__}.{name} is read by an AliasPath, which a JSON schema cannot name. Write "
        f"Field(alias=...) with one name, or model the nesting."
    )


def _check_readable(cls: type) -> None:
    """Raise JobError where a schema by aliases could not be read by *cls*."""
    config = getattr(cls, "model_config", None) or getattr(cls, "__pydantic_config__", None) or {}
    aliases = sorted(alias for alias, name in schema_names(cls).items() if alias != name)
    if aliases and config.get("validate_by_alias") is False:
        raise JobError(
            f"output {cls.__name__} has the aliases {', '.join(aliases)} and validate_by_alias=False: it could not read "
            "answers to its own schema. Remove the aliases, or validate_by_alias."
        )


def _check_all_read(model: type[BaseModel], properties: dict[str, Any]) -> None:
    unread = sorted(properties.keys() - schema_names(model).keys())
    if unread:
        raise JobError(
            f"output {model.__name__} has {', '.join(unread)} in its schema, which none of its fields reads. Make it a "
            "field, or take it out of json_schema_extra."
        )
