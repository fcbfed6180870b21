"""The columns of answers as columns of a database: which type each has, and whether a table that is there can hold them.

    Arrow                      PostgreSQL                  SQLite
    string                     text                        TEXT
    bool                       boolean                     INTEGER, 0 and 1
    integers                   smallint, integer, bigint   INTEGER; uint64 as TEXT
    float, double              real, double precision      REAL
    decimal(p, s)              numeric(p, s)               TEXT, all digits: SQLite has no exact numbers
    timestamp with a zone      timestamp with time zone    TEXT, ISO 8601 in UTC
    timestamp                  timestamp without time zone TEXT, ISO 8601
    date, time                 date, time without time zone  TEXT, ISO 8601
    duration                   interval                    TEXT, microseconds
    struct, list, map          jsonb                       TEXT, JSON
    null                       text                        TEXT

Microseconds are the finest times of PostgreSQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

_DAY = re.compile(r"\d{4}-\d\d-\d\d")

_KINDS = (
    (pa.types.is_nested, "jsonb"),
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_uint64, "numeric(20,0)"),
    (lambda kind: pa.types.is_int64(kind) or pa.types.is_uint32(kind), "bigint"),
    (lambda kind: pa.types.is_int32(kind) or pa.types.is_uint16(kind), "integer"),
    (pa.types.is_integer, "smallint"),
    (pa.types.is_float64, "double precision"),
    (pa.types.is_floating, "real"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time without time zone"),
    (pa.types.is_duration, "interval"),
)

#: Which other types of PostgreSQL hold all values of a type.
_WIDER: Mapping[str, frozenset[str]] = {
    "smallint": frozenset({"integer", "bigint", "numeric"}),
    "integer": frozenset({"bigint", "numeric"}),
    "bigint": frozenset({"numeric"}),
    "real": frozenset({"double precision"}),
    "text": frozenset({"character varying"}),
    "jsonb": frozenset({"json", "text", "character varying"}),
}

_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")

#: What SQLite does with values of a column, by words in its type, in this order (https://www.sqlite.org/datatype3.html).
_AFFINITIES = (
    ("INT", "INTEGER"),
    ("CHAR", "TEXT"),
    ("CLOB", "TEXT"),
    ("TEXT", "TEXT"),
    ("BLOB", ""),
    ("REAL", "REAL"),
    ("FLOA", "REAL"),
    ("DOUB", "REAL"),
)


class Wanted(NamedTuple):
    """A column that a table has to have, and its type. *any*: all its values are null, which any type holds."""

    name: str
    type: str
    any: bool = False


def wanted_columns(schema: pa.Schema, kind: str, column: str | None, partition: str | None) -> list[Wanted]:
    """The columns of a table of answers in a database of *kind*; at the end the partition's, if there is one."""
    made = _postgres if kind == "postgresql" else _sqlite
    found = [Wanted(one.name, made(one.type), pa.types.is_null(one.type)) for one in schema]
    if partition is None or column is None:
        return found
    return [*found, Wanted(column, made(pa.date32() if _DAY.fullmatch(partition) else pa.string()))]


def _postgres(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})" if kind.scale >= 0 else "numeric"
    if pa.types.is_timestamp(kind):
        return f"timestamp with{'out' if kind.tz is None else ''} time zone"
    return next((name for is_kind, name in _KINDS if is_kind(kind)), "text")


def _sqlite(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind) or (pa.types.is_integer(kind) and not pa.types.is_uint64(kind)):
        return "INTEGER"
    return "REAL" if pa.types.is_floating(kind) else "TEXT"


def misfits(
    wanted: Iterable[Wanted], found: Sequence[tuple[str, str, bool]], kind: str, partition: str | None
) -> list[str]:
    """What is wrong with a table of the columns *found* (name, type, whether it needs a value), one phrase each.

    *partition* is the name of the partition column: of it, a text holds every value.
    """
    there = {name: one for name, one, _ in found}
    needed = list(wanted)
    problems = []
    for one in needed:
        if one.name not in there:
            problems.append(f"it has no column {one.name!r} ({one.type})")
        elif not (one.any or _holds(there[one.name], one, kind, text=one.name == partition)):
            problems.append(f"its column {one.name!r} is {there[one.name]}, and has to be {one.type}")
    names = {one.name for one in needed}
    more = [name for name, _, required in found if required and name not in names]
    return [*problems, *(f"its column {name!r} needs a value, which answers do not have" for name in more)]


def _holds(found: str, wanted: Wanted, kind: str, *, text: bool) -> bool:
    if kind == "sqlite":
        return _affinity(found) in {wanted.type, ""} or (wanted.type != "TEXT" and _affinity(found) == "NUMERIC")
    accepted = {wanted.type} | _WIDER.get(wanted.type, frozenset()) | ({"text", "character varying"} if text else set())
    return found in accepted or _holds_digits(found, wanted.type)


def _holds_digits(found: str, wanted: str) -> bool:
    """Whether *found* is a numeric with as many digits before and after the point as *wanted*."""
    digits = _NUMERIC.fullmatch(wanted)
    if digits is None:
        return False
    have = _NUMERIC.fullmatch(found)
    if have is None:
        return found == "numeric"
    before, after = (int(one[1]) - int(one[2]) for one in (digits, have))
    return after >= before and int(have[2]) >= int(digits[2])


def _affinity(kind: str) -> str:
    if not kind:
        return ""
    return next((found for word, found in _AFFINITIES if word in kind.upper()), "NUMERIC")
