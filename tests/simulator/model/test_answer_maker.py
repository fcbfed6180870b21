"""Whatever the schema of the subset, answers fit it; jsonschema is the judge."""

from __future__ import annotations

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_claude.simulator.http_errors import InvalidRequestError
from airflow_provider_claude.simulator.model.answer_maker import compile_schema
from airflow_provider_claude.simulator.model.property_values import Cue
from airflow_provider_claude.simulator.model.strings import FORMATS

NAMES = st.sampled_from(["sentiment", "confidence", "summary", "topic", "is_harmful", "count", "tags", "x", "äö"])
SCALARS = st.one_of(st.text(max_size=8), st.integers(-5, 5), st.booleans(), st.none())
PATTERNS = st.sampled_from(["^[A-Z]{2}-\\d{3}$", "^(yes|no)$", "a+b?c*", "^[^x]\\w$", "^\\S+@\\S+$", "[\\d_]{2,}"])


def _strings():
    return st.one_of(
        st.just({"type": "string"}),
        st.sampled_from(sorted(FORMATS)).map(lambda form: {"type": "string", "format": form}),
        PATTERNS.map(lambda pattern: {"type": "string", "pattern": pattern}),
    )


LEAVES = st.one_of(
    _strings(),
    st.sampled_from(["number", "integer", "boolean", "null"]).map(lambda kind: {"type": kind}),
    st.just({"type": ["string", "null"]}),
    st.lists(SCALARS, min_size=1, max_size=4).map(lambda values: {"enum": values}),
    st.just({"type": "string", "enum": ["Positive", "negative", "mixed"]}),
    SCALARS.map(lambda value: {"const": value}),
    st.just({"$ref": "#/$defs/leaf"}),
    st.just({"allOf": [{"type": "string"}, {"enum": ["a", "b"]}]}),
)


@st.composite
def _objects(draw, children):
    properties = draw(st.dictionaries(NAMES, children, max_size=4))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _array(items, least):
    return {"type": "array", "items": items, "minItems": least}


def _nested(children):
    return st.one_of(
        _objects(children),
        st.builds(
            lambda items, least: {"type": "array", "items": items, "minItems": least}, children, st.integers(0, 1)
        ),
        st.lists(children, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
    )


SCHEMAS = st.recursive(LEAVES, _nested, max_leaves=8)


@settings(max_examples=300, deadline=None)
@given(schema=SCHEMAS, text=st.text(max_size=60), seed=st.integers(0, 2**32))
def test_answers_fit_their_schema(schema, text, seed):
    """For random schemas of the documented subset, random texts and seeds."""
    schema = schema | {"$defs": {"leaf": {"type": "integer"}}}
    try:
        make = compile_schema(schema)
    except InvalidRequestError as error:
        assert error.message == "Schema is too complex for compilation."  # noqa: PT017 - the only reason there may be
        return
    answer = make(Cue(text, seed))
    jsonschema.validate(answer, schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def _object(**properties):
    return {"type": "object", "properties": properties, "required": [], "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 1},
        {"type": "string", "maxLength": 5},
        {"type": "array", "items": {"type": "string"}, "minItems": 2},
        {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {}, "additionalProperties": True},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/$defs/nowhere"},
        {"$defs": {"node": _object(child={"$ref": "#/$defs/node"})}, "$ref": "#/$defs/node"},
        {"$defs": {"leaf": {"type": "string"}}, "allOf": [{"$ref": "#/$defs/leaf"}]},
        {"oneOf": [{"type": "string"}]},
        {"type": "string", "pattern": "(?=x)x"},
        {"type": "string", "pattern": "(a)\\1"},
        {"type": "string", "pattern": "("},
        {"type": "thing"},
        {"enum": []},
        {"type": "array", "items": 7},
        "not a schema",
    ],
)
def test_unsupported_schemas_are_refused(schema):
    """Bounds, recursion, open objects, external references, clever patterns."""
    with pytest.raises(InvalidRequestError):
        compile_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        _object(**{f"p{index}": {"type": "string"} for index in range(25)}),
        _object(p={"anyOf": [{"anyOf": [{"type": "string"}]} for _ in range(17)]}),
    ],
)
def test_too_complex_schemas_are_refused(schema):
    """More than 24 optional parameters, or 16 unions."""
    with pytest.raises(InvalidRequestError, match=r"Schema is too complex for compilation\."):
        compile_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 4}}, "required": ["n"]},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "string", "minLength": 50, "maxLength": 60},
        {"type": "integer", "multipleOf": 7, "minimum": 10},
        {"type": "array", "items": {"type": "boolean"}, "minItems": 4, "maxItems": 4},
        {
            "$defs": {
                "node": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}
            },
            "$ref": "#/$defs/node",
        },
        {
            "$defs": {
                "node": {
                    "type": "object",
                    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
                    "required": ["next"],
                }
            },
            "$ref": "#/$defs/node",
        },
    ],
)
def test_tools_that_are_not_strict_may_ask_more(schema):
    """Bounds and recursion are kept for tools without `strict`."""
    make = compile_schema(schema, strict=False)
    for seed in range(50):
        jsonschema.validate(make(Cue("Some text", seed)), schema)


def test_required_properties_come_first():
    """As the API orders them."""
    schema = _object(a={"type": "string"}, b={"type": "string"}) | {"required": ["b"]}
    make = compile_schema(schema)
    assert all(next(iter(make(Cue("t", seed)))) == "b" for seed in range(20))
