"""Labelled reviews, half of them golden rows and half of them a night, answered by the simulator's lexicon model with noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from airflow_provider_claude.core.consistency.agreement import Interval, Pairs, share
from airflow_provider_claude.simulator.model.chance import draws
from airflow_provider_claude.simulator.model.label_noise import Asking, Labelled, LabelNoise, answered, chances, steady
from airflow_provider_claude.simulator.model.sentiment import WORD_LIMIT
from airflow_provider_claude.simulator.model.truth import Question, truths

LABELS = ("negative", "neutral", "positive")

#: How many rows of the night are asked again.
SAMPLE = 1_000

#: The three levels: how much of each label comes as either other one, and how many texts get the first option.
LEVELS = {"none": (0.0, 0.0), "2 % flip": (0.01, 0.01), "10 % flip": (0.05, 0.03)}


_ROUNDING = 1e-9


class Review(NamedTuple):
    """A review, and the label that people gave it."""

    row: Labelled
    true: str


class Line(NamedTuple):
    """What was measured of the golden half and of the rows asked again, and what is true of the night's half."""

    golden: Interval
    accuracy: float
    same: Interval
    true_same: float
    kappa: Interval | None
    true_kappa: float

    def inside(self) -> dict[str, bool]:
        """Whether each interval holds the truth."""
        pairs = {"accuracy": (self.golden, self.accuracy), "same": (self.same, self.true_same)}
        if self.kappa is not None:
            pairs["kappa"] = (self.kappa, self.true_kappa)
        return {name: found.low - _ROUNDING <= true <= found.high + _ROUNDING for name, (found, true) in pairs.items()}


def read_reviews(path: str) -> list[Review]:
    """The reviews of the Parquet file, with the lexicon's labels."""
    table = pq.read_table(path, columns=["text", "label"])
    texts, labels = table["text"].to_pylist(), table["label"].to_pylist()
    found = truths(Question(texts=texts, labels=list(LABELS)), Asking(LabelNoise(), 0, "", 0.0), WORD_LIMIT)
    rows = [Labelled(text, truth.plain, LABELS, "sentiment") for text, truth in zip(texts, found, strict=True)]
    return [Review(row, label) for row, label in zip(rows, labels, strict=True)]


def lines(reviews: Sequence[Review], seed: int) -> Iterator[tuple[str, Line]]:
    """One line for each level of noise; *seed* draws the halves, the sample and the noise."""
    golden = [review for review in reviews if draws(seed, "half", review.row.text)[0] < 0.5]
    tonight = [review for review in reviews if draws(seed, "half", review.row.text)[0] >= 0.5]
    for name, (flip, first) in LEVELS.items():
        yield name, _line(golden, tonight, Asking(planted(flip, first), seed, "", 0.0))


def planted(flip: float, first: float) -> LabelNoise:
    flips = {label: {other: flip for other in LABELS if other != label} for label in LABELS}
    return LabelNoise(flips=flips if flip else {}, first=first)


def _line(golden: Sequence[Review], tonight: Sequence[Review], asking: Asking) -> Line:
    sample = sorted(tonight, key=lambda review: draws(asking.seed, "again", review.row.text))[:SAMPLE]
    pairs = Pairs()
    pairs.add(zip(_answers(sample, asking, "night"), _answers(sample, asking, "again"), strict=True))
    same, kappa = _truth(tonight, asking)
    return Line(
        golden=share(_right(golden, asking), len(golden)),
        accuracy=_right(tonight, asking) / len(tonight),
        same=pairs.agreement(),
        true_same=same,
        kappa=pairs.kappa(),
        true_kappa=kappa,
    )


def _answers(reviews: Sequence[Review], asking: Asking, attempt: str) -> list[str]:
    return [answered(review.row, asking._replace(attempt=attempt)) for review in reviews]


def _right(reviews: Sequence[Review], asking: Asking) -> int:
    said = _answers(reviews, asking, "night")
    return sum(one == review.true for one, review in zip(said, reviews, strict=True))


def _truth(reviews: Sequence[Review], asking: Asking) -> tuple[float, float]:
    """Agreement and kappa of two attempts at all these rows, from the planted chances."""
    found = [chances(steady(review.row, asking), LABELS, asking.noise) for review in reviews]
    each = np.array([[one.get(label, 0.0) for label in LABELS] for one in found])
    same, chance = float((each**2).sum(axis=1).mean()), float((each.mean(axis=0) ** 2).sum())
    return same, (same - chance) / (1 - chance)
