"""The types of carried columns of a Parquet source, over all its files.

    the same type everywhere                  that type
    null in some files                        the type of the others; null where it is null in all
    integers of several widths                the widest; unsigned beside signed: the next wider signed one
    floats of several widths                  the widest
    decimals                                  as many digits before and after the point as any has, 76 in all at most
    timestamps of several units               the finest
    timestamps of several zones               UTC
    text, UUIDs, text in bytes                text

All else (an integer in one file and text in another, a timestamp with a zone beside one without) is refused before anything is
read: one meaning would have to be guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.files.file import SourceFile
from airflow_provider_claude.sources.rows import values
from airflow_provider_claude.sources.tables import parquet_tables

#: Footers read at once: on an object store each is a round trip.
_READERS = 8

_UNITS = ("s", "ms", "us", "ns")
_SIGNED = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
_DIGITS = (38, 76)


def carried_types(files: Sequence[SourceFile], carry: Sequence[str]) -> dict[str, pa.DataType]:
    """The types of the columns *carry* of *files*, those that are text left out; null where no file says.

    Raises SourceError where a column has no type that holds the values of all files.
    """
    found: dict[str, pa.DataType] = {}
    typed = False
    with ThreadPoolExecutor(_READERS) as pool:
        for file, fields in zip(files, pool.map(parquet_tables.fields, files), strict=True):
            typed |= fields is not None
            for one in fields or ():
                if one.name in carry:
                    found[one.name] = _with(found.get(one.name), one, file)
    if not typed:
        return dict.fromkeys(carry, pa.null())
    return {name: kind for name, kind in found.items() if not pa.types.is_string(kind)}


def _with(before: pa.DataType | None, field: pa.Field, file: SourceFile) -> pa.DataType:
    """The type of a column that was *before* in the files so far, and is *field* in *file*."""
    if what := values.refusal(field):
        raise SourceError(f"Column {field.name[:80]!r} of {file.name} {what}: leave it out of carry.")
    kind = values.carried(field)
    common = kind if before is None else unified(before, kind)
    if common is None:
        raise SourceError(
            f"Column {field.name[:80]!r}, which is carried, is {kind} in {file.name} and {before} in files before. "
            "Have it written in one type, or leave it out of carry."
        )
    return common


def unified(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that holds the values of both; None where there is none."""
    if one.equals(other) or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    for is_kind, common in _RULES:
        if is_kind(one) and is_kind(other):
            return common(one, other)
    return None


def _integer(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    signed = pa.types.is_signed_integer
    if signed(one) == signed(other):
        return max(one, other, key=lambda kind: kind.bit_width)
    widths = [kind.bit_width * (1 if signed(kind) else 2) for kind in (one, other)]
    return next((kind for kind in _SIGNED if kind.bit_width >= max(widths)), None)


def _float(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    return max(one, other, key=lambda kind: kind.bit_width)


def _decimal(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    scale = max(one.scale, other.scale)
    precision = max(one.precision - one.scale, other.precision - other.scale) + scale
    if precision > _DIGITS[1]:
        return None
    return pa.decimal128(precision, scale) if precision <= _DIGITS[0] else pa.decimal256(precision, scale)


def _timestamp(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if (one.tz is None) != (other.tz is None):
        return None
    unit = max(one.unit, other.unit, key=_UNITS.index)
    return pa.timestamp(unit, tz=one.tz if one.tz == other.tz else "UTC")


def _time(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    return max(one, other, key=lambda kind: _UNITS.index(kind.unit))


_RULES = (
    (pa.types.is_integer, _integer),
    (pa.types.is_floating, _float),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_timestamp, _timestamp),
    (pa.types.is_time, _time),
    (pa.types.is_duration, _time),
)
