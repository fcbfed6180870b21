"""What the model's own confidence is worth."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_provider_claude.core.consistency.calibration import LEAST_ROWS, Stated, calibrated, calibration, stated
from airflow_provider_claude.core.consistency.comparable import Comparable

FIELDS = {"label": Comparable(), "urgent": Comparable(), "confidence": Comparable(numbers=True, span=1.0)}


def _found(rows: int, true: float = 1.0, seed: int = 0) -> Stated:
    """Rows whose confidence c is right with the probability c ** *true*."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.3, 1, rows)
    right = rng.random(rows) < confidence**true
    found = Stated()
    found.add(zip(confidence.tolist(), right.tolist(), strict=True))
    return found


def test_a_confidence_that_is_right_as_often_as_it_says_has_hardly_any_error() -> None:
    found = calibration("confidence", _found(20_000))
    assert found is not None
    assert found.error < 0.02
    assert found.right.value == pytest.approx(0.65, abs=0.02)


def test_a_model_that_is_too_sure_has_the_error_that_was_planted_and_the_curve_undoes_it() -> None:
    found = calibration("confidence", _found(20_000, true=3.0))
    assert found is not None
    stated_ones = np.linspace(0.3, 1, 100)
    assert found.error == pytest.approx(float((stated_ones - stated_ones**3).mean()), abs=0.02)
    assert calibrated(found.curve, stated_ones) == pytest.approx(stated_ones**3, abs=0.06)
    assert "expected calibration error 0." in found.sentence()


def test_the_curve_rises_and_keeps_its_ends() -> None:
    found = calibration("confidence", _found(500, true=2.0))
    assert found is not None
    points = np.array(found.curve)
    assert (np.diff(points, axis=0) >= 0).all()
    assert calibrated(found.curve, np.array([0.0, 1.0])).tolist() == [points[0, 1], points[-1, 1]]


def test_bins_have_all_rows_and_the_interval_of_the_share_that_was_right() -> None:
    found = calibration("confidence", _found(1_000))
    assert found is not None
    assert sum(one.rows for one in found.bins) == 1_000
    assert all(one.right.low <= one.right.value <= one.right.high for one in found.bins)


def test_one_confidence_for_all_rows_is_a_curve_of_one_point() -> None:
    found = Stated()
    found.add([(0.9, True)] * 60 + [(0.9, False)] * 60)
    one = calibration("confidence", found)
    assert one is not None
    assert (one.curve, one.error) == ([(0.9, 0.5)], pytest.approx(0.4))


def test_few_rows_tell_nothing() -> None:
    assert calibration("confidence", _found(LEAST_ROWS - 1)) is None


def test_a_row_is_right_where_all_that_is_known_of_it_was_answered() -> None:
    answers = {
        "a": {"label": "x", "urgent": True, "confidence": 0.9},
        "b": {"label": "x", "urgent": False, "confidence": 0.8},
        "c": {"label": "x", "urgent": False, "confidence": 0.7},
        "d": {"label": "x", "urgent": True, "confidence": 1.7},
        "e": {"label": "x", "urgent": True, "confidence": None},
    }
    known = {name: {"label": "x", "urgent": True} for name in "abde"} | {"c": {"label": None, "confidence": 0.1}}
    assert list(stated("confidence", FIELDS, answers, known)) == [(0.9, True), (0.8, False)]


def test_counts_of_several_nights_are_one() -> None:
    once = _found(200)
    twice = Stated(once.rows + once.rows, once.right + once.right)
    one, other = calibration("c", once), calibration("c", twice)
    assert one is not None
    assert other is not None
    assert (other.rows, other.error, other.curve) == (400, pytest.approx(one.error), one.curve)
