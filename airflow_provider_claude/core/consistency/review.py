"""The table of rows that people look at: its columns, and what they may write into it.

A row is known by `row`, which a spreadsheet leaves as it is. The texts that came with it are not read back: those of the run
count.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from airflow_provider_claude.core.consistency.comparable import Comparable
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.schema import resolve

#: The first columns: how a row is known, its id, and why it is there.
ROW, ITEM, WHY = "row", "item_id", "why"

#: What the names of the other columns begin with: a column of the prompt, a field of the answer, and its right value.
TEXT, ANSWER, CORRECTED = "text_", "answer_", "corrected_"

#: So much of the hash of a row's texts names it.
_ROW_CHARS = 24

#: Errors that are named.
_MOST_NAMED = 5

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def row_name(input_hash: str) -> str:
    """How the row with this hash of its texts is called in the table; never what looks like a number or a date."""
    return f"row-{input_hash[:_ROW_CHARS]}"


def head(texts: Sequence[str], fields: Sequence[str]) -> list[str]:
    """The columns of the table, for the columns *texts* of the prompt and the *fields* that can be corrected."""
    return [
        ROW,
        ITEM,
        WHY,
        *(f"{TEXT}{name}" for name in texts),
        *(column for name in fields for column in (f"{ANSWER}{name}", f"{CORRECTED}{name}")),
    ]


class Correction(NamedTuple):
    """The right values of the row *row*, by field."""

    row: str
    values: Mapping[str, Any]


def corrections(
    rows: Iterator[Mapping[str, str | None]], fields: Mapping[str, Comparable], schema: Mapping[str, Any]
) -> list[Correction]:
    """What people wrote into the *rows* of the table. Rows without anything corrected are left out.

    Raises JobError, which names the first values that are none of their field, or the column that is missing.
    """
    found, wrong = [], []
    for row in rows:
        _check_columns(row, fields)
        values = {}
        for name in fields:
            written = row.get(f"{CORRECTED}{name}")
            text = "" if written is None else str(written).strip()
            if not text:
                continue
            try:
                values[name] = value_of(text, fields[name], _node(schema, name))
            except ValueError as error:
                wrong.append(f"{row[ROW]}, {CORRECTED}{name}: {error}")
        if values:
            found.append(Correction(row[ROW] or "", values))
    if wrong:
        more = f", and {len(wrong) - _MOST_NAMED:,} more" if len(wrong) > _MOST_NAMED else ""
        raise JobError(f"Nothing was taken over. Correct the table: {'; '.join(wrong[:_MOST_NAMED])}{more}.")
    return found


def _check_columns(row: Mapping[str, str | None], fields: Mapping[str, Comparable]) -> None:
    if not row.get(ROW):
        raise JobError(f"The table has a row without its {ROW}: keep this column as `claude-batch review` wrote it.")
    if not any(f"{CORRECTED}{name}" in row for name in fields):
        names = ", ".join(f"{CORRECTED}{name}" for name in fields)
        raise JobError(f"The table has none of the columns {names}: keep those that `claude-batch review` wrote.")


def value_of(text: str, field: Comparable, node: Mapping[str, Any]) -> Any:
    """The value that *text* is for a *field* with the schema *node*. Raises ValueError where it is none."""
    if field.numbers:
        return _number(text, node)
    if "enum" not in node:
        if text.lower() not in _BOOLEANS:
            raise ValueError(f"{text[:40]!r} is neither true nor false")
        return _BOOLEANS[text.lower()]
    labels = [value for value in node["enum"] if value is not None]
    by_name = {_name(value): value for value in labels} | {_name(value).lower(): value for value in labels}
    for written in (text, text.lower(), text.removeprefix("'")):  # an apostrophe keeps a spreadsheet from calculating
        if written in by_name:
            return by_name[written]
    raise ValueError(f"{text[:40]!r} is none of {', '.join(map(_name, labels))}")


def _name(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _number(text: str, node: Mapping[str, Any]) -> float:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no number") from None
    low, high = node.get("minimum", float("-inf")), node.get("maximum", float("inf"))
    if not low <= number <= high:
        raise ValueError(f"{text[:40]} is not from {low} to {high}")
    if node.get("type") == "integer":
        if not number.is_integer():
            raise ValueError(f"{text[:40]} is no whole number")
        return int(number)
    return number


def _node(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The schema of the field *name* where it is not null."""
    node = resolve(resolve(schema, schema)["properties"][name], schema)
    values = [resolve(one, schema) for one in node.get("anyOf", ())]
    values = [one for one in values if one.get("type") != "null"]
    return values[0] if len(values) == 1 else node


def read_csv(content: bytes) -> Iterator[dict[str, str | None]]:
    """The rows of a CSV file as a spreadsheet writes it: in UTF-8 or in the code page of Western Europe; with commas,
    semicolons or tabs between columns.

    Raises JobError where it is no such file.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        yield from csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error as error:
        raise JobError(f"The table cannot be read as CSV: {error}. Save it as CSV again, or use Parquet.") from error
