"""What a second answer to the same rows has shown, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from airflow_provider_claude.core.consistency.agreement import Interval, Pairs, alpha, share
from airflow_provider_claude.core.consistency.comparable import Answers, Comparable, label

#: What can be subtracted: neither null nor NoAnswer.
_NUMBER = (int, float)

#: So many pairs that differ are named for each field.
_MOST_NAMED = 50


class Differing(msgspec.Struct, frozen=True, kw_only=True):
    """The two answers of one item in a *field*, which are not the same."""

    item_id: str
    field: str
    first: str
    second: str


class FieldAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far the two answers to *rows* rows agree in a *field*: the share of rows where they are the same.

    For labels and booleans, `kappa` is Cohen's, None where all answers are one label; `by_label` the same share by the first
    answer, most frequent first; `flips` which label became which, and how often. For numbers, which are the same within a
    tenth of their range, `mean_absolute` is their mean difference without its sign, and `alpha` Krippendorff's, None where all
    are one number. Where it is known how often each label is among all answers, `agreement` is weighted by that.
    """

    field: str
    rows: int
    same: int
    agreement: Interval
    kappa: Interval | None = None
    by_label: dict[str, Interval] = {}
    flips: list[tuple[str, str, int]] = []
    mean_absolute: float | None = None
    alpha: Interval | None = None

    @property
    def has_labels(self) -> bool:
        return self.mean_absolute is None


class AskedAgain(msgspec.Struct, frozen=True, kw_only=True):
    """What asking *asked* items a second time has shown: *compared* of them have a valid answer, and the model was asked again.
    A second time without a valid answer (refused, truncated or invalid) is not the same. `differing` are the first pairs of each
    field that are not the same.
    """

    asked: int
    compared: int
    fields: list[FieldAgreement]
    differing: list[Differing]

    @property
    def weakest(self) -> FieldAgreement | None:
        """The field with the least agreement: one with labels, where there are any. None where no rows are compared."""
        labels = [one for one in self.fields if one.has_labels]
        return min(labels or self.fields, key=lambda one: one.agreement.value, default=None)

    def sentence(self) -> str:
        """How consistent the answers were."""
        weakest = self.weakest
        if weakest is None:
            return f"{self.asked:,} rows were asked a second time; none of them has two answers to compare."
        agreement = weakest.agreement
        least = sum(one.has_labels == weakest.has_labels for one in self.fields) > 1
        beside = ", the field that agreed least" if least else ""
        return (
            f"Of {weakest.rows:,} rows that were asked a second time, {agreement.value:.1%} got the same {weakest.field} "
            f"(95% interval: {agreement.low:.1%} to {agreement.high:.1%}){beside}."
        )


def asked_again(
    fields: Mapping[str, Comparable],
    first: Answers,
    second: Answers,
    *,
    asked: int,
    night: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
) -> AskedAgain:
    """How far the *first* and *second* answers to the same *asked* items agree in *fields*. *night*: all answers by label, by
    field.
    """
    items = sorted(first.keys() & second.keys())
    pairs = {name: [(first[item][name], second[item][name]) for item in items] for name in fields}
    return AskedAgain(
        asked=asked,
        compared=len(items),
        fields=[_field(name, kind, pairs[name], night.get(name)) for name, kind in fields.items() if items],
        differing=[one for name, kind in fields.items() for one in _differing(name, kind, items, pairs[name])],
    )


def _differing(
    name: str, kind: Comparable, items: Sequence[str], values: Sequence[tuple[Any, Any]]
) -> Iterator[Differing]:
    found = (
        Differing(item_id=item, field=name, first=label(one), second=label(other))
        for item, (one, other) in zip(items, values, strict=True)
        if not kind.same(one, other)
    )
    return islice(found, _MOST_NAMED)


def _field(
    name: str, kind: Comparable, values: Sequence[tuple[Any, Any]], night: Mapping[str, int] | None
) -> FieldAgreement:
    return _of_numbers(name, kind, values) if kind.numbers else _of_labels(name, values, night)


def _of_labels(name: str, values: Sequence[tuple[Any, Any]], night: Mapping[str, int] | None) -> FieldAgreement:
    pairs = Pairs()
    pairs.add((label(one), label(other)) for one, other in values)
    return FieldAgreement(
        field=name,
        rows=pairs.rows,
        same=pairs.same,
        agreement=pairs.agreement(night),
        kappa=pairs.kappa(),
        by_label=pairs.by_label(),
        flips=pairs.flips(),
    )


def _of_numbers(name: str, kind: Comparable, values: Sequence[tuple[Any, Any]]) -> FieldAgreement:
    same = sum(kind.same(one, other) for one, other in values)
    numbers = np.array(list(_numbers(values)), "f8").reshape(-1, 2)
    apart = np.abs(numbers[:, 0] - numbers[:, 1])
    return FieldAgreement(
        field=name,
        rows=len(values),
        same=same,
        agreement=share(same, len(values)),
        mean_absolute=float(apart.mean()) if len(apart) else 0.0,
        alpha=alpha(numbers[:, 0], numbers[:, 1]),
    )


def _numbers(values: Sequence[tuple[Any, Any]]) -> Iterator[tuple[float, float]]:
    return ((one, other) for one, other in values if isinstance(one, _NUMBER) and isinstance(other, _NUMBER))
