"""Rows that a function of the DAG's author returns, as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from airflow_provider_claude.errors import JobError

_WRITE = "return a path, a URI, a list of dictionaries, a DataFrame or an Arrow table"


def table_of(rows: object, columns: Sequence[str], *, by: str) -> pa.Table:
    """*rows*, which the function *by* returned, as a table: each key of a dictionary is a column, null where a row lacks it.

    Without rows it has *columns*, as texts. Raises JobError for what is no rows, for values of one column that have no common
    type, and where one of *columns* is in no row.
    """
    if isinstance(rows, list | tuple):
        table = _of_dictionaries(rows, columns, by)
    elif isinstance(rows, pa.Table | pa.RecordBatch) or hasattr(rows, "__arrow_c_stream__") or hasattr(rows, "iloc"):
        table = _of_frame(rows, by)
    else:
        raise JobError(f"{by} returned a {type(rows).__name__}: {_WRITE}.")
    if missing := [name for name in columns if name not in table.column_names]:
        raise JobError(
            f"The rows of {by} have no column {', '.join(missing)}. They have {', '.join(table.column_names) or 'none'}."
        )
    return table


def _of_dictionaries(rows: Sequence[Any], columns: Sequence[str], by: str) -> pa.Table:
    for row in rows:
        if not isinstance(row, Mapping):
            raise JobError(f"{by} returned a list that holds a {type(row).__name__}: {_WRITE}.")
    # Of a list of dictionaries, Arrow itself takes the columns of the first one only.
    names = list(dict.fromkeys(name for row in rows for name in row)) if rows else list(columns)
    if odd := [name for name in names if not isinstance(name, str)]:
        raise JobError(f"The rows of {by} have the column {odd[0]!r}: write names of columns as texts.")
    return pa.table({name: _column(rows, name, by) for name in names})


def _column(rows: Sequence[Mapping[str, Any]], name: str, by: str) -> pa.Array:
    try:
        return pa.array([row.get(name) for row in rows], type=None if rows else pa.string())
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as e:
        raise JobError(f"The column {name!r} of the rows of {by} has values without a common type ({e}).") from e


def _of_frame(rows: Any, by: str) -> pa.Table:
    try:
        return pa.Table.from_pandas(rows, preserve_index=False) if hasattr(rows, "iloc") else pa.table(rows)
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as e:
        raise JobError(f"The rows of {by} are no table: {e}.") from e
