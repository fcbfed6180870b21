"""A model with planted noise, nights of its answers, and what is true of them.

The rows of a night are drawn anew for each seed. Their answers come from the simulator's own model of noise, attempt for
attempt; the truth comes from the planted shares alone, by matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from airflow_provider_claude.simulator.model.label_noise import Asking, Change, Flips, Labelled, LabelNoise, answered

LABELS = ("positive", "neutral", "negative")
FIELD = "sentiment"
CHANGED = datetime(2026, 12, 24, tzinfo=UTC)
BEFORE, AFTER = CHANGED.timestamp() - 86_400.0, CHANGED.timestamp() + 86_400.0

Matrix = NDArray[np.float64]


class Planted(NamedTuple):
    """*shares*: how many rows have which true label. *misread*: what the model always gets wrong. *noise*: the rest."""

    shares: tuple[float, ...]
    misread: Flips
    noise: LabelNoise

    @property
    def flips(self) -> Matrix:
        return matrix(self.noise.flips)

    @property
    def plain(self) -> Matrix:
        """By true label and by the label without noise: the share of rows."""
        return np.asarray(np.array(self.shares)[:, None] * matrix(self.misread))

    def changed(self, *, after: bool) -> Matrix:
        found = np.eye(len(LABELS))
        for change in self.noise.changes if after else ():
            found = found @ matrix(change.flips)
        return found

    def biased(self, joint: Matrix) -> Matrix:
        """*joint*, by any and by steady label, after the share that gets the first option has got it."""
        first = np.zeros_like(joint)
        first[:, 0] = joint.sum(axis=1)
        return np.asarray((1 - self.noise.first) * joint + self.noise.first * first)


#: Labels flip as published measurements say, a fiftieth of texts minds the order, and one day the model is another.
PLANTED = Planted(
    shares=(0.55, 0.30, 0.15),
    misread={
        "positive": {"neutral": 0.05},
        "neutral": {"positive": 0.15, "negative": 0.10},
        "negative": {"neutral": 0.1},
    },
    noise=LabelNoise(
        flips={
            "positive": {"neutral": 0.02},
            "neutral": {"positive": 0.06, "negative": 0.04},
            "negative": {"neutral": 0.05},
        },
        first=0.03,
        changes=(Change(since=CHANGED, flips={"neutral": {"negative": 0.2}}),),
    ),
)


#: A steady model: of 200 rows three or four change, fewer than a bootstrap can say anything about.
STEADY = Planted(
    shares=(0.55, 0.30, 0.15),
    misread={},
    noise=LabelNoise(
        flips={
            "positive": {"neutral": 0.005},
            "neutral": {"positive": 0.01, "negative": 0.005},
            "negative": {"neutral": 0.01},
        },
    ),
)


def matrix(flips: Flips) -> Matrix:
    """The chance of each label (column) where the label was that of the row."""
    found = np.eye(len(LABELS))
    for label, others in flips.items():
        row = LABELS.index(label)
        for other, share in others.items():
            found[row, LABELS.index(other)] += share
            found[row, row] -= share
    return found


class Night(NamedTuple):
    """The *true* labels of some rows, and the rows with their labels without noise."""

    true: list[str]
    rows: list[Labelled]
    seed: int

    def answers(
        self, noise: LabelNoise, attempt: str, *, at: float = BEFORE, order: Sequence[str] = LABELS
    ) -> list[str]:
        asking = Asking(noise, self.seed, attempt, at)
        return [answered(row._replace(options=order), asking) for row in self.rows]


def night(planted: Planted, seed: int, rows: int) -> Night:
    """So many *rows*, drawn by *seed*."""
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(LABELS) ** 2, size=rows, p=planted.plain.ravel())
    true, plain = np.divmod(drawn, len(LABELS))
    texts = (Labelled(f"{seed}/{n}", LABELS[label], LABELS, FIELD) for n, label in enumerate(plain.tolist()))
    return Night([LABELS[label] for label in true.tolist()], list(texts), seed)


class Twice(NamedTuple):
    """Two answers of the same rows: *joint*, the share of rows by the steady label of each, and the *flips* of both."""

    joint: Matrix
    flips: Matrix

    @property
    def pairs(self) -> Matrix:
        """The share of rows by both answers."""
        return np.asarray(self.flips.T @ self.joint @ self.flips)

    @property
    def same(self) -> float:
        return float(np.trace(self.pairs))

    @property
    def kappa(self) -> float:
        chance = float(self.pairs.sum(axis=1) @ self.pairs.sum(axis=0))
        return (self.same - chance) / (1 - chance)

    def same_of(self, label: str) -> float:
        """Of the rows with this first answer, those with the same second one."""
        place = LABELS.index(label)
        return float(self.pairs[place, place] / self.pairs[place].sum())


def asked_again(planted: Planted) -> Twice:
    steady = planted.biased(planted.plain).sum(axis=0)
    return Twice(np.diag(steady), planted.flips)


def asked_in_reverse(planted: Planted) -> Twice:
    joint = (1 - planted.noise.first) * np.diag(planted.plain.sum(axis=0))
    joint[0, -1] += planted.noise.first
    return Twice(joint, planted.flips)


def asked_after(planted: Planted) -> Twice:
    plain = planted.plain.sum(axis=0)
    joint = (1 - planted.noise.first) * np.diag(plain) @ planted.changed(after=True)
    joint[0, 0] += planted.noise.first
    return Twice(joint, planted.flips)


def accuracy(planted: Planted) -> float:
    return float(np.trace(planted.biased(planted.plain) @ planted.flips))


def distribution(planted: Planted, *, after: bool) -> Matrix:
    """The share of answers by label."""
    joint = planted.biased(planted.plain @ planted.changed(after=after))
    return np.asarray(joint.sum(axis=0) @ planted.flips)
