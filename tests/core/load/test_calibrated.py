"""The column of the calibrated confidence."""

from __future__ import annotations

import pyarrow as pa

from airflow_provider_claude.core.consistency.curve import Curve
from airflow_provider_claude.core.load.calibrated import Calibrated

CURVE = Curve(field="confidence", points=[(0.5, 0.4), (0.9, 0.8)], rows=100, of="the run of 2026-11-16")


def _column(values: pa.Array, curve: Curve | None = CURVE) -> list[float | None]:
    [(name, column)] = Calibrated("confidence_calibrated", "confidence", curve).column({"confidence": values}).items()
    assert name == "confidence_calibrated"
    assert column.type == pa.float64()
    return column.to_pylist()


def test_a_confidence_is_read_from_the_curve_and_from_its_ends_beyond_it() -> None:
    assert _column(pa.array([0.0, 0.5, 0.6, 0.7, 0.9, 1.0])) == [0.4, 0.4, 0.5, 0.6, 0.8, 0.8]


def test_where_the_model_states_none_or_no_share_there_is_none() -> None:
    assert _column(pa.array([None, 0.7, float("nan"), 1.2, -0.1])) == [None, 0.6, None, None, None]


def test_whole_numbers_are_confidences_too() -> None:
    assert _column(pa.array([0, 1, 95])) == [0.4, 0.8, None]


def test_without_a_curve_and_without_rows_the_column_is_empty() -> None:
    assert _column(pa.array([0.5, None]), None) == [None, None]
    assert _column(pa.array([], pa.float64())) == []
