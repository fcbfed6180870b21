"""How far two answers of the same rows agree, field by field, with intervals.

Agreement is the share of rows with the same value, with Wilson's interval
(https://www.statsmodels.org/stable/generated/statsmodels.stats.proportion.proportion_confint.html). Cohen's kappa is what is
left of it beyond chance, 1 for full agreement and 0 for chance, with the interval of Fleiss, Cohen and Everitt
(https://www.statsmodels.org/stable/generated/statsmodels.stats.inter_rater.cohens_kappa.html).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

#: What intervals cover.
LEVEL = 0.95


class Interval(NamedTuple):
    """A figure, and between which values it lies with the confidence LEVEL."""

    value: float
    low: float
    high: float


def share(count: int, of: int) -> Interval:
    """*count* of *of* as a share, with Wilson's interval. *of* is at least 1."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(count, of, alpha=1 - LEVEL, method="wilson")
    return Interval(count / of, float(low), float(high))


class Pairs:
    """How often each pair of values of one field came: that of the first answer of a row, and that of the second.

    Memory grows with the number of different pairs. Values that are no labels are better counted with `Differences`.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.counts.update(pairs)

    @property
    def rows(self) -> int:
        return self.counts.total()

    @property
    def same(self) -> int:
        """The rows whose two values are the same."""
        return sum(count for (first, second), count in self.counts.items() if first == second)

    def agreement(self) -> Interval:
        return share(self.same, self.rows)

    def by_label(self) -> dict[str, Interval]:
        """By the first answer: how many of its rows have the same second answer. Most frequent first."""
        rows: Counter[str] = Counter()
        for (first, _), count in self.counts.items():
            rows[first] += count
        return {label: share(self.counts[label, label], of) for label, of in rows.most_common()}

    def flips(self) -> list[tuple[str, str, int]]:
        """The pairs of different values and how often they came, most frequent first."""
        return [(first, second, n) for (first, second), n in self.counts.most_common() if first != second]

    def kappa(self) -> Interval | None:
        """Cohen's kappa; None where all answers are one label, and chance leaves nothing to measure."""
        from statsmodels.stats.inter_rater import cohens_kappa

        labels = sorted({label for pair in self.counts for label in pair})
        if len(labels) < 2:
            return None
        table = np.array([[self.counts[first, second] for second in labels] for first in labels])
        with np.errstate(all="ignore"):
            found = cohens_kappa(table)
        interval = Interval(float(found.kappa), float(found.kappa_low), float(found.kappa_upp))
        return interval if np.isfinite(interval).all() else None


class Differences:
    """The differences of two numbers a row: the second answer less the first. Memory does not grow with the rows."""

    def __init__(self) -> None:
        self.rows = self.same = 0
        self._sum = self._absolute = 0.0

    def add(self, first: np.ndarray, second: np.ndarray) -> None:
        """*first* and *second*: arrays of the same length."""
        difference = second.astype("f8") - first.astype("f8")
        self.rows += len(difference)
        self.same += int((difference == 0).sum())
        self._sum += float(difference.sum())
        self._absolute += float(np.abs(difference).sum())

    def agreement(self) -> Interval:
        return share(self.same, self.rows)

    @property
    def mean(self) -> float:
        return self._sum / self.rows

    @property
    def mean_absolute(self) -> float:
        return self._absolute / self.rows
