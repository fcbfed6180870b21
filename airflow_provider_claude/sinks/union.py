"""Answers of several jobs as one table: the columns of all files, each of a type that holds the values of all.

The rule, by column:

- null becomes whatever the others have; narrow numbers become wide ones, whole numbers become floating ones or decimals,
  decimals get the digits of both, and dates and times the finer unit: Arrow's `unify_schemas`, permissive.
- moments of several time zones are converted to UTC.
- lists and objects are joined element by element and field by field.
- decimals and floating numbers become floating ones, the nearest to each decimal.
- plain values of kinds that have nothing in common (a number and a text, true and a number) become text, as do decimals with
  more digits than Arrow has.
- a list or an object and anything else cannot be joined: JobError names the column and a file of each.

Columns stand in the order in which the files, by name, first have them, partition columns at the end. A value that its
new type cannot hold exactly (a whole number beyond 2**53 as a floating one) is an error of Arrow's, never rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.dataset as ds

from airflow_provider_claude.errors import JobError

if TYPE_CHECKING:
    from upath import UPath

#: Footers are read by so many threads at once.
_READERS = 8

#: Digits of the longest whole number in 64 bits, 2**64 - 1: what Arrow casts to a decimal needs room for.
_INTEGER_DIGITS = 20


def open_answers(path: UPath, columns: Sequence[str] | None = None) -> ds.Dataset:
    """The Parquet files at and under *path*, with the columns of all of them, or those of *columns*.

    Raises JobError where no type holds the values of a column.
    """
    found = _opened(path, ds.HivePartitioning.discover(infer_dictionary=False))
    with ThreadPoolExecutor(_READERS) as pool:
        schemas = list(pool.map(lambda fragment: fragment.physical_schema, _fragments(found)))
    columns_there = {name for schema in schemas for name in schema.names}
    keys = [field.with_type(pa.string()) for field in found.schema if field.name not in columns_there]
    if any(found.schema.field(key.name) != key for key in keys):
        found = _opened(path, ds.HivePartitioning(pa.schema(keys)))  # 007 is a mailbox, and no number
    if all(schema.equals(schemas[0]) for schema in schemas[1:]):
        return found
    fragments = _fragments(found)
    own = unified([_only(schema, columns) for schema in schemas], [fragment.path for fragment in fragments])
    keys = [key for key in keys if key.name not in own.names]
    return ds.FileSystemDataset(fragments, pa.schema([*own, *keys]), found.format, filesystem=found.filesystem)


def _opened(path: UPath, partitioning: ds.Partitioning) -> ds.FileSystemDataset:
    return ds.dataset(path.path, filesystem=path.fs, format="parquet", partitioning=partitioning)


def _fragments(dataset: ds.FileSystemDataset) -> list[ds.ParquetFileFragment]:
    """Its files, by name."""
    return sorted(dataset.get_fragments(), key=lambda fragment: str(fragment.path))


def _only(schema: pa.Schema, columns: Sequence[str] | None) -> pa.Schema:
    return schema if columns is None else pa.schema([field for field in schema if field.name in columns])


def unified(schemas: Sequence[pa.Schema], names: Sequence[str]) -> pa.Schema:
    """The schema that holds the columns of all *schemas*, which are those of the files *names*."""
    columns: dict[str, list[tuple[pa.Field, str]]] = {}
    for schema, name in zip(schemas, names, strict=True):
        for field in schema:
            columns.setdefault(field.name, []).append((field, name))
    return pa.schema([pa.field(column, _type(found)) for column, found in columns.items()])


def _type(found: Sequence[tuple[pa.Field, str]]) -> pa.DataType:
    whole, _ = found[0]
    for field, name in found[1:]:
        if field.type == whole.type:
            continue
        try:
            whole = _joined(whole, field)
        except (pa.ArrowTypeError, pa.ArrowInvalid) as e:
            other = next(n for f, n in found if f.type != field.type)
            raise JobError(
                f"Column {field.name!r} is {field.type} in {name} and {whole.type} in {other}, which no column can hold "
                "both. Read the partitions of each job by themselves, or leave the column out: columns=[…]."
            ) from e
    return whole.type


def _joined(one: pa.Field, other: pa.Field) -> pa.Field:
    """A field for the values of both; text where they have nothing in common. Raises ArrowTypeError where none is."""
    if _has_zone(one.type) and _has_zone(other.type) and one.type.tz != other.type.tz:
        one, other = _in_utc(one), _in_utc(other)
    if pa.types.is_decimal(one.type) or pa.types.is_decimal(other.type):
        one, other = _as_decimal(one), _as_decimal(other)
    try:
        return pa.unify_schemas([pa.schema([one]), pa.schema([other])], promote_options="permissive").field(0)
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        if pa.types.is_nested(one.type) or pa.types.is_nested(other.type):
            raise
        return pa.field(one.name, pa.string())


def _has_zone(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.tz is not None)


def _as_decimal(field: pa.Field) -> pa.Field:
    """*field*; as decimals where it has whole numbers, with room for all of them."""
    return field.with_type(pa.decimal128(_INTEGER_DIGITS, 0)) if pa.types.is_integer(field.type) else field


def _in_utc(field: pa.Field) -> pa.Field:
    return field.with_type(pa.timestamp(field.type.unit, tz="UTC"))
