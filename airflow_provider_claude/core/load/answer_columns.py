"""A JSON schema as Arrow types: each property of the answer is a column, nested objects are structs.

Texts of the formats `date-time`, `date` and `time` are timestamps, dates and times, those of `decimal(10, 2)` decimals (see
`job.decimals`); other formats stay text. A union Arrow has no type for is kept as JSON text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pyarrow as pa

from airflow_provider_claude.core.tables import ANSWER_KEY_FIELDS, PROVENANCE_FIELDS, VOTES, with_columns
from airflow_provider_claude.job.decimals import DIGITS, decimal_of
from airflow_provider_claude.job.schema import resolve

_PLAIN: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "null": pa.null(),
}

#: The types of texts by their format. A moment without a zone is taken for UTC.
_FORMATS = {"date-time": pa.timestamp("us", tz="UTC"), "date": pa.date32(), "time": pa.time64("us")}

#: Metadata of a field whose values are kept as JSON text.
_AS_JSON = {b"json": b"true"}


def answer_type(schema: Mapping[str, Any]) -> pa.DataType:
    """The struct type of answers to *schema*, a column a field."""
    return _struct(resolve(schema, schema), schema)


def answer_schema(
    carry: Iterable[pa.Field], kind: pa.StructType, calibrated: str | None = None, *, votes: bool = False
) -> pa.Schema:
    """The schema of the answer table: keys, the columns carried along, the answer's own, that of the *calibrated* confidence if
    there is one, provenance, and that of the *votes* if there are any.
    """
    own = [field.remove_metadata() for field in kind]
    own += [pa.field(calibrated, pa.float64())] if calibrated else []
    return pa.schema([*with_columns(ANSWER_KEY_FIELDS, carry), *own, *PROVENANCE_FIELDS, *([VOTES] if votes else [])])


def _struct(node: Mapping[str, Any], root: Mapping[str, Any]) -> pa.DataType:
    return pa.struct([_field(name, child, root) for name, child in node["properties"].items()])


def _field(name: str, node: Mapping[str, Any], root: Mapping[str, Any]) -> pa.Field:
    kind = _type(node, root)
    return pa.field(name, pa.string(), metadata=_AS_JSON) if kind is None else pa.field(name, kind)


def _type(node: Mapping[str, Any], root: Mapping[str, Any]) -> pa.DataType | None:
    """The Arrow type of *node*; None where only JSON text can hold it."""
    node = resolve(node, root)
    variants = _variants(node)
    if variants is not None:
        kinds = {_type(variant, root) for variant in variants} - {pa.null()}
        return _common(kinds)
    kind = node.get("type")
    if kind == "object":
        return _struct(node, root)
    if kind == "array":
        child = _type(node["items"], root) if "items" in node else None
        return None if child is None or pa.types.is_null(child) else pa.list_(child)
    if kind == "string" and "enum" not in node and "const" not in node:
        return _type_of_text(node)
    return _PLAIN.get(kind) if isinstance(kind, str) else _type_of_values(node)


def _type_of_text(node: Mapping[str, Any]) -> pa.DataType:
    if (decimals := decimal_of(node)) is None:
        return _FORMATS.get(node.get("format", ""), pa.string())
    return (pa.decimal128 if decimals[0] <= DIGITS else pa.decimal256)(*decimals)


def _common(kinds: set[pa.DataType | None]) -> pa.DataType | None:
    """The one type of *kinds*. A decimal holds the numbers beside it, too."""
    decimals = {kind for kind in kinds if kind is not None and pa.types.is_decimal(kind)}
    if len(decimals) == 1:
        kinds = kinds - {pa.float64(), pa.int64()}
    return kinds.pop() if len(kinds) == 1 else None


def _variants(node: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in node:
            return list(node[keyword])
    kinds = node.get("type")
    return [{**node, "type": kind} for kind in kinds] if isinstance(kinds, list) else None


def _type_of_values(node: Mapping[str, Any]) -> pa.DataType | None:
    values = node.get("enum", [node["const"]] if "const" in node else [])
    kinds = {pa.scalar(value).type for value in values if value is not None}
    return kinds.pop() if len(kinds) == 1 else None


def json_columns(kind: pa.DataType) -> tuple[str, ...]:
    """The columns of *kind* whose values have to be written as JSON text, see `to_json_text`."""
    return tuple(field.name for field in kind if field.metadata == _AS_JSON)


def to_json_text(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
