"""Which fields of two answers to the same row can be compared, and when they are the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any, NamedTuple

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.schema import resolve

#: Numbers agree within this share of the range that the schema gives, or of the larger of both where it gives none.
TOLERANCE = 0.1

Same = Callable[[Any, Any], bool]

#: Answers by item: the value of each field.
Answers = Mapping[str, Mapping[str, Any]]


class Comparable(NamedTuple):
    """A field with *labels* (booleans are two), which are the same or not; or with *numbers*, of a range of *span* where it is
    known.
    """

    numbers: bool = False
    span: float | None = None
    labels: tuple[Any, ...] = ()

    def same(self, one: Any, other: Any) -> bool:
        if not self.numbers:
            return bool(one == other)
        if one is None or other is None:
            return one is other
        return bool(abs(one - other) <= TOLERANCE * (max(abs(one), abs(other)) if self.span is None else self.span))


def comparable(schema: Mapping[str, Any]) -> dict[str, Comparable]:
    """The fields of answers to *schema* that can be compared: labels, booleans, and numbers within TOLERANCE."""
    return dict(_comparable(schema))


def label(value: Any) -> str:
    """*value* of a field of labels, as people read it."""
    return value if isinstance(value, str) else json.dumps(value)


def known_value(kind: Comparable, field: str, value: Any, row: str) -> Any:
    """*value*, which a table has for *field* of *row*, as an answer has it; None where it is not known.

    Raises JobError where no answer can have it.
    """
    if value is None or value == "":
        return None
    try:
        if kind.numbers and isfinite(float(value)):
            return float(value)
        return next(one for one in kind.labels if label(one) == label(value))
    except (ValueError, StopIteration):
        can = "a number" if kind.numbers else f"one of {', '.join(map(label, kind.labels))}"
        raise JobError(
            f"The golden row {row!r:.80} has {value!r:.80} for {field}: write {can}, or leave it empty."
        ) from None


def _comparable(schema: Mapping[str, Any]) -> Iterator[tuple[str, Comparable]]:
    for name, node in resolve(schema, schema)["properties"].items():
        found = _of(_without_null(node, schema))
        if found is not None:
            yield name, found


def _without_null(node: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """*node*, or the one thing that it is where it is not null."""
    whole = resolve(node, root)
    choices = [resolve(one, root) for one in whole.get("anyOf", ())]
    values = [one for one in choices if one.get("type") != "null"]
    return values[0] if len(values) == 1 else whole


def _of(node: Mapping[str, Any]) -> Comparable | None:
    kind = node.get("type")
    kinds = {kind} if isinstance(kind, str) else set(kind or ()) - {"null"}
    if "enum" in node:
        return Comparable(labels=tuple(node["enum"]))
    if kinds == {"boolean"}:
        return Comparable(labels=(True, False))
    if kinds and kinds <= {"integer", "number"}:
        low, high = node.get("minimum"), node.get("maximum")
        return Comparable(numbers=True, span=None if low is None or high is None else float(high - low))
    return None
