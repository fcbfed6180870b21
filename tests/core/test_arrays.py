"""Arrays that are made without pandas are those that Arrow makes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.arrays import array, number_array, numbers_of, scalar, text_array

_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-3))])

_MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=_ZONES) | st.datetimes()  # noqa: DTZ001

#: Kinds, and values that come for them, the last two of no kind among them.
_PLAIN: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.string(), st.text()),
    (pa.int64(), st.integers() | st.booleans()),
    (pa.int32(), st.integers(-(2**33), 2**33)),
    (pa.int16(), st.integers(-(2**16), 2**16)),
    (pa.float64(), st.floats() | st.integers(-(2**60), 2**60)),
    (pa.float32(), st.floats()),
    (pa.bool_(), st.booleans()),
    (pa.timestamp("us", tz="UTC"), _MOMENTS),
    (pa.date32(), st.dates()),
    (pa.time64("us"), st.times() | st.times(timezones=_ZONES)),
    (pa.decimal128(10, 2), st.decimals(-100, 100) | st.integers(-(10**9), 10**9)),
    (pa.decimal256(60, 20), st.decimals(places=20) | st.decimals()),
    (pa.null(), st.none()),
]


@st.composite
def columns(draw: st.DrawFn) -> tuple[pa.DataType, list[Any]]:
    """A kind, nested or not, and values of it; some of another."""
    kind, one = draw(st.sampled_from(_PLAIN))
    for _ in range(draw(st.integers(0, 2))):
        if draw(st.booleans()):
            kind, one = pa.list_(kind), st.lists(one | st.none(), max_size=3)
        else:
            kind = pa.struct([pa.field("a", kind), pa.field("b", pa.string())])
            one = st.fixed_dictionaries({"b": st.text()}, optional={"a": one | st.none(), "c": st.integers()})
    odd = draw(st.sampled_from([None, None, "text", 7, 2.5, True, [], {}]))
    values = draw(st.lists(one | st.none(), max_size=12))
    return kind, values if odd is None else [*values, odd]


def made(make: Any, values: list[Any], kind: pa.DataType) -> pa.Array | None:
    """The array; None where the values are not of its kind."""
    try:
        return make(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        return None


@given(columns())
def test_an_array_is_the_one_that_arrow_makes(column: tuple[pa.DataType, list[Any]]) -> None:
    kind, values = column
    ours, theirs = made(array, values, kind), made(pa.array, values, kind)
    assert (ours is None) == (theirs is None)
    if ours is not None:
        ours.validate(full=True)
        assert ours.type == theirs.type
        assert ours.null_count == theirs.null_count
        assert str(ours.to_pylist()) == str(theirs.to_pylist())  # NaN is not equal to itself


@pytest.mark.parametrize("kind", [pa.decimal128(10, 2), pa.decimal128(38, 18), pa.decimal256(60, 20)])
@pytest.mark.parametrize("number", [Decimal, int])
def test_a_number_with_more_digits_than_its_column_makes_no_array(kind: pa.DataType, number: type) -> None:
    """Arrow's own cast from text makes another number of it, without a word."""
    digits = kind.precision - kind.scale
    assert array([number(10**digits - 1)], kind).to_pylist() == [Decimal(10**digits - 1)]
    for beyond in range(digits, digits + 40):
        for sign in (1, -1):
            assert made(array, [number(sign * 10**beyond)], kind) is None


@pytest.mark.parametrize("kind", [pa.string(), pa.int32(), pa.list_(pa.string()), pa.struct([("a", pa.bool_())])])
@pytest.mark.parametrize("values", [[], [None], [None] * 9])
def test_no_values_and_nothing_but_nulls_are_arrays_too(kind: pa.DataType, values: list[None]) -> None:
    assert array(values, kind).equals(pa.array(values, kind))


def test_numbers_go_to_numpy_and_back() -> None:
    column = pa.chunked_array([[1, 2], [], [3]], pa.int32()).slice(1)
    assert numbers_of(column).tolist() == [2, 3]
    assert numbers_of(pa.chunked_array([], pa.int64())).tolist() == []
    assert number_array([1, 2], pa.int32()).equals(pa.array([1, 2], pa.int32()))
    assert text_array(b"abcd", 2, 2).to_pylist() == ["ab", "cd"]
    assert scalar("x", pa.string()).as_py() == "x"


_WITHOUT_PANDAS = """
import sys
import pyarrow as pa
from datetime import UTC, date, datetime, time
from decimal import Decimal
from airflow_provider_claude.core.arrays import array, numbers_of
kind = pa.struct([("a", pa.list_(pa.string())), ("b", pa.float64()), ("c", pa.bool_()), ("d", pa.date32()), ("e", pa.int32())])
array([Decimal("1.5"), None], pa.decimal128(10, 2)), array([time(9)], pa.time64("us"))
made = array([{"a": ["x", None], "b": 1, "c": None, "d": date(2026, 1, 1), "e": 4}, None], kind)
array([datetime.now(UTC)], pa.timestamp("us", tz="UTC"))
numbers_of(pa.chunked_array([made.field("e").slice(0, 1)]))
assert made.to_pylist()[0]["e"] == 4
assert "pandas" not in sys.modules
pa.array([1])
assert "pandas" in sys.modules, "Arrow no longer imports pandas: this module is not needed any more"
"""


def test_pandas_is_not_imported() -> None:
    subprocess.run([sys.executable, "-c", _WITHOUT_PANDAS], check=True)


def test_what_is_not_made_here_arrow_makes() -> None:
    assert array([b"a", None], pa.binary()).to_pylist() == [b"a", None]
