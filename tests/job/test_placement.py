"""Which answers have room for long free text."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.placement import long_texts, placing_of
from tests.context import spec_of

SHORT = {"type": "string", "maxLength": 200}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def many(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": most}


@pytest.mark.parametrize(
    "node",
    [
        {"type": "string", "enum": ["a", "b" * 500]},
        {"const": "a"},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "decimal(10, 2)"},
        SHORT,
        {"anyOf": [SHORT, {"type": "null"}]},
        many(SHORT, 10),
        {"type": "array", "items": {"enum": ["a", "b"]}},
        {"$ref": "#/$defs/X"},
        schema(a=SHORT, b=many({"type": "string", "maxLength": 20}, 5)),
    ],
)
def test_labels_numbers_and_short_bounded_texts_are_short(node: dict[str, Any]) -> None:
    root = {**schema(x=node), "$defs": {"X": SHORT}}
    assert long_texts(root) == ()
    assert placing_of("auto", root) == "auto"


@pytest.mark.parametrize(
    "node",
    [
        {"type": "string"},
        {"type": "string", "maxLength": 201},
        {"type": "string", "format": "uri"},
        {"type": "string", "pattern": "^a*$"},
        {"anyOf": [{"type": "null"}, {"type": "string"}]},
        {"type": "array", "items": SHORT},
        many(SHORT, 11),
        schema(a={"type": "number"}, b={"type": "string"}),
    ],
)
def test_a_text_or_list_of_texts_that_is_not_bounded_is_long(node: dict[str, Any]) -> None:
    root = schema(label={"enum": ["a", "b"]}, title=SHORT, x=node)
    assert "x" in long_texts(root)
    assert placing_of("auto", root) == "tool_result"
    assert [placing_of(one, root) for one in ("user", "tool_result")] == ["user", "tool_result"]


def test_of_unbounded_and_short_texts_only_the_unbounded_are_named() -> None:
    assert long_texts(schema(title=SHORT, summary={"type": "string"})) == ("summary",)


def test_many_short_texts_together_are_long() -> None:
    root = schema(**{f"t{n}": SHORT for n in range(11)}, label={"enum": ["a"]})
    assert long_texts(root) == tuple(f"t{n}" for n in range(11))


@pytest.mark.parametrize(("most", "places"), [(200, ["user", "tool_result"]), (201, ["tool_result"] * 2)])
def test_the_answer_and_the_doubt_decide_where_a_row_stands(most: int, places: list[str]) -> None:
    output = {**schema(x={"type": "string", "maxLength": most}), "required": ["x"], "additionalProperties": False}
    spec = spec_of(ClaudeJob(prompt="{a}", output=output))
    assert [spec.placed(in_doubt=one) for one in (False, True)] == places
