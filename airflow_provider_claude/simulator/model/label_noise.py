"""A model whose labels are unsteady in a known way, so that what is measured can be held against what was planted.

Where an enum is answered, the label of the text goes through three steps, in this order:

changes  from a date on, a share of the texts of a label has another one. Drawn for the text: asked again, it has the same.
         That is a model that changes under the same id, at once or over some days.
first    this share of texts has the label that the schema names first. Drawn for the text, too.
flips    this share of the answers of a label comes as another one. Drawn for each attempt: asked again, it may not.

A draw depends on the seed, the field, the text and, for flips, on the attempt: never on the order of requests. A label that
is no option of the schema is never answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import isclose
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct, field

from airflow_provider_claude.simulator.model.chance import draws

#: By label, the share of it that comes as each other label.
Flips = dict[str, dict[str, float]]

_DAY = 86_400.0


class Change(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """From *since* on, in simulated time, the *flips* are in force: in full after so many *days*, growing evenly until then."""

    since: Annotated[datetime, Meta(tz=True)]
    flips: Flips
    days: Annotated[float, Meta(ge=0)] = 0.0

    def __post_init__(self) -> None:
        _check(self.flips)

    def share(self, at: float) -> float:
        """How much of it is in force *at* these simulated epoch seconds, from 0 to 1."""
        since = self.since.timestamp()
        if at < since or not self.days:
            return float(at >= since)
        return min((at - since) / (self.days * _DAY), 1.0)


class LabelNoise(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What is planted. Raises ValueError where the shares of a label are not from 0 to 1 in all."""

    flips: Flips = field(default_factory=dict)
    first: Annotated[float, Meta(ge=0, le=1)] = 0.0
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        _check(self.flips)

    @property
    def is_none(self) -> bool:
        return not (self.flips or self.first or self.changes)


class Asking(NamedTuple):
    """One attempt at an answer: under which *noise* and *seed*, which *attempt* it is, and when, in simulated epoch seconds."""

    noise: LabelNoise
    seed: int
    attempt: str
    at: float


class Labelled(NamedTuple):
    """A text with the *label* it has without noise, one of *options* in the order of the schema, in the field *name*."""

    text: str
    label: str
    options: Sequence[str]
    name: str


def answered(row: Labelled, asking: Asking) -> str:
    """The label that this attempt answers."""
    label = steady(row, asking)
    draw, *_ = draws(asking.seed, "flip", row.name, asking.attempt, row.text)
    return next(other for other, upto in _upto(chances(label, row.options, asking.noise)) if draw < upto)


def steady(row: Labelled, asking: Asking) -> str:
    """The label that the text has at that time, however often it is asked."""
    label = row.label
    for number, change in enumerate(asking.noise.changes):
        label = _changed(label, row, asking, number, change)
    biased, *_ = draws(asking.seed, "first", row.name, row.text)
    return row.options[0] if biased < asking.noise.first else label


def chances(label: str, options: Sequence[str], noise: LabelNoise) -> dict[str, float]:
    """How likely an answer to a text with this steady *label* is which: its own chance last, all of them 1."""
    others = _others(noise.flips, label, options)
    return {**others, label: max(1 - sum(others.values()), 0.0)}


def _changed(label: str, row: Labelled, asking: Asking, number: int, change: Change) -> str:
    """Whether a text is struck and what it becomes are two draws: a change that grows strikes more texts, and none anew."""
    others = _others(change.flips, label, row.options)
    struck, pick, *_ = draws(asking.seed, "change", number, row.name, row.text)
    total = sum(others.values())
    if struck >= total * change.share(asking.at):
        return label
    return next(other for other, upto in _upto(others) if pick * total < upto)


def _others(flips: Mapping[str, Mapping[str, float]], label: str, options: Sequence[str]) -> dict[str, float]:
    found = flips.get(label, {})
    return {other: share for other, share in found.items() if other in options and other != label}


def _upto(shares: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Each label with the sum of the shares up to it; that of the last is beyond every draw."""
    total = 0.0
    for place, (label, share) in enumerate(shares.items(), start=1):
        total += share
        yield label, total if place < len(shares) else 2.0


def _check(flips: Flips) -> None:
    for label, others in flips.items():
        total = sum(others.values())
        if min(others.values(), default=0.0) < 0 or not (total < 1 or isclose(total, 1)):
            raise ValueError(f"the shares of {label!r} must be from 0 to 1 in all, got {others}")
