"""The tables of a run, for queries: read where they lie, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_claude.store import RunFolder, exists
from airflow_provider_claude.store.parquet_files import read_schema

if TYPE_CHECKING:
    from upath import UPath

#: What a table is, by its name, in the order in which tables are listed.
MEANINGS: Mapping[str, str] = {
    "answers": "rows with a valid answer, with their provenance",
    "unresolved": "rows without a valid answer, each with its reason",
    "quarantine": "rows that the scan has set aside",
    "duplicates": "rows that repeat the text of another, and take its answer",
    "items": "rows to be asked, with their texts",
    "attempts": "what each attempt of a shard has cost",
}

_USD = pa.decimal128(18, 9)

#: Digits of DuckDB's widest decimal.
_MOST_DIGITS = 38

_ATTEMPTS = pa.schema(
    [
        ("shard", pa.int32()),
        ("attempt", pa.int32()),
        ("at", pa.string()),
        ("lane", pa.string()),
        ("model", pa.string()),
        ("requests", pa.int64()),
        ("answered", pa.int64()),
        ("usd", _USD),
    ]
)


def tables_of(run: RunFolder) -> dict[str, Any]:
    """The tables of *run* that there are, by name: Arrow tables and datasets, which DuckDB reads as they are.

    Raises StateError where it has no readable scan.
    """
    run.need_scan()
    shards = run.shards()
    unresolved = [path for shard in shards if exists(path := shard.file("unresolved.parquet"))]
    files = {
        "answers": run.parts("answers"),
        "unresolved": unresolved,
        **{name: run.parts(name) for name in ("quarantine", "duplicates", "items")},
    }
    found = {name: _dataset(paths) for name, paths in files.items() if paths}
    return {**found, "attempts": pa.Table.from_pylist(list(_attempts(run)), _ATTEMPTS)}


def _dataset(paths: Sequence[UPath]) -> Any:
    """The Parquet files at *paths* as one."""
    import pyarrow.dataset as ds
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    fs = paths[0].fs
    store = None if isinstance(fs, LocalFileSystem) else PyFileSystem(FSSpecHandler(fs))
    schema = pa.schema([one.with_type(_read_as(one.type)) for one in read_schema(paths[0])])
    return ds.dataset([path.path for path in paths], schema, format="parquet", filesystem=store)


def _read_as(kind: pa.DataType) -> pa.DataType:
    """*kind*, or one that holds its values where DuckDB does not have it: it would refuse the whole table."""
    if pa.types.is_decimal256(kind):
        return pa.decimal128(kind.precision, kind.scale) if kind.precision <= _MOST_DIGITS else pa.string()
    return pa.float32() if pa.types.is_float16(kind) else kind


def _attempts(run: RunFolder) -> Iterator[dict[str, Any]]:
    for shard in run.shards():
        for number in shard.attempts():
            paid = shard.paid(number)
            if paid is not None:
                yield {name: getattr(paid, name) for name in _ATTEMPTS.names} | {"usd": Decimal(paid.usd)}
