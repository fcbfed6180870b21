"""How far two answers of the same rows agree, field by field, with intervals.

Agreement is the share of rows with the same value. Cohen's kappa is what is left of it beyond chance, (same - chance) / (1 -
chance), 1 for full agreement and 0 for chance (Cohen 1960, https://doi.org/10.1177/001316446002000104). Krippendorff's alpha is
the same of numbers: 1 - observed / expected mean squared difference (https://doi.org/10.4135/9781071878781, chapter 12).

Intervals of shares are Wilson's
(https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats._result_classes.BinomTestResult.proportion_ci.html), those of
kappa, alpha and of an agreement that is weighted by label bootstrap intervals: the 2.5 % and 97.5 % of the figure in rows drawn
anew with replacement, with one seed. Where fewer than MANY rows differ, a bootstrap interval covers too little (of rows that all
agree it is a point), and Wilson's of the agreement is used instead, also for kappa.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What intervals cover.
LEVEL = 0.95

#: From so many rows that differ, a bootstrap interval covers what it should.
MANY = 20

_DRAWS = 2_000

#: So many numbers of draws are in memory at once, 2 MB: a figure takes some copies of them.
_AT_ONCE = 250_000


class Interval(NamedTuple):
    """A figure, and between which values it lies with the confidence LEVEL."""

    value: float
    low: float
    high: float


def share(count: int, of: int) -> Interval:
    """*count* of *of* as a share, with Wilson's interval. *of* is at least 1."""
    from scipy.stats import binomtest

    low, high = binomtest(count, of).proportion_ci(LEVEL, method="wilson")
    return Interval(count / of, float(low), float(high))


def alpha(first: NDArray[np.float64], second: NDArray[np.float64]) -> Interval | None:
    """Krippendorff's alpha of two numbers a row; None where all are the same, or there are fewer than two rows."""
    rows = len(first)
    if rows < 2 or np.ptp(np.concatenate([first, second])) == 0:
        return None
    rng = np.random.default_rng(0)
    blocks = (rng.integers(rows, size=(draws, rows)) for draws in _blocks(rows))
    found = np.concatenate([_alphas(first[drawn], second[drawn]) for drawn in blocks])
    return _interval(float(_alphas(first[None], second[None])[0]), found)


def _blocks(numbers: int) -> Iterator[int]:
    """The draws in blocks, where each has so many *numbers*: how many there are in each block."""
    most = max(_AT_ONCE // numbers, 1)
    yield from (min(most, _DRAWS - start) for start in range(0, _DRAWS, most))


def _alphas(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alpha along the last axis; NaN where all numbers are the same."""
    observed = ((first - second) ** 2).mean(axis=-1)
    expected = 2 * np.concatenate([first, second], axis=-1).var(axis=-1, ddof=1)
    with np.errstate(all="ignore"):
        found: NDArray[np.float64] = 1 - observed / expected
    return found


def _interval(value: float, drawn: NDArray[np.float64]) -> Interval:
    """*value* with the interval of *drawn*, which holds it. A draw without a figure does not count."""
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(min(low, value)), float(max(high, value)))


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

    def agreement(self, night: Mapping[str, int] | None = None) -> Interval:
        """The share of rows with the same value. *night*: the rows of all answers by label; each first label then counts as often
        as it is among them, not as often as it was drawn. A label that is not among them leaves the share as it is.
        """
        table, weights = self._table(), np.array([(night or {}).get(one, 0) for one in self._labels()], "f8")
        if (weights[table.sum(axis=1) > 0] == 0).any():
            return share(self.same, self.rows)
        value = float(_weighted(table[None], weights)[0])
        if self._differ < MANY:
            return _scaled(value, self.rows)
        return _interval(value, self._drawn(lambda tables: _weighted(tables, weights)))

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
        table = self._table()
        value, chance = float(_kappas(table[None])[0]), _chance(table[None])[0]
        if not np.isfinite(value):
            return None
        if self._differ >= MANY:
            return _interval(value, self._drawn(_kappas))
        _, low, high = share(self.same, self.rows)
        return Interval(value, *(float((one - chance) / (1 - chance)) for one in (low, high)))

    @property
    def _differ(self) -> int:
        return self.rows - self.same

    def _labels(self) -> list[str]:
        return sorted({label for pair in self.counts for label in pair})

    def _table(self) -> NDArray[np.float64]:
        """Rows by the first label, and by the second."""
        labels = self._labels()
        return np.array([[self.counts[first, second] for second in labels] for first in labels], "f8")

    def _drawn(self, figure: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float64]:
        """*figure* of the table of rows drawn with replacement, _DRAWS times."""
        table, rng = self._table(), np.random.default_rng(0)
        shares = (table / self.rows).ravel()
        drawn = (rng.multinomial(self.rows, shares, size=draws).astype("f8") for draws in _blocks(table.size))
        return np.concatenate([figure(some.reshape(-1, *table.shape)) for some in drawn])


def _weighted(tables: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each of *tables*, the share of same rows by label, weighted by *weights*; labels that it does not have do not count."""
    rows, same = tables.sum(axis=2), np.diagonal(tables, axis1=1, axis2=2)
    counted = np.where(rows > 0, weights, 0.0)
    found: NDArray[np.float64] = (counted * same / np.maximum(rows, 1)).sum(axis=1) / counted.sum(axis=1)
    return found


def _scaled(value: float, rows: int) -> Interval:
    """The share *value* of *rows* rows, with Wilson's interval: between those of the whole numbers of rows beside it."""
    below = min(int(value * rows + 1e-9), rows)
    one, other = share(below, rows), share(min(below + 1, rows), rows)
    part = min(max(value * rows - below, 0.0), 1.0)
    low, high = (first + part * (second - first) for first, second in zip(one[1:], other[1:], strict=True))
    return Interval(value, float(low), float(high))


def _chance(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """The agreement that chance makes of the labels of each of *tables*."""
    shares = tables / tables.sum(axis=(1, 2), keepdims=True)
    found: NDArray[np.float64] = (shares.sum(axis=1) * shares.sum(axis=2)).sum(axis=1)
    return found


def _kappas(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kappa of each of *tables*; NaN where all answers are one label."""
    same, chance = np.trace(tables, axis1=1, axis2=2) / tables.sum(axis=(1, 2)), _chance(tables)
    with np.errstate(all="ignore"):
        found: NDArray[np.float64] = np.where(chance < 1 - 1e-12, (same - chance) / (1 - chance), np.nan)
    return found


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
