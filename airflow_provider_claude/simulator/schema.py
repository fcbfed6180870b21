"""From a JSON schema to a maker of answers that fit it.

`compile_schema` reads a schema once and returns a function from a `Cue` (the text, its sentiment, seeded chance) to a
value. With *strict* it refuses what structured outputs refuse; without (tools that are not strict) it reads over what
it does not know and keeps number and length bounds.
Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from random import Random
from typing import Any

from airflow_provider_claude.simulator.errors import InvalidRequestError
from airflow_provider_claude.simulator.sentiment import sentiment
from airflow_provider_claude.simulator.strings import FORMATS, compile_pattern, excerpt

Json = Any
Maker = Callable[["Cue"], Json]
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
_TELLING = re.compile(r"summary|reason|topic|subject|title|quote|evidence|explanation|rationale|description|text")
_DEGREE = re.compile(r"confidence|score|probability|certainty|intensity")
_FEELING = re.compile(r"sentiment|label|polarity|tone|mood|feeling|class|category")
_ALARM = re.compile(r"inject|harm|phish|malicious|suspicious|attack")
_ALARMING = re.compile(r"ignore (?:all |any |the )*(?:previous|prior|above)|system prompt|jailbreak", re.IGNORECASE)


class Cue:
    """What an answer may depend on: the item's *text* and seeded chance. *drift*: write enums in another case."""

    def __init__(self, text: str, rng: Random, *, drift: bool = False) -> None:
        self.text = text
        self.rng = rng
        self.drift = drift

    @cached_property
    def feeling(self) -> dict[str, float]:
        """The VADER scores of the text, read at most once."""
        return sentiment(self.text)


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
            return partial(_constant, schema["const"])
        if "enum" in schema:
            return _enum_maker(schema["enum"], name)
        if "anyOf" in schema or (not self.strict and "oneOf" in schema):
            return self._any_of(schema.get("anyOf") or schema["oneOf"], name, trail)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            self.unions += 1
            return partial(_one_of, [self._typed({**schema, "type": one}, name, trail) for one in kind])
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
        return self.compile(self._resolve(target), name, (*trail, target))

    def _resolve(self, target: str) -> Json:
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
            merged = _merge(merged, self._resolve(part["$ref"]) if "$ref" in part else part)
        return merged

    def _any_of(self, branches: list[Json], name: str, trail: tuple[str, ...]) -> Maker:
        self.unions += 1
        makers = [self.compile(branch, name, trail) for branch in branches if not self._too_deep(branch, trail)]
        if not makers:
            raise InvalidRequestError(f"output_config.format.schema: {name or 'root'}: no branch can be chosen")
        return partial(_one_of, makers)

    def _too_deep(self, schema: Json, trail: tuple[str, ...]) -> bool:
        return not self.strict and isinstance(schema, dict) and schema.get("$ref") in trail

    def _typed(self, schema: dict[str, Json], name: str, trail: tuple[str, ...]) -> Maker:
        kind = schema["type"]
        makers: dict[str, Callable[[], Maker]] = {
            "object": lambda: self._object(schema, trail),
            "array": lambda: self._array(schema, name, trail),
            "string": lambda: _string_maker(schema, name),
            "number": lambda: partial(_real, _bounds(schema), bool(_DEGREE.search(name.lower()))),
            "integer": lambda: partial(_integer, _bounds(schema)),
            "boolean": lambda: partial(_boolean, bool(_ALARM.search(name.lower()))),
            "null": lambda: partial(_constant, None),
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
        return partial(_object, wanted, extra)

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
        return partial(_array, self.compile(schema.get("items", {}), name, trail), least, most)


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
    return maker


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


def _constant(value: Json, _cue: Cue) -> Json:
    return value


def _one_of(makers: list[Maker], cue: Cue) -> Json:
    return (makers[0] if len(makers) == 1 or cue.rng.random() < 0.8 else cue.rng.choice(makers))(cue)


def _object(wanted: list[tuple[str, Maker]], extra: list[tuple[str, Maker]], cue: Cue) -> dict[str, Json]:
    made = {name: make(cue) for name, make in wanted}
    made.update((name, make(cue)) for name, make in extra if cue.rng.random() < 0.7)
    return made


def _array(make: Maker, least: int, most: int, cue: Cue) -> list[Json]:
    return [make(cue) for _ in range(cue.rng.randint(least, max(least, min(most, least + 2))))]


def _boolean(alarm: bool, cue: Cue) -> bool:  # noqa: FBT001 - bound by partial
    return bool(_ALARMING.search(cue.text)) if alarm else cue.rng.random() < 0.5


def _bounds(schema: dict[str, Json]) -> tuple[float, float, float]:
    """Least, most and step; nothing given means 0 to 100, or from the one bound there is."""
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    high = schema.get("maximum", schema.get("exclusiveMaximum", max(low, 0) + 101) - 1)
    if "exclusiveMinimum" in schema and high <= schema["exclusiveMinimum"] + 1:
        low = high = (schema["exclusiveMinimum"] + schema.get("maximum", high + 1)) / 2
    return low, max(low, high), schema.get("multipleOf", 0)


def _integer(bounds: tuple[float, float, float], cue: Cue) -> int:
    low, high, step = bounds
    step = step or 1
    first, last = -int(-low // step), int(high // step)
    return int(cue.rng.randint(first, max(first, last)) * step)


def _real(bounds: tuple[float, float, float], degree: bool, cue: Cue) -> float:  # noqa: FBT001 - bound by partial
    low, high, step = bounds
    if step:
        return _integer((low / step, high / step, 1), cue) * step
    if degree and low <= 0 and high >= 1:
        return round(min(1.0, abs(cue.feeling["compound"])), 2)
    return min(high, max(low, round(cue.rng.uniform(low, high), 2)))


def _enum_maker(values: list[Json], name: str) -> Maker:
    words = {str(value).lower(): value for value in values if isinstance(value, str)}
    if not values:
        raise InvalidRequestError("output_config.format.schema: enum must not be empty")
    if {"positive", "negative"} <= words.keys() and (_FEELING.search(name.lower()) or len(words) <= 5):
        return partial(_felt, words)
    return partial(_choice, values)


def _felt(words: dict[str, str], cue: Cue) -> str:
    scores = cue.feeling
    compound = scores["compound"]
    if "mixed" in words and min(scores["pos"], scores["neg"]) >= 0.12 and abs(compound) < 0.6:
        return _drifted(words["mixed"], cue)
    if abs(compound) < 0.05 and "neutral" in words:
        return _drifted(words["neutral"], cue)
    return _drifted(words["positive" if compound >= 0 else "negative"], cue)


def _choice(values: list[Json], cue: Cue) -> Json:
    text = cue.text.lower()
    named = [value for value in values if isinstance(value, str) and value and value.lower() in text]
    value = cue.rng.choice(named or values)
    return _drifted(value, cue) if isinstance(value, str) else value


def _drifted(value: str, cue: Cue) -> str:
    if not cue.drift:
        return value
    return value.upper() if value != value.upper() else value.lower()


def _string_maker(schema: dict[str, Json], name: str) -> Maker:
    if "pattern" in schema:
        make = compile_pattern(schema["pattern"])
        return lambda cue: make(cue.rng)
    if "format" in schema and schema["format"] in FORMATS:
        form = FORMATS[schema["format"]]
        return lambda cue: form(cue.rng)
    words = 12 if _TELLING.search(name.lower()) else 4
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    return lambda cue: excerpt(cue.text, words).ljust(least, ".")[:most]
