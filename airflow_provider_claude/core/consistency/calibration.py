"""What the model's own confidence is worth, by rows whose right answer is known.

The expected calibration error is the mean distance between the confidence stated and the share of right answers, over ten bins of
equal width, each weighted by its rows (Guo et al. 2017, https://arxiv.org/abs/1706.04599). The curve from stated to calibrated
confidence is the isotonic regression of right answers on it: the rising curve with the least squared error
(https://docs.scipy.org/doc/scipy/reference/generated/scipy.optimize.isotonic_regression.html).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from airflow_provider_claude.core.consistency.agreement import Interval, share
from airflow_provider_claude.core.consistency.comparable import Answers, Comparable
from airflow_provider_claude.core.consistency.curve import Curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Fewer rows tell too little of a confidence.
LEAST_ROWS = 100

_BINS = 10

#: Confidences are counted to so many parts of 1.
_PARTS = 100


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """*rows* whose *stated* confidence, on average, is in the same tenth, and which share of them was *right*."""

    rows: int
    stated: float
    right: Interval


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """How far the confidence in *field* can be believed, by *rows* rows with known answers: the mean confidence *stated*, the
    share *right*, the expected calibration *error*, the *bins*, and the *curve*: pairs of a stated and a calibrated confidence,
    rising, between which is drawn a straight line.
    """

    field: str
    rows: int
    stated: float
    right: Interval
    error: float
    bins: list[Bin]
    curve: list[tuple[float, float]]

    def sentence(self) -> str:
        return (
            f"{self.field} was {self.stated:.2f} on average over {self.rows:,} golden rows, of which {self.right.value:.1%} were "
            f"right (95% interval: {self.right.low:.1%} to {self.right.high:.1%}); expected calibration error {self.error:.3f}."
        )


class Confidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the confidence in *field*: its *calibration*, or *why_not*. *curve* is the one by which the answers of
    this run are calibrated, None where their column is empty.
    """

    field: str
    curve: Curve | None = None
    calibration: Calibration | None = None
    why_not: str = ""

    def sentence(self) -> str:
        if self.calibration is not None:
            return f"{self.calibration.sentence()} {self._column()}"
        return f"{self.field} is the model's word only: {self.why_not}. {self._column()}"

    def _column(self) -> str:
        name = f"{self.field}_calibrated"
        if self.curve is None:
            return f"The column {name} is empty: no earlier accepted run of this job had {LEAST_ROWS} golden rows with an answer."
        return f"The column {name} is by {self.curve.rows:,} golden rows of {self.curve.of}."


class Stated:
    """How often each confidence was stated, and how often the answer was right. Memory does not grow with the rows."""

    def __init__(self, rows: Mapping[str, int] | None = None, right: Mapping[str, int] | None = None) -> None:
        self.rows, self.right = Counter(rows or {}), Counter(right or {})

    def add(self, pairs: Iterable[tuple[float, bool]]) -> None:
        """Count *pairs* of a confidence from 0 to 1, and whether the answer was right."""
        for confidence, right in pairs:
            key = f"{round(confidence * _PARTS) / _PARTS:.2f}"
            self.rows[key] += 1
            self.right[key] += right


def confidence(field: str, found: Stated | None, why_not: str, curve: Curve | None = None) -> Confidence:
    """What *found* says of the confidence in *field*; None where no golden row was asked, and *why_not*."""
    if found is None:
        return Confidence(field=field, curve=curve, why_not=why_not)
    calibrated_by = calibration(field, found)
    if calibrated_by is None:
        rows = found.rows.total()
        return Confidence(
            field=field,
            curve=curve,
            why_not=f"{rows:,} golden rows with an answer are too few, {LEAST_ROWS} are needed",
        )
    return Confidence(field=field, curve=curve, calibration=calibrated_by)


def stated(
    field: str, fields: Mapping[str, Comparable], answers: Answers, known: Answers
) -> Iterator[tuple[float, bool]]:
    """The confidence in *field* of each of *answers*, and whether all that is *known* of its row was answered so. Rows of which
    nothing is known, or whose confidence is not from 0 to 1, are left out.
    """
    for item, answer in answers.items():
        confidence, right = answer.get(field), _right(field, fields, answer, known.get(item, {}))
        if right is not None and isinstance(confidence, int | float) and 0 <= confidence <= 1:
            yield float(confidence), right


def _right(
    field: str, fields: Mapping[str, Comparable], answer: Mapping[str, Any], known: Mapping[str, Any]
) -> bool | None:
    same = [
        fields[name].same(answer[name], value) for name, value in known.items() if value is not None and name != field
    ]
    return all(same) if same else None


def calibration(field: str, found: Stated) -> Calibration | None:
    """What *found* says of the confidence in *field*; None for fewer than LEAST_ROWS rows."""
    count, right = found.rows.total(), found.right.total()
    if count < LEAST_ROWS:
        return None
    values = sorted(found.rows)
    x = np.array([float(value) for value in values])
    rows = np.array([found.rows[value] for value in values], dtype="f8")
    hits = np.array([found.right[value] for value in values], dtype="f8")
    return Calibration(
        field=field,
        rows=count,
        stated=float(np.average(x, weights=rows)),
        right=share(right, count),
        error=_error(x, rows, hits),
        bins=list(_bins(x, rows, hits)),
        curve=_curve(x, rows, hits),
    )


def calibrated(points: Iterable[tuple[float, float]], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The calibrated confidences of *values* by the *points* of a curve; beyond its ends those of its ends."""
    x, y = zip(*points, strict=True)
    return np.asarray(np.interp(values, x, y))


def _bin_of(x: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((x * _BINS + 1e-9).astype(np.int64), _BINS - 1)


def _error(x: NDArray[np.float64], rows: NDArray[np.float64], hits: NDArray[np.float64]) -> float:
    gaps = np.bincount(_bin_of(x), weights=hits - rows * x, minlength=_BINS)
    return float(np.abs(gaps).sum() / rows.sum())


def _bins(x: NDArray[np.float64], rows: NDArray[np.float64], hits: NDArray[np.float64]) -> Iterator[Bin]:
    places = _bin_of(x)
    for place in np.unique(places):
        here = places == place
        count = int(rows[here].sum())
        yield Bin(
            rows=count,
            stated=float(np.average(x[here], weights=rows[here])),
            right=share(int(hits[here].sum()), count),
        )


def _curve(x: NDArray[np.float64], rows: NDArray[np.float64], hits: NDArray[np.float64]) -> list[tuple[float, float]]:
    """The ends of each level of the isotonic regression."""
    from scipy.optimize import isotonic_regression

    y = isotonic_regression(hits / rows, weights=rows).x
    inner = [n for n in range(1, len(x) - 1) if y[n] != y[n - 1] or y[n] != y[n + 1]]
    ends = dict.fromkeys([0, *inner, len(x) - 1])
    return [(float(x[n]), float(y[n])) for n in ends]
