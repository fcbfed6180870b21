"""Names of partitions: one folder each, `<column>=<value>`, that cannot lead elsewhere or be read differently."""

from __future__ import annotations

import re

from airflow_provider_claude.errors import JobError

_COLUMN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_VALUE = re.compile(r"\w[\w .:+@-]*")

_DAY = re.compile(r"\d{4}-\d\d-\d\d")

#: File systems take names of at most 255 bytes; the column, `=` and the names of temporary files need some of them.
_MAX_BYTES = 180


def checked_partition(value: str) -> str:
    """*value*, which names a folder. Raises JobError for one that could lead elsewhere or be read differently."""
    if not _VALUE.fullmatch(value) or ".." in value or len(value.encode()) > _MAX_BYTES:
        raise JobError(
            f"partition {value!r} cannot name a folder: write letters, digits and any of ' .:+@-_', without '..', at most "
            f"{_MAX_BYTES} bytes."
        )
    return value


def partition_name(column: str, value: str) -> str:
    """`<column>=<value>`. Raises JobError for names that could lead elsewhere or be read differently."""
    if not _COLUMN.fullmatch(column):
        raise JobError(f"partition column {column!r}: write a name of letters, digits and underscores.")
    return f"{column}={checked_partition(value)}"


def shares_a_day(one: str, other: str) -> bool:
    """Whether one of two partitions is a whole day, and the other a part of it, such as an hour."""
    whole, part = sorted((one, other), key=len)
    return whole != part and part.startswith(whole) and _DAY.fullmatch(whole) is not None
