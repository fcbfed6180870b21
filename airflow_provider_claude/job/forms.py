"""Which forms of a JSON schema can be asked as a structured output and stored as a table, and what to write instead.

The API takes a subset of JSON Schema (https://platform.claude.com/docs/en/build-with-claude/structured-outputs). Bounds,
lengths and patterns are sent as descriptions by the SDK (`anthropic.transform_schema`) and enforced on our side. All else
is refused when the DAG is parsed, with the name of the field: what the SDK or the API would refuse later, and what no
column could hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from airflow_provider_claude.errors import JobError

#: Names of the answer table that no other column may take, in any letter case; see core.tables.
RESERVED_NAMES = frozenset({"item_id", "duplicate_of"})
RESERVED_PREFIX = "claude_"

#: The API refuses schemas with more optional parameters or unions than these.
MAX_OPTIONAL, MAX_UNIONS = 24, 16

TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")

#: The names that JSON Schema has for the types of JSON values; see `kinds_of`.
KINDS: dict[type, tuple[str, ...]] = {
    type(None): ("null",),
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    str: ("string",),
    list: ("array",),
}

_FREE_KEYS = (
    "has free keys, which structured outputs do not support. Name its fields, or use a list of {key, value} objects"
)
_A_CONDITION = (
    "is a condition, which structured outputs do not support. Make fields optional, or write anyOf with whole objects"
)
_POSITIONS = (
    "gives each position of a list its own schema (a tuple). Write an object with a named field for each, or a list of "
    "one type"
)
_REFERENCE = "is not supported. Write the schema under $defs, and refer to it by '#/$defs/NAME'"

#: Keywords that cannot be asked, and what to do instead.
_REFUSED: dict[str, str] = {
    "prefixItems": _POSITIONS,
    "additionalItems": _POSITIONS,
    "unevaluatedItems": _POSITIONS,
    "contains": "is not supported. Say in the prompt what the list has to hold, or give that its own field",
    "patternProperties": _FREE_KEYS,
    "propertyNames": _FREE_KEYS,
    "unevaluatedProperties": _FREE_KEYS,
    "not": "is not supported. Write what is allowed: a type or an enum",
    "allOf": "is not supported. Write one schema that holds all of its parts",
    "oneOf": "is beside anyOf. Write only one of them",
    "if": _A_CONDITION,
    "then": _A_CONDITION,
    "else": _A_CONDITION,
    "dependentRequired": _A_CONDITION,
    "dependentSchemas": _A_CONDITION,
    "dependencies": _A_CONDITION,
    "nullable": 'is a word of OpenAPI. Write a list of types, such as "type": ["string", "null"]',
    "definitions": _REFERENCE,
    "$id": _REFERENCE,
    "$anchor": _REFERENCE,
    "$dynamicRef": _REFERENCE,
    "$dynamicAnchor": _REFERENCE,
    "$recursiveRef": _REFERENCE,
    "$recursiveAnchor": _REFERENCE,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


#: Words that demand something of a value, and which values of theirs make sense.
_BOUNDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    "multipleOf": lambda value: _is_number(value) and value > 0,
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), lambda value: _is_number(value) and value >= 0),
    **dict.fromkeys(("pattern", "format"), lambda value: isinstance(value, str)),
    "uniqueItems": lambda value: isinstance(value, bool),
}

#: Words that only say something about a value, and which values of theirs make sense.
_NOTES: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("title", "description", "$comment"), lambda value: isinstance(value, str)),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), lambda value: isinstance(value, str)),
    **dict.fromkeys(("deprecated", "readOnly", "writeOnly"), lambda value: isinstance(value, bool)),
    "examples": lambda value: isinstance(value, list),
    "contentSchema": lambda value: isinstance(value, Mapping),
}

_OF_OBJECTS = frozenset({"properties", "required", "additionalProperties"})
_SHAPE = frozenset({"type", "enum", "const", "anyOf", "items", *_OF_OBJECTS})
#: What goes with a type.
_SHAPE_OF = {"object": _OF_OBJECTS, "array": frozenset({"items"})}


def anything(path: str) -> str:
    """What is wrong with a field that has no type."""
    return (
        f"output field {path} may hold anything, as Any and object do: structured outputs need a type. Write str, a number, "
        "an enum, a model, or a list of one of these."
    )


def check_names(properties: Iterable[str]) -> None:
    """Raise JobError where the root's *properties* cannot all be columns of the answer table.

    Names that differ by letter case alone are one column to Hive and to most warehouses.
    """
    seen: dict[str, str] = {}
    for name in properties:
        if not name.strip() or not name.isprintable():
            raise JobError(f"output has a field {name!r}: a column needs a name of visible characters.")
        if is_reserved(name):
            raise JobError(f"output has a field {name!r}: that name is taken by the answer table. Choose another.")
        folded = name.casefold()
        if folded in seen:
            raise JobError(
                f"output has fields {seen[folded]!r} and {name!r}: most warehouses ignore letter case. Rename one."
            )
        seen[folded] = name


def is_reserved(name: str) -> bool:
    """Whether *name*, in any letter case, is one that the answer table uses itself."""
    return name.casefold() in RESERVED_NAMES or name.casefold().startswith(RESERVED_PREFIX)


def check_words(path: str, node: Mapping[str, Any]) -> None:
    """Raise JobError where *node*, before its `$ref` is resolved, has a keyword with an invalid value, or a `$ref`
    with keywords beside it, which the SDK does not send.
    """
    for word, makes_sense in (_NOTES | _BOUNDS).items():
        if word in node and not makes_sense(node[word]):
            raise JobError(f"output field {path} has {word}: {node[word]!r}, which means nothing. Write another value.")
    beside = sorted(node.keys() & {*_SHAPE, *_BOUNDS, *_REFUSED}) if "$ref" in node else []
    if beside:
        raise JobError(
            f"output field {path} has {', '.join(beside)} beside $ref, which is not sent. Write them in the definition that "
            "$ref names."
        )


def check_form(path: str, node: Mapping[str, Any]) -> None:
    """Raise JobError where *node*, a resolved schema node at *path*, is not of a supported form."""
    for word in node:
        if word in _REFUSED:
            raise JobError(f"output field {path}: {word} {_REFUSED[word]}.")
    _check_kind(path, node)


def _check_kind(path: str, node: Mapping[str, Any]) -> None:
    if "enum" in node or "const" in node:
        _check_values(path, node)
    elif "anyOf" in node:
        _check_choice(path, node)
    elif "type" not in node:
        raise JobError(anything(path))
    elif node["type"] not in TYPES:
        raise JobError(f"output field {path} has the type {node['type']!r}: write one of {', '.join(TYPES)}.")
    elif beside := sorted(node.keys() & _SHAPE - {"type"} - _SHAPE_OF.get(node["type"], frozenset())):
        raise JobError(
            f"output field {path} has {', '.join(beside)}, which its type {node['type']!r} does not go with."
        )
    elif node["type"] == "object":
        _check_object(path, node)
    elif node["type"] == "array":
        _check_array(path, node)
    elif node["type"] == "null" and not path.endswith("]"):
        raise JobError(f"output field {path} can only be null: its column would hold nothing. Leave it out.")


def _check_values(path: str, node: Mapping[str, Any]) -> None:
    values = node["enum"] if "enum" in node else [node["const"]]
    if not isinstance(values, list) or not values:
        raise JobError(f"output field {path} has no values to choose from: write an enum with at least one.")
    if beside := sorted(node.keys() & _SHAPE - {"enum", "const", "type"}):
        raise JobError(f"output field {path} has {', '.join(beside)} beside its values. Write one of them.")
    for value in values:
        if not isinstance(value, str | int | float | None):
            raise JobError(f"output field {path} has the value {value!r}: write text, numbers, true, false or null.")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise JobError(f"output field {path} has the value {value}, which no column of whole numbers holds.")
        if "type" in node and node["type"] not in kinds_of(value):
            raise JobError(f"output field {path} has the value {value!r}, which is not of its type {node['type']!r}.")
    if set(values) == {None} and not path.endswith("]"):
        raise JobError(f"output field {path} can only be null: its column would hold nothing. Leave it out.")


def kinds_of(value: Any) -> tuple[str, ...]:
    """The names that JSON Schema has for the type of the JSON value *value*."""
    if isinstance(value, float) and value.is_integer():
        return ("integer", "number")
    return KINDS.get(type(value), ("object",))


def _check_choice(path: str, node: Mapping[str, Any]) -> None:
    if not isinstance(node["anyOf"], list) or not node["anyOf"]:
        raise JobError(f"output field {path} has an empty anyOf: write the schemas to choose from.")
    beside = sorted((node.keys() & _SHAPE) - {"anyOf"})
    if beside:
        raise JobError(f"output field {path} has {', '.join(beside)} beside anyOf. Write them in each of its schemas.")


def _check_object(path: str, node: Mapping[str, Any]) -> None:
    properties = node.get("properties")
    if node.get("additionalProperties", False) is not False or not isinstance(properties, Mapping) or not properties:
        raise JobError(
            f"output field {path} is an object that {_FREE_KEYS}. A model with extra='allow' gives the same: leave that out."
        )
    required = node.get("required", [])
    unknown = [name for name in required if name not in properties] if isinstance(required, list) else [required]
    if unknown:
        raise JobError(
            f"output field {path} requires {', '.join(map(repr, unknown))}, which its properties do not have."
        )
    if any(not name.isprintable() or not name for name in properties):
        raise JobError(f"output field {path} has a field without a name of visible characters.")


def _check_array(path: str, node: Mapping[str, Any]) -> None:
    items = node.get("items")
    if isinstance(items, list):
        raise JobError(f"output field {path}: a list of items {_POSITIONS}.")
    if items is None:
        raise JobError(
            f'output field {path} is a list of anything. Say of what: list[str], or "items": {{"type": ...}}.'
        )
