"""A schema that a job accepts fails nowhere later: not in the SDK, not at the API, not as a table."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_claude.core.load.answer_columns import answer_type
from airflow_provider_claude.core.load.prompt_leaks import free_columns
from airflow_provider_claude.core.load.validate import validator_for
from airflow_provider_claude.core.packing.pack_encoder import packed_schema
from airflow_provider_claude.core.report.summary import asked
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.gateway.output_schema import api_schema
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.schema import check_compiles
from airflow_provider_claude.simulator.model.answer_maker import compile_schema

TYPES = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
NAMES = st.sampled_from(["a", "b", "A b", "ä", "id", "check", "$ref", "type"])
ODD = st.sampled_from([None, True, False, 0, -1, "x", [], {}, [1], {"type": "string"}])


def nodes(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    words = {
        "type": TYPES | st.lists(TYPES, max_size=3),
        "enum": st.lists(SCALARS, max_size=3),
        "const": SCALARS,
        "properties": st.dictionaries(NAMES, children, max_size=3),
        "required": st.lists(NAMES, max_size=2),
        "additionalProperties": st.booleans(),
        "items": children | st.lists(children, max_size=2),
        "anyOf": st.lists(children, max_size=3),
        "oneOf": st.lists(children, max_size=3),
        "allOf": st.lists(children, max_size=2),
        "$ref": st.sampled_from(["#/$defs/A", "#/$defs/B", "#/$defs/C", "#", "#/properties/a"]),
        "minimum": st.integers(-5, 5),
        "maxLength": st.integers(-1, 5),
        "pattern": st.sampled_from(["^a", "(", "[0-9]{3}"]),
        "format": st.sampled_from(["date-time", "binary", "uuid"]),
        "minItems": st.integers(-1, 3),
        "uniqueItems": st.booleans(),
        "title": st.text(max_size=3),
        "description": st.text(max_size=3),
        "default": SCALARS,
        "not": children,
        "prefixItems": st.lists(children, max_size=1),
        "nullable": st.booleans(),
        "x-unit": SCALARS,
    }
    whole = st.fixed_dictionaries({}, optional=words)
    known = st.one_of(
        st.fixed_dictionaries({"type": st.sampled_from(["string", "integer", "number", "boolean"])}),
        st.fixed_dictionaries({"enum": st.lists(SCALARS, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"type": st.just("array"), "items": children}),
        st.fixed_dictionaries({"anyOf": st.lists(children, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"$ref": st.sampled_from(["#/$defs/A", "#/$defs/B"])}),
        st.dictionaries(NAMES, children, min_size=1, max_size=3).map(
            lambda named: {"type": "object", "properties": named, "required": list(named)[:1]}
        ),
    )
    one_odd = st.builds(lambda node, word, value: {**node, word: value}, known, st.sampled_from(sorted(words)), ODD)
    return known | known | known | one_odd | whole


NODES = st.recursive(st.just({"type": "string"}) | ODD, nodes, max_leaves=5)
SCHEMAS = st.builds(
    lambda properties, definitions, more: {"type": "object", "properties": properties, "$defs": definitions, **more},
    st.dictionaries(NAMES, NODES, min_size=1, max_size=4),
    st.fixed_dictionaries({"A": NODES, "B": NODES}),
    st.sampled_from([{}, {}, {}, {"required": ["a"]}, {"$schema": "x"}, {"title": 5}, {"additionalProperties": False}]),
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(SCHEMAS)
def test_a_schema_is_refused_as_the_job_is_made_or_never(schema: dict[str, Any]) -> None:
    try:
        job = ClaudeJob(prompt="{body}", output=schema)
    except JobError:
        return
    sent = api_schema(job.schema)
    check_compiles(job.schema)
    compile_schema(sent)
    compile_schema(packed_schema(sent))
    free_columns(job.schema)
    validator_for(job)
    asked("m", job.schema, prompt_hash="", schema_hash="")
    assert isinstance(answer_type(job.schema), pa.StructType)
