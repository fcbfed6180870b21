"""Answers as Arrow has them: dates, times and decimals from their JSON text, none of them by way of a float.

A number that a decimal column is to hold may have more digits than a float: `quoted` writes it as a string before anything
reads the answer as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
import pyarrow as pa

from airflow_provider_claude.core.load.answer_forms import flat
from airflow_provider_claude.job.decimals import decimal_of
from airflow_provider_claude.job.schema import walk

#: Numbers of fewer digits come back from a float as they were.
_LONG = re.compile(r"\d[\d.]{15,}")

Reader = Callable[[Any], Any]


def has_decimals(schema: Mapping[str, Any]) -> bool:
    return any(decimal_of(node) is not None for _, node in walk(schema, schema))


def quoted(text: str, schema: Mapping[str, Any]) -> str:
    """*text*, an answer to *schema*, with long numbers as strings where they are to become decimals.

    What is no JSON, or no answer to it, stays as it is.
    """
    if not _LONG.search(text):
        return text
    try:
        value = json.loads(text, parse_float=Decimal)
        return msgspec.json.encode(_quoted(value, [schema], schema)).decode()
    except (ValueError, RecursionError, msgspec.MsgspecError, UnicodeEncodeError):
        return text


def _quoted(value: Any, choices: list[Mapping[str, Any]], root: Mapping[str, Any]) -> Any:
    """*value*, which one of *choices* describes. (A decimal is written as a string.)"""
    nodes = [node for choice in choices for node in flat(choice, root)]
    match value:
        case Decimal():
            return value if any(decimal_of(node) is not None for node in nodes) else float(value)
        case dict():
            return {name: _quoted(one, _below(nodes, name), root) for name, one in value.items()}
        case list():
            items = [node["items"] for node in nodes if "items" in node]
            return [_quoted(one, items, root) for one in value]
        case _:
            return value


def _below(nodes: list[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    return [node["properties"][name] for node in nodes if name in node.get("properties", {})]


def reader_of(kind: pa.DataType) -> Reader | None:
    """What makes a Python value for *kind* of a JSON value; None where the JSON value is one.

    The reader raises pa.ArrowInvalid where a value is none of *kind*.
    """
    if pa.types.is_struct(kind):
        return _struct_reader(kind)
    if pa.types.is_list(kind):
        inner = reader_of(kind.value_type)
        return None if inner is None else lambda values: None if values is None else [inner(one) for one in values]
    for is_kind, read in _READERS:
        if is_kind(kind):
            return _checked(read)
    return None


def _struct_reader(kind: pa.StructType) -> Reader | None:
    readers = {field.name: read for field in kind if (read := reader_of(field.type)) is not None}
    if not readers:
        return None
    return lambda value: value and {name: readers[name](one) if name in readers else one for name, one in value.items()}


def _checked(read: Callable[[str], Any]) -> Reader:
    def checked(value: Any) -> Any:
        if value is None:
            return None
        try:
            return read(str(value))
        except (ValueError, InvalidOperation, OverflowError) as e:
            raise pa.ArrowInvalid(f"{str(value)[:80]!r} is not a value of its type ({e})") from e

    return checked


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError("it is not a number")
    return value


def _instant(text: str) -> datetime:
    """A moment; one without a zone is taken for UTC."""
    value = datetime.fromisoformat(text)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _time(text: str) -> time:
    """A time of the day. One that is ahead of UTC or behind has no place in a column of times."""
    value = time.fromisoformat(text)
    if value.utcoffset():
        raise ValueError("it has an offset from UTC")
    return value.replace(tzinfo=None)


_READERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[str], Any]], ...] = (
    (pa.types.is_decimal, _decimal),
    (pa.types.is_timestamp, _instant),
    (pa.types.is_date, date.fromisoformat),
    (pa.types.is_time, _time),
)
