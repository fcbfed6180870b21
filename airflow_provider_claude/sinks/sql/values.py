"""Answers as databases take them: lines of PostgreSQL's COPY, or rows of plain values for SQLite.

A database may not hold what an answer holds: PostgreSQL no NUL in a text, SQLite no NaN. Both are counted, see `Changes`.
COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

#: What has to be written otherwise in COPY's text format: the backslash first.
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))

_NUL = "\0"
_STAND_IN = "\ufffd"

_JSON = msgspec.json.Encoder(decimal_format="number")


class Changes:
    """How many values were written as something else, by what they held."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def sentences(self, where: str) -> list[str]:
        said = {
            "NUL": "held the character NUL, which PostgreSQL does not store: U+FFFD stands in its place",
            "NaN": "were not a number (NaN), which SQLite does not store: they are null",
        }
        return [f"{count:,} values in {where} {said[what]}." for what, count in self.counts.items() if count]


def copy_lines(batch: pa.RecordBatch, changes: Changes) -> bytes:
    """The rows of *batch*, a line each."""
    columns = [_escaped(_postgres_text(column, changes)) for column in batch.columns]
    lines = pc.binary_join_element_wise(*columns, "\t")
    whole = pc.binary_join_element_wise(lines, "", "\n")
    return b"".join(whole.cast(pa.binary()).to_pylist())


def plain_rows(batch: pa.RecordBatch, changes: Changes) -> list[tuple[Any, ...]]:
    """The rows of *batch* as SQLite takes them."""
    return list(zip(*(_plain(column, changes) for column in batch.columns), strict=True))


def _escaped(texts: pa.Array) -> pa.Array:
    for what, written in _ESCAPES:
        texts = pc.replace_substring(texts, what, written)
    return pc.fill_null(texts, "\\N")


def _postgres_text(column: pa.Array, changes: Changes) -> pa.Array:
    if pa.types.is_nested(column.type):
        return pa.array([_json(value, changes) for value in column.to_pylist()], pa.string())
    texts = _text(column)
    if pa.types.is_string(column.type):
        found = pc.sum(pc.match_substring(texts, _NUL)).as_py() or 0
        changes.counts["NUL"] += found
        return pc.replace_substring(texts, _NUL, _STAND_IN) if found else texts
    return texts


def _plain(column: pa.Array, changes: Changes) -> Sequence[Any]:
    kind = column.type
    if pa.types.is_nested(kind):
        return [None if value is None else _JSON.encode(value).decode() for value in column.to_pylist()]
    if pa.types.is_decimal(kind):
        return [None if value is None else f"{value:f}" for value in column.to_pylist()]
    if pa.types.is_floating(kind):
        changes.counts["NaN"] += pc.sum(pc.is_nan(column)).as_py() or 0
    if pa.types.is_floating(kind) or (pa.types.is_integer(kind) and not pa.types.is_uint64(kind)):
        return list(column.to_pylist())
    if pa.types.is_boolean(kind):
        return list(pc.cast(column, pa.int8()).to_pylist())
    return list(_text(column).to_pylist())


def _text(column: pa.Array) -> pa.Array:
    """The values of *column* as text. Raises pa.ArrowInvalid for times that are finer than microseconds."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        column = pc.cast(column, pa.timestamp("us", tz=kind.tz and "UTC"))
    elif pa.types.is_time(kind):
        column = pc.cast(column, pa.time64("us"))
    elif pa.types.is_duration(kind):
        counts = pc.cast(pc.cast(pc.cast(column, pa.duration("us")), pa.int64()), pa.string())
        return pc.binary_join_element_wise(counts, "microseconds", " ")
    return pc.cast(column, pa.string())


def _json(value: Any, changes: Changes) -> str | None:
    if value is None:
        return None
    text = _JSON.encode(value).decode()
    if "\\u0000" not in text or (clean := _without_nul(value)) == value:
        return text
    changes.counts["NUL"] += 1
    return _JSON.encode(clean).decode()


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(_NUL, _STAND_IN)
    if isinstance(value, list | tuple):
        return [_without_nul(one) for one in value]
    return {name: _without_nul(one) for name, one in value.items()} if isinstance(value, dict) else value


def parts_for(kind: str, batches: Iterator[pa.RecordBatch], changes: Changes) -> Iterator[Any]:
    """*batches* as a session of *kind* is filled with them."""
    write = copy_lines if kind == "postgresql" else plain_rows
    return (write(batch, changes) for batch in batches)
