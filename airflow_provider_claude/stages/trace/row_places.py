"""Where a row is in a run folder: among the items, the duplicates, or the rows in quarantine.

Several rows may have one id: copies of a row with its very text are its duplicates, and rows in quarantine take no id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from airflow_provider_claude.core.row_trace import DUPLICATE, ITEM, QUARANTINED
from airflow_provider_claude.core.tables import DUPLICATE_FIELDS, ITEM_FIELDS
from airflow_provider_claude.stages.scan.release_rows import SHOWN
from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.store.parquet_files import rows_with

_KEYS = ("item_id", "source_ref")

_TABLES = {
    ITEM: ("items", tuple(field.name for field in ITEM_FIELDS)),
    DUPLICATE: ("duplicates", tuple(field.name for field in DUPLICATE_FIELDS)),
    QUARANTINED: ("quarantine", SHOWN),
}


class Place(NamedTuple):
    """A row: what it *became* (core.row_trace), and its *fields* in the table it is in, without its texts."""

    became: str
    fields: dict[str, Any]


def places_of(run: RunFolder, name: str) -> Iterator[Place]:
    """The rows of *run* whose id, or place in the source, is *name*. Of all rows, ids and places are read, one part at a time."""
    for became, (folder, columns) in _TABLES.items():
        for path in run.parts(folder):
            yield from (Place(became, fields) for fields in rows_with(path, name, _KEYS, columns))


def item_at(run: RunFolder, name: str) -> dict[str, Any] | None:
    """The item of *run* with the id *name*; None where there is none now."""
    folder, columns = _TABLES[ITEM]
    found = (fields for path in run.parts(folder) for fields in rows_with(path, name, _KEYS[:1], columns))
    return next(found, None)
