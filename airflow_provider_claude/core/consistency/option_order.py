"""The options of a schema in another order: what a model answers should not depend on which option comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from airflow_provider_claude.core.consistency.asked_again import AskedAgain
from airflow_provider_claude.job.schema import resolve
from airflow_provider_claude.job.spec import JobSpec

#: Keywords whose values are no schemas, and those whose values are schemas by name.
_VALUES = frozenset({"const", "default", "examples"})
_NAMED = frozenset({"properties", "$defs"})


def with_options_reversed(job: JobSpec) -> JobSpec:
    """*job* with the options of each `enum` of its schema in reverse. Its prompt and its examples stay as they are."""
    return msgspec.structs.replace(
        job, schema=options_reversed(job.schema), answer_schema=options_reversed(job.answer_schema)
    )


def options_reversed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """*schema* with the options of each `enum` in reverse."""
    found: dict[str, Any] = _reversed(schema)
    return found


def fields_with_options(schema: Mapping[str, Any]) -> list[str]:
    """The fields of answers to *schema* that have options to reverse."""
    properties = resolve(schema, schema)["properties"]
    return [name for name, node in properties.items() if _has_options(node, schema)]


def order_sentence(found: AskedAgain) -> str:
    """How many answers stayed the same with the options in reverse, in the field where fewest did."""
    weakest = found.weakest
    if weakest is None:
        return f"{found.asked:,} rows were asked with the options in reverse; none of them has two answers to compare."
    agreement = weakest.agreement
    return (
        f"With the options of the schema in reverse, {agreement.value:.1%} of {weakest.rows:,} rows got the same "
        f"{weakest.field} (95% interval: {agreement.low:.1%} to {agreement.high:.1%})."
    )


def _reversed(node: Any) -> Any:
    if isinstance(node, list):
        return [_reversed(one) for one in node]
    return {word: _part(word, value) for word, value in node.items()} if isinstance(node, Mapping) else node


def _part(word: str, value: Any) -> Any:
    if word == "enum":
        return value[::-1]
    if word in _NAMED and isinstance(value, Mapping):
        return {name: _reversed(one) for name, one in value.items()}
    return value if word in _VALUES else _reversed(value)


def _has_options(node: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    whole = resolve(node, root)
    return len(whole.get("enum", ())) > 1 or any(_has_options(one, root) for one in whole.get("anyOf", ()))
