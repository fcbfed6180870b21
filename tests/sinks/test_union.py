"""Which type holds the values of a column in days whose jobs differ."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_claude.sinks.parquet import read_answers


def read(root: Path, *days: pa.Array) -> pa.DataType:
    for day, values in enumerate(days, start=1):
        (root / f"day={day}").mkdir()
        pq.write_table(pa.table({"x": values}), root / f"day={day}" / "part-00000.parquet")
    return read_answers(UPath(root))["x"]


@pytest.mark.parametrize("whole", [pa.int8(), pa.int32(), pa.int64(), pa.uint64()])
@pytest.mark.parametrize(("digits", "places"), [(4, 2), (10, 2), (38, 2), (38, 18)])
def test_whole_numbers_and_decimals_are_read_as_decimals_that_hold_both(
    tmp_path: Path, whole: pa.DataType, digits: int, places: int
) -> None:
    most = 2 ** (whole.bit_width - (not str(whole).startswith("u"))) - 1
    exact = pa.array([Decimal("10.25")], pa.decimal128(digits, places))
    assert list(read(tmp_path, pa.array([most], whole), exact, pa.nulls(0))) == [Decimal(most), Decimal("10.25")]


def test_a_decimal_beside_floating_numbers_is_the_nearest_floating_one(tmp_path: Path) -> None:
    exact = pa.array([Decimal("0.1")], pa.decimal128(38, 18))
    assert list(read(tmp_path, exact, pa.array([0.25]), pa.array([3]))) == [0.1, 0.25, 3.0]


def test_decimals_that_no_decimal_can_hold_together_are_read_as_text(tmp_path: Path) -> None:
    fine, large = pa.array([Decimal("0.5")], pa.decimal256(76, 70)), pa.array([Decimal(7)], pa.decimal256(76, 0))
    assert [Decimal(text) for text in read(tmp_path, fine, large)] == [Decimal("0.5"), Decimal(7)]
