"""Which fields of two answers to the same row can be compared, and when they are the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.schema import resolve

#: Numbers agree within this share of the range that the schema gives, or of the larger of both where it gives none.
TOLERANCE = 0.1

Same = Callable[[Any, Any], bool]

#: Answers by item: the value of each field.
Answers = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class NoAnswer:
    """What stands for the value of each field where the model was asked and gave no valid answer: it was `refused`, `truncated`
    or `invalid`, as the *outcome* says. It is the same as no value, and is never right.
    """

    outcome: str


class Comparable(NamedTuple):
    """A field with *labels* (booleans are two), which are the same or not; or with *numbers*, of a range of *span* where it is
    known.
    """

    numbers: bool = False
    span: float | None = None
    labels: tuple[Any, ...] = ()

    def same(self, one: Any, other: Any) -> bool:
        if isinstance(one, NoAnswer) or isinstance(other, NoAnswer):
            return False
        if not self.numbers:
            return bool(one == other)
        if one is None or other is None:
            return one is other
        return bool(abs(one - other) <= TOLERANCE * (max(abs(one), abs(other)) if self.span is None else self.span))


def valid(answers: Answers) -> Answers:
    """Those of *answers* that are no NoAnswer."""
    return {item: row for item, row in answers.items() if not any(isinstance(one, NoAnswer) for one in row.values())}


def comparable(schema: Mapping[str, Any]) -> dict[str, Comparable]:
    """The fields of answers to *schema* that can be compared: labels, booleans, and numbers within TOLERANCE."""
    return dict(_comparable(schema))


def label(value: Any) -> str:
    """*value* of a field of labels, as people read it; `(refused)` and the like where there is none."""
    if isinstance(value, NoAnswer):
        return f"({value.outcome})"
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
