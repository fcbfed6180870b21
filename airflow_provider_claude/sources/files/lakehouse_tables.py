"""Table formats whose Parquet files are no table by themselves: they also hold rows that were replaced or deleted since.

A log beside them says which files and rows count, so such tables are refused by name, also from within.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.errors import SourceError

if TYPE_CHECKING:
    from upath import UPath

#: How many levels above a source, and how many folders in all, are looked into.
_LEVELS = 10
_FOLDERS = 1_000

_MARKS = (
    (re.compile(r"(?:^|/)_delta_log/[^/]+$"), "Delta"),
    (re.compile(r"(?:^|/)\.hoodie(?:/|_partition_metadata$)"), "Hudi"),
    (re.compile(r"(?:^|/)metadata/(?:[^/]+\.metadata\.json|version-hint\.text)$"), "Iceberg"),
)


def refuse_lakes(fs: Any, base: str, paths: Sequence[str], source: UPath) -> None:
    """Raise SourceError where *paths*, all files of *source*, hold such a table, or lie in one. *base* is above them all."""
    marks = ((path, kind) for path in paths for pattern, kind in _MARKS if pattern.search(path))
    folder, kind = next(marks, ("", None))
    if kind is None:
        parquet = {path.rpartition("/")[0] for path in paths if path.lower().endswith((".parquet", ".pq"))}
        folder, kind = _marked(fs, _to_look_into(parquet, base))
    if kind is not None:
        raise SourceError(
            f"{source} is, holds or lies in a table of {kind} ({folder}). Its Parquet files also hold rows that were replaced "
            f"or deleted, and only {kind} knows which, so they are never read as plain files. Write the rows that are to be "
            f"asked about to plain Parquet files first, with {kind}'s own library or an SQL engine, and name these as the "
            "source."
        )


def _to_look_into(folders: Iterable[str], base: str) -> list[str]:
    """Those above *folders* that may be a table's, the shortest first. A folder of a partition (`day=1`) is none."""
    lowest = len(base.split("/")) - _LEVELS
    found = {
        "/".join(parts[:count]) for parts in (one.split("/") for one in folders) for count in _counts(parts, lowest)
    }
    return sorted((one for one in found if "=" not in one.rpartition("/")[2]), key=len)[:_FOLDERS]


def _counts(parts: Sequence[str], lowest: int) -> range:
    return range(max(1, lowest), len(parts) + 1)


def _marked(fs: Any, folders: Iterable[str]) -> tuple[str, str | None]:
    """The mark of a table in *folders*, and its kind."""
    for folder in folders:
        for name, kind in (("_delta_log", "Delta"), (".hoodie", "Hudi"), ("metadata", "Iceberg")):
            there = _names(fs, f"{folder}/{name}")
            if any(pattern.search(one) for one in there for pattern, known in _MARKS if known == kind):
                return f"{folder}/{name}", kind
    return "", None


def _names(fs: Any, folder: str) -> list[str]:
    """The files in *folder*; none where it is not there, or may not be looked at: a key may be for a part of a store."""
    try:
        return [str(info["name"]) for info in fs.ls(folder, detail=True)]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
