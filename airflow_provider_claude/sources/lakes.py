"""Table formats whose Parquet files are no table by themselves: they also hold rows that were replaced or deleted since.

Which files and rows hold is said by a log beside them, so they are refused by name, also from within.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.errors import SourceError

if TYPE_CHECKING:
    from upath import UPath

#: How many folders above a source are looked at.
_LEVELS = 10

_MARKS = (
    (re.compile(r"(?:^|/)_delta_log/[^/]+$"), "Delta"),
    (re.compile(r"(?:^|/)\.hoodie(?:/|_partition_metadata$)"), "Hudi"),
    (re.compile(r"(?:^|/)metadata/(?:[^/]+\.metadata\.json|version-hint\.text)$"), "Iceberg"),
)


def refuse_lakes(fs: Any, folder: str, paths: Sequence[str], source: UPath) -> None:
    """Raise SourceError where *paths*, all files of *source*, hold such a table, or lie in one: *folder* is above them all."""
    marks = ((path, kind) for path in paths for pattern, kind in _MARKS if pattern.search(path))
    place, kind = next(marks, ("", None))
    if kind is None and any(path.lower().endswith((".parquet", ".pq")) for path in paths):
        place, kind = _above(fs, folder)
    if kind is not None:
        raise SourceError(
            f"{source} is, holds or lies in a table of {kind} ({place}). Its Parquet files also hold rows that were replaced "
            f"or deleted, and only {kind} knows which, so they are never read as plain files. Write the rows that are to be "
            f"asked about to plain Parquet files first, with {kind}'s own library or an SQL engine, and name these as the source."
        )


def _above(fs: Any, folder: str) -> tuple[str, str | None]:
    """The mark of the table that *folder* lies in, and its kind."""
    parts = folder.split("/")
    for count in range(len(parts), max(0, len(parts) - _LEVELS), -1):
        above = "/".join(parts[:count])
        for place, kind in (
            (f"{above}/_delta_log", "Delta"),
            (f"{above}/.hoodie", "Hudi"),
            (f"{above}/metadata", "Iceberg"),
        ):
            if any(pattern.search(name) for name in _names(fs, place) for pattern, known in _MARKS if known == kind):
                return place, kind
    return "", None


def _names(fs: Any, folder: str) -> list[str]:
    """The files in *folder*; none where it is not there, or may not be looked at: a key may be for a part of a store."""
    try:
        return [str(info["name"]) for info in fs.ls(folder, detail=True)]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
