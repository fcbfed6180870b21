"""From a JSON schema to a maker of answers that fit it.

`compile_schema` reads a schema once and returns a function from a `Cue` (the text, its sentiment, seeded chance) to a
value. With *strict* it refuses what structured outputs refuse; without (tools that are not strict) it reads over what
it does not know and keeps number and length bounds.
Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from airflow_provider_claude.simulator.http_errors import InvalidRequestError
from airflow_provider_claude.simulator.model.packed import element_schema, packed
from airflow_provider_claude.simulator.model.property_values import (
    Json,
    Maker,
    array_of,
    boolean,
    bounds_of,
    constant,
    enum_maker,
    integer,
    names_a_degree,
    names_an_alarm,
    object_of,
    one_of,
    real,
    string_maker,
)
from airflow_provider_claude.simulator.model.strings import excerpt

MAX_OPTIONAL = 24
MAX_UNIONS = 16
_REFUSED = frozenset(
    [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "contains",
        "minContains",
        "maxContains",
        "prefixItems",
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
        "not",
        "if",
        "then",
        "else",
        "oneOf",
        "dependentRequired",
        "dependentSchemas",
        "unevaluatedItems",
        "unevaluatedProperties",
    ]
)
_DEEPEST = 6


class _Compiler:
    """One walk over one schema; counts optional and union parameters on the way."""

    def __init__(self, root: Mapping[str, Json], *, strict: bool) -> None:
        self.root = root
        self.strict = strict
        self.optional = 0
        self.unions = 0

    def compile(self, schema: Json, name: str, trail: tuple[str, ...] = ()) -> Maker:
        """The maker for *schema*, the value of property *name*; *trail* holds the references on the way here."""
        if schema is True or schema == {}:
            return lambda cue: excerpt(cue.text, 4)
        if not isinstance(schema, dict):
            raise InvalidRequestError(f"output_config.format.schema: {name or 'root'}: not a schema")
        if "$ref" in schema:
            return self._reference(schema, name, trail)
        if "allOf" in schema:
            return self.compile(self._merged(schema), name, trail)
        self._refuse_unknown(schema, name)
        return self._value(schema, name, trail)

    def _value(self, schema: dict[str, Json], name: str, trail: tuple[str, ...]) -> Maker:
        if "const" in schema:
            return partial(constant, schema["const"])
        if "enum" in schema:
            return enum_maker(schema["enum"], name)
        if "anyOf" in schema or (not self.strict and "oneOf" in schema):
            return self._any_of(schema.get("anyOf") or schema["oneOf"], name, trail)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            self.unions += 1
            return partial(one_of, [self._typed({**schema, "type": one}, name, trail) for one in kind])
        return self._typed({**schema, "type": kind}, name, trail)

    def _refuse_unknown(self, schema: dict[str, Json], name: str) -> None:
        if not self.strict:
            return
        for key in sorted(_REFUSED & schema.keys()):
            kind = schema.get("type", "this")
            raise InvalidRequestError(
                f"output_config.format.schema: For '{kind}' type, property '{key}' is not supported ({name or 'root'})"
            )
        if schema.get("minItems", 0) not in {0, 1}:
            raise InvalidRequestError(
                "output_config.format.schema: For 'array' type, 'minItems' values other than 0 or 1 are not supported"
            )

    def _reference(self, schema: dict[str, Json], name: str, trail: tuple[str, ...]) -> Maker:
        target = schema["$ref"]
        if not isinstance(target, str) or not target.startswith("#"):
            raise InvalidRequestError(f"output_config.format.schema: external $ref {target!r} is not supported")
        if target in trail and (self.strict or trail.count(target) >= _DEEPEST):
            raise InvalidRequestError(f"output_config.format.schema: recursive $ref {target!r} is not supported")
        return self.compile(self.resolve(target), name, (*trail, target))

    def resolve(self, target: str) -> Json:
        """What an internal reference points at."""
        found: Json = self.root
        for part in target.removeprefix("#").strip("/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if key and (not isinstance(found, dict) or key not in found):
                raise InvalidRequestError(f"output_config.format.schema: $ref {target!r} points nowhere")
            found = found[key] if key else found
        return found

    def _merged(self, schema: dict[str, Json]) -> dict[str, Json]:
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            if self.strict and "$ref" in part:
                raise InvalidRequestError("output_config.format.schema: allOf with $ref is not supported")
            merged = _merge(merged, self.resolve(part["$ref"]) if "$ref" in part else part)
        return merged

    def _any_of(self, branches: list[Json], name: str, trail: tuple[str, ...]) -> Maker:
        self.unions += 1
        makers = [self.compile(branch, name, trail) for branch in branches if not self._too_deep(branch, trail)]
        if not makers:
            raise InvalidRequestError(f"output_config.format.schema: {name or 'root'}: no branch can be chosen")
        return partial(one_of, makers)

    def _too_deep(self, schema: Json, trail: tuple[str, ...]) -> bool:
        return not self.strict and isinstance(schema, dict) and schema.get("$ref") in trail

    def _typed(self, schema: dict[str, Json], name: str, trail: tuple[str, ...]) -> Maker:
        kind = schema["type"]
        makers: dict[str, Callable[[], Maker]] = {
            "object": lambda: self._object(schema, trail),
            "array": lambda: self._array(schema, name, trail),
            "string": lambda: string_maker(schema, name),
            "number": lambda: partial(real, bounds_of(schema), names_a_degree(name)),
            "integer": lambda: partial(integer, bounds_of(schema)),
            "boolean": lambda: partial(boolean, names_an_alarm(name)),
            "null": lambda: partial(constant, None),
        }
        if kind not in makers:
            raise InvalidRequestError(f"output_config.format.schema: type {kind!r} is not supported")
        return makers[kind]()

    def _object(self, schema: dict[str, Json], trail: tuple[str, ...]) -> Maker:
        if self.strict and schema.get("additionalProperties") is not False:
            raise InvalidRequestError(
                "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
            )
        properties, required = schema.get("properties", {}), schema.get("required", [])
        wanted = [(name, self.compile(properties.get(name, {}), name, trail)) for name in required]
        extra = []
        for name, part in properties.items():
            if name in required or self._reaches(part, trail):
                continue
            self.optional += 1
            extra.append((name, self.compile(part, name, trail)))
        return partial(object_of, wanted, extra)

    def _reaches(self, schema: Json, trail: tuple[str, ...]) -> bool:
        """Whether an optional part leads back to where we are; without *strict* it is left out."""
        if self.strict or not isinstance(schema, dict):
            return False
        parts = [schema, schema.get("items"), *schema.get("anyOf", [])]
        return any(isinstance(part, dict) and part.get("$ref") in trail for part in parts)

    def _array(self, schema: dict[str, Json], name: str, trail: tuple[str, ...]) -> Maker:
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", max(least, 3))
        if least == 0 and self._too_deep(schema.get("items"), trail):
            return lambda _cue: []
        return partial(array_of, self.compile(schema.get("items", {}), name, trail), least, most)


def compile_schema(schema: Json, *, strict: bool = True) -> Maker:
    """The maker of answers for *schema*.

    Raises InvalidRequestError for what structured outputs do not support, and for schemas too complex.
    """
    if not isinstance(schema, dict):
        raise InvalidRequestError("output_config.format.schema: Input should be a valid dictionary")
    compiler = _Compiler(schema, strict=strict)
    try:
        maker = compiler.compile(schema, "")
    except (TypeError, AttributeError, KeyError) as error:
        raise InvalidRequestError(f"output_config.format.schema: not a valid JSON schema: {error}") from error
    if strict and (compiler.optional > MAX_OPTIONAL or compiler.unions > MAX_UNIONS):
        raise InvalidRequestError("Schema is too complex for compilation.")
    part = element_schema(schema, compiler.resolve)
    return maker if part is None else partial(packed, _Compiler(schema, strict=strict).compile(part, ""), maker)


def _merge(left: dict[str, Json], right: dict[str, Json]) -> dict[str, Json]:
    merged = {**left, **right}
    if "properties" in left and "properties" in right:
        merged["properties"] = {**left["properties"], **right["properties"]}
    if "required" in left and "required" in right:
        merged["required"] = [*left["required"], *(key for key in right["required"] if key not in left["required"])]
    if "enum" in left and "enum" in right:
        merged["enum"] = [value for value in left["enum"] if value in right["enum"]]
    if "allOf" in left and "allOf" in right:
        merged["allOf"] = [*left["allOf"], *right["allOf"]]
    return merged
