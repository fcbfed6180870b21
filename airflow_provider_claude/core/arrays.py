"""Arrow arrays from and to Python's values, without pandas.

`pa.array`, `pa.scalar` and `to_numpy` import pandas, where it is installed, to look whether they are given one of its values:
half a second and 50 MB in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NULL = type(None)
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_DAY = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)

#: Whole numbers up to this are exact as fractions.
_EXACT = 2**53

#: Bytes of text that one array holds at most.
_MOST_TEXT = 2**31 - 1

#: Makes an array of values of a kind, given which are null; None where only Arrow does.
_Maker = Callable[[Sequence[Any], pa.DataType, pa.Buffer | None], pa.Array | None]


def array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """The same as `pa.array(values, kind)`, which makes only what no function here makes."""
    types = set(map(type, values))
    make = _maker(kind, types - {_NULL})
    made = None if make is None else make(values, kind, _validity(values) if _NULL in types else None)
    return pa.array(values, kind) if made is None else made


def scalar(value: Any, kind: pa.DataType) -> pa.Scalar:
    """The same as `pa.scalar(value, kind)`."""
    return array([value], kind)[0]


def numbers_of(column: pa.ChunkedArray) -> NDArray[Any]:
    """The numbers of *column*, which has no nulls."""
    parts = [np.from_dlpack(chunk) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, column.type.to_pandas_dtype())


def number_array(values: Sequence[int] | NDArray[Any], kind: pa.DataType) -> pa.Array:
    """*values*, which all fit, as numbers of *kind*."""
    return _of_numbers(np.asarray(values, dtype=kind.to_pandas_dtype()), kind, None)


def text_array(data: bytes, width: int, rows: int) -> pa.Array:
    """The ASCII texts in *data*, *width* bytes each."""
    offsets = np.arange(rows + 1, dtype="<i4") * np.int32(width)
    return pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def _maker(kind: pa.DataType, types: set[type]) -> _Maker | None:
    """What makes arrays of *kind* of values of *types* and nulls; None where only Arrow does."""
    if not types:
        return lambda values, kind, _: pa.nulls(len(values), kind)
    return next((make for is_kind, of, make in _MAKERS if types <= of and is_kind(kind)), None)


def _texts(values: Sequence[str | None], kind: pa.DataType, validity: pa.Buffer | None) -> pa.Array | None:
    encoded = list(map(str.encode, _filled(values, "", validity)))
    offsets = np.zeros(len(values) + 1, dtype="<i8")
    np.cumsum(np.fromiter(map(len, encoded), "<i8", len(encoded)), out=offsets[1:])
    if offsets[-1] > _MOST_TEXT:
        return None
    buffers = [validity, pa.py_buffer(offsets.astype("<i4")), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(kind, len(values), buffers)


def _integers(values: Sequence[int | None], kind: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    wide = _of_numbers(np.array(_filled(values, 0, validity), dtype="<i8"), pa.int64(), validity)
    return wide if kind == pa.int64() else wide.cast(kind)


def _floats(values: Sequence[float | None], kind: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    return _of_numbers(np.array(_filled(values, 0.0, validity), "<f8"), kind, validity)


def _singles(values: Sequence[float | None], kind: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    with np.errstate(over="ignore"):
        return _of_numbers(np.array(_filled(values, 0.0, validity), "<f8").astype("<f4"), kind, validity)


def _floats_and_integers(
    values: Sequence[float | None], kind: pa.DataType, validity: pa.Buffer | None
) -> pa.Array | None:
    exact = all(type(value) is not int or -_EXACT <= value <= _EXACT for value in values)
    return _floats(values, kind, validity) if exact else None


def _booleans(values: Sequence[bool | None], kind: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    return pa.Array.from_buffers(
        kind, len(values), [validity, _bits(np.array(_filled(values, fill=False, validity=validity)))]
    )


def _moments(values: Sequence[datetime | None], kind: pa.DataType, validity: pa.Buffer | None) -> pa.Array | None:
    moments = _filled(values, _UNIX, validity)
    if any(value.tzinfo is None for value in moments):
        return None
    return _of_numbers(np.array([(value - _UNIX) // _MICROSECOND for value in moments], "<i8"), kind, validity)


def _dates(values: Sequence[date | None], kind: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    days = [value.toordinal() - _UNIX_DAY for value in _filled(values, _UNIX, validity)]
    return _of_numbers(np.array(days, "<i4"), kind, validity)


def _times(values: Sequence[time | None], kind: pa.DataType, validity: pa.Buffer | None) -> pa.Array | None:
    moments = _filled(values, time(), validity)
    if any(value.tzinfo is not None for value in moments):
        return None
    seconds = ((value.hour * 60 + value.minute) * 60 + value.second for value in moments)
    micros = [second * 1_000_000 + value.microsecond for second, value in zip(seconds, moments, strict=True)]
    return _of_numbers(np.array(micros, "<i8"), kind, validity)


def _decimals(values: Sequence[Decimal | int | None], kind: pa.DataType, validity: pa.Buffer | None) -> pa.Array | None:
    numbers = _filled(values, 0, validity)
    beyond = 10 ** (kind.precision - kind.scale)  # of what is too large, a cast from text makes another number
    if not all(type(n) is int or n.is_finite() for n in numbers) or any(abs(n) >= beyond for n in numbers):
        return None
    texts = _texts([format(n, "f") if type(n) is Decimal else str(n) for n in numbers], pa.string(), None)
    if texts is None:
        return None
    made = pc.cast(texts, kind)
    return made if validity is None else pa.Array.from_buffers(kind, len(values), [validity, made.buffers()[1]])


def _lists(values: Sequence[list[Any] | None], kind: pa.ListType, validity: pa.Buffer | None) -> pa.Array:
    filled = _filled(values, [], validity)
    offsets = np.zeros(len(values) + 1, dtype="<i4")
    np.cumsum(list(map(len, filled)), out=offsets[1:])
    items = array(list(chain.from_iterable(filled)), kind.value_type)
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(offsets)], children=[items])


def _structs(values: Sequence[dict[str, Any] | None], kind: pa.StructType, validity: pa.Buffer | None) -> pa.Array:
    filled = _filled(values, {}, validity)
    children = [array([value.get(one.name) for value in filled], one.type) for one in kind]
    return pa.Array.from_buffers(kind, len(values), [validity], children=children)


def _of_numbers(data: NDArray[Any], kind: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    return pa.Array.from_buffers(kind, len(data), [validity, pa.py_buffer(np.ascontiguousarray(data))])


def _filled(values: Sequence[Any], fill: Any, validity: pa.Buffer | None) -> Sequence[Any]:
    """*values* with *fill* for nulls."""
    return values if validity is None else [fill if value is None else value for value in values]


def _validity(values: Sequence[Any]) -> pa.Buffer:
    """A bit for each of *values*, unset where it is null."""
    return _bits(np.array([value is not None for value in values], "?"))


def _bits(flags: NDArray[Any]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


#: The kinds that are made here, and of which types of values.
_MAKERS: tuple[tuple[Callable[[pa.DataType], bool], frozenset[type], _Maker], ...] = (
    (pa.types.is_string, frozenset({str}), _texts),
    (pa.types.is_signed_integer, frozenset({int}), _integers),
    (pa.types.is_float64, frozenset({float}), _floats),
    (pa.types.is_float32, frozenset({float}), _singles),
    (pa.types.is_float64, frozenset({float, int}), _floats_and_integers),
    (pa.types.is_boolean, frozenset({bool}), _booleans),
    (lambda kind: kind == pa.timestamp("us", tz="UTC"), frozenset({datetime}), _moments),
    (pa.types.is_date32, frozenset({date}), _dates),
    (lambda kind: kind == pa.time64("us"), frozenset({time}), _times),
    (pa.types.is_decimal, frozenset({Decimal, int}), _decimals),
    (lambda kind: pa.types.is_list(kind) and not pa.types.is_null(kind.value_type), frozenset({list}), _lists),
    (pa.types.is_struct, frozenset({dict}), _structs),
)
