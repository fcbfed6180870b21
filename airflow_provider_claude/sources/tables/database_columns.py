"""The columns of a query, as the driver describes them: how each is selected, and which Arrow type its values have.

    PostgreSQL                                Arrow
    boolean, smallint, integer, bigint        bool, int16, int32, int64
    real, double precision                    float, double
    numeric(p, s)                             decimal, to be carried; numeric without digits is only sent
    date, time, timestamp, timestamptz        date32, time64, timestamp, timestamp in UTC (microseconds)
    bytea                                     refused: which text it is has to be said in the query
    all others (text, uuid, jsonb, arrays …)  string, as the server writes them

A column of SQLite has no type of its own: one that is carried has that of its values, whole numbers or floating ones, else text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.databases.database import Session
from airflow_provider_claude.errors import SourceError

#: A text has at most so many characters; longer ones are cut behind the next, so that they are known.
MOST_CHARACTERS = 16_000_000

#: By the object ids of PostgreSQL's types (https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat).
_TYPES = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    700: pa.float32(),
    701: pa.float64(),
    1082: pa.date32(),
    1083: pa.time64("us"),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", tz="UTC"),
}
_BYTES, _NUMERIC = 17, 1700
_DIGITS = (38, 76)


class Selected(NamedTuple):
    """A column *name*: the *expression* that selects it, and its Arrow *type*. *no_text*, *no_type*: why it cannot be sent, or
    carried; None where it can.
    """

    name: str
    expression: str
    type: pa.DataType
    no_text: str | None = None
    no_type: str | None = None


def selected(
    session: Session, described: Sequence[Any], carry: Sequence[str], kinds: Callable[[str], set[str]]
) -> list[Selected]:
    """The columns that a driver has *described*. *kinds* gives what SQLite calls the types of the values of a column."""
    if session.kind == "postgresql":
        return [_of_postgres(session, one) for one in described]
    return [_of_sqlite(session, one[0], kinds(one[0]) if one[0] in carry else None) for one in described]


def _of_postgres(session: Session, told: Any) -> Selected:
    name, quoted = told.name, session.quoted(told.name)
    if told.type_code == _BYTES:
        why = f"is bytea: say in the query which text it is, such as convert_from({_shown(name)}, 'UTF8')"
        return Selected(name, quoted, pa.binary(), no_text=why, no_type=why)
    if told.type_code == _NUMERIC:
        return _of_numeric(session, name, told.precision, told.scale)
    if kind := _TYPES.get(told.type_code):
        return Selected(name, quoted, kind)
    return Selected(name, _bounded(session, f"cast({quoted} as text)"), pa.string())


def _shown(name: str) -> str:
    return legible(excerpt(name, 80))


def _of_numeric(session: Session, name: str, precision: int | None, scale: int | None) -> Selected:
    quoted = session.quoted(name)
    if precision is None or scale is None or not 0 <= scale <= precision <= _DIGITS[1]:
        why = f"is numeric without a number of digits: give it one in the query, such as cast({_shown(name)} as numeric(18, 2))"
        return Selected(name, _bounded(session, f"cast({quoted} as text)"), pa.string(), no_type=why)
    return Selected(name, quoted, (pa.decimal128 if precision <= _DIGITS[0] else pa.decimal256)(precision, scale))


def _of_sqlite(session: Session, name: str, kinds: set[str] | None) -> Selected:
    """*kinds* None: the column is only sent."""
    quoted = session.quoted(name)
    found = (kinds or {"text"}) - {"null"}
    if found == {"integer"}:
        return Selected(name, quoted, pa.int64())
    if found and found <= {"integer", "real"}:
        return Selected(name, quoted, pa.float64())
    # With the driver's text as bytes: UTF-8 is checked here, and a value in another set costs no row but its own.
    return Selected(name, _bounded(session, quoted), pa.binary())


def _bounded(session: Session, text: str) -> str:
    most = MOST_CHARACTERS + 1
    if session.kind == "postgresql":
        return f"left({text}, {most})"
    # SQLite counts the characters of a text as far as its first NUL: behind it, bytes are counted.
    characters, data = f"when length({text}) >= {most} then substr({text}, 1, {most})", f"cast({text} as blob)"
    return f"case {characters} when length({data}) > {4 * most} then substr({data}, 1, {4 * most}) else {text} end"


def column_of(values: Sequence[Any], wanted: Selected, where: str) -> pa.Array:
    """*values* as the driver gives them, in the type of *wanted*."""
    if pa.types.is_binary(wanted.type):
        values = [_bytes(value) for value in values]
    try:
        return array(values, wanted.type)
    except (pa.ArrowException, ArithmeticError, ValueError, TypeError) as e:
        raise SourceError(
            f"Column {wanted.name[:80]!r} of {where} has values that are not {wanted.type}: {type(e).__name__}. "
            "Cast it in the query."
        ) from None


def _bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode()


def by_name(columns: Sequence[Selected]) -> Mapping[str, Selected]:
    return {one.name: one for one in columns}
