"""What the tests of sources share: files in, rows out."""

from __future__ import annotations

from typing import Any

from upath import UPath

from airflow_provider_claude.sources.source import open_source

Rows = list[dict[str, Any]]


def rows_of(path: object, **options: Any) -> Rows:
    source = open_source(UPath(path), **options)
    batches = list(source.batches())
    assert all(batch.schema == source.schema for batch in batches)
    return [row for batch in batches for row in batch.to_pylist()]


def defects(rows: Rows) -> list[tuple[str, str]]:
    """Reference and word of each row with a defect."""
    return [(row["source_ref"], row["defect"].partition(":")[0]) for row in rows if row["defect"]]
