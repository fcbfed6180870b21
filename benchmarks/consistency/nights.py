"""Seeded nights: whether the planted truth lies within the interval measured, and when drift raises the alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from airflow_provider_claude.core.consistency.agreement import Interval, Pairs, share
from airflow_provider_claude.core.consistency.drift import MOST_NIGHTS, drift
from benchmarks.consistency.planted import (
    AFTER,
    BEFORE,
    FIELD,
    LABELS,
    Planted,
    Twice,
    accuracy,
    asked_after,
    asked_again,
    asked_in_reverse,
    distribution,
    night,
)

#: The rows of a night, of which a sample is asked again.
_NIGHT = 1_000_000


class Found(NamedTuple):
    """One figure of one night: as *measured*, and as it was *planted*."""

    name: str
    measured: Interval
    planted: float

    @property
    def inside(self) -> bool:
        return self.measured.low <= self.planted <= self.measured.high


def measure(planted: Planted, seed: int, rows: int) -> Iterator[Found]:
    """The figures of one night of *rows* rows."""
    tonight, noise = night(planted, seed, rows), planted.noise
    first = tonight.answers(noise, "first")
    again, truth = _pairs(first, tonight.answers(noise, "again")), asked_again(planted)
    yield from _again(again, truth, planted)
    for label, found in again.by_label().items():
        yield Found(f"asked again: same, {label}", found, truth.same_of(label))
    correct = sum(one == other for one, other in zip(tonight.true, first, strict=True))
    yield Found("golden rows: accuracy", share(correct, rows), accuracy(planted))
    reverse = _pairs(first, tonight.answers(noise, "reverse", order=LABELS[::-1]))
    yield Found("options in reverse: same", reverse.agreement(), asked_in_reverse(planted).same)
    after = _pairs(first, tonight.answers(noise, "after", at=AFTER))
    yield Found("model changed: same", after.agreement(), asked_after(planted).same)


def measure_steady(planted: Planted, seed: int, rows: int) -> Iterator[Found]:
    """What rows that are asked again show of a model that hardly ever changes."""
    tonight = night(planted, seed, rows)
    again = _pairs(tonight.answers(planted.noise, "first"), tonight.answers(planted.noise, "again"))
    for one in _again(again, asked_again(planted), planted):
        yield one._replace(name=f"a steady model, {rows} rows: {one.name.removeprefix('asked again: ')}")


def _again(again: Pairs, truth: Twice, planted: Planted) -> Iterator[Found]:
    yield Found("asked again: same", again.agreement(), truth.same)
    yield Found("asked again: same, weighted by label", again.agreement(_by_label(planted)), truth.same)
    kappa = again.kappa()
    if kappa is not None:
        yield Found("asked again: kappa", kappa, truth.kappa)


def _by_label(planted: Planted) -> dict[str, int]:
    """How many of so many rows get each label at first."""
    shares = distribution(planted, after=False)
    return {label: round(_NIGHT * part) for label, part in zip(LABELS, shares, strict=True)}


def _pairs(first: list[str], second: list[str]) -> Pairs:
    pairs = Pairs()
    pairs.add(zip(first, second, strict=True))
    return pairs


def quiet_alarms(planted: Planted, nights: int, rows: int, *, seed: int = 0) -> int:
    """How many of so many *nights* in a row raise the alarm, although nothing has changed."""
    past = [_counts(planted, seed + number, rows, BEFORE) for number in range(MOST_NIGHTS + nights)]
    return sum(_alarm(past[n], past[n - MOST_NIGHTS : n]) for n in range(MOST_NIGHTS, len(past)))


def change_alarms(planted: Planted, nights: int, rows: int, *, seed: int = 0) -> int:
    """How many of so many *nights* raise the alarm, each the first after the change. The nights before are drawn by label."""
    rng = np.random.default_rng(seed)
    before = distribution(planted, after=False)
    alarms = 0
    for number in range(nights):
        drawn = rng.multinomial(rows, before, size=MOST_NIGHTS).tolist()
        past = [dict(zip(LABELS, counts, strict=True)) for counts in drawn]
        alarms += _alarm(_counts(planted, seed + number, rows, AFTER), past)
    return alarms


def _counts(planted: Planted, seed: int, rows: int, at: float) -> dict[str, int]:
    return Counter(night(planted, seed, rows).answers(planted.noise, "first", at=at))


def _alarm(tonight: dict[str, int], past: list[dict[str, int]]) -> bool:
    found = drift(FIELD, tonight, past)
    return found is not None and found.alarm
