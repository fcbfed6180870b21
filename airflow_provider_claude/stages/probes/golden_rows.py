"""The golden rows of a run: its probe asks them among the sample, under names that no row of the run has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.consistency.comparable import Answers, Comparable, known_value
from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.store.items import read_items
from airflow_provider_claude.store.parquet_files import read_schema

#: What the names of golden rows begin with in a probe. The sample has no row whose name begins so.
PREFIX = "golden:"

#: So many golden rows are asked in one run: those of a larger table whose hashes come first, in each run the same.
MOST_GOLDEN = 2_000


class GoldenRows(NamedTuple):
    """By its name in the probe: the *known* values of each golden row, and the *key* by which later runs know the row: another
    one where its known values are others.
    """

    known: Answers
    keys: Mapping[str, str]


def golden_items(run: RunFolder, like: pa.Schema, start: int) -> pa.Table:
    """The golden rows of *run* as items *like* its own, numbered from *start*. Columns that only the run carries are null."""
    scan = run.golden.need_scan()
    there = [name for name in read_schema(run.golden.part("items", 0)).names if name in like.names]
    table = pa.Table.from_batches(read_items(run.golden, scan, 0, scan.items, there))
    table = table.take(_first(table["item_id"].to_pylist()))
    own = {
        "item_id": [f"{PREFIX}{ordinal}" for ordinal in table["ordinal"].to_pylist()],
        "ordinal": range(start, start + len(table)),
    }
    columns = [
        array(own[field.name], field.type)
        if field.name in own
        else table[field.name].cast(field.type)
        if field.name in there
        else pa.nulls(len(table), field.type)
        for field in like
    ]
    return pa.table(columns, schema=like)


def golden_rows(run: RunFolder, fields: Mapping[str, Comparable]) -> GoldenRows:
    """The golden rows of *run* with what is known of their *fields*. Raises JobError for a value that no answer can have."""
    scan = run.golden.need_scan()
    there = [name for name in fields if name in scan.carry]
    known: dict[str, dict[str, Any]] = {}
    keys: dict[str, str] = {}
    for batch in read_items(run.golden, scan, 0, scan.items, ["ordinal", "item_id", *there]):
        for row in batch.to_pylist():
            item, name = row["item_id"], f"{PREFIX}{row['ordinal']}"
            known[name] = {field: known_value(fields[field], field, row[field], item) for field in there}
            keys[name] = _hash(json.dumps([item, known[name]]))
    return GoldenRows(known, keys)


def _first(items: list[str]) -> list[int]:
    """The places of the *items* that are asked."""
    return sorted(sorted(range(len(items)), key=lambda place: _hash(items[place]))[:MOST_GOLDEN])


def _hash(item: str) -> str:
    return hashlib.blake2b(item.encode(), digest_size=8).hexdigest()
