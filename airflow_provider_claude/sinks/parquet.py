"""Answers as a Parquet dataset: `<output>/<column>=<partition>/part-00000.parquet`.

`publish` replaces a whole partition, so that publishing twice is publishing once and a smaller run leaves no
stale file behind:

- a partition on a local disk is written beside its place, into a folder that readers skip (its name starts
  with a dot), and then swapped in by two renames. Readers see the old partition or the new one. Between the
  two renames, some microseconds, they see none; a crash there is undone by the next publish, which puts the
  old partition back before it begins.
- elsewhere (object stores, or an output without partitions, whose folder is not ours to replace) each part is
  put in place whole, and then the parts that are not of this run are deleted. Until that has ended, readers
  may see parts of both runs, and a publish that was cut short is completed by the next.

One publisher a partition at a time: the run folder of a partition has one report task.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_claude.errors import JobError, StateError
from airflow_provider_claude.store import atomic_output, is_local, list_names, remove

if TYPE_CHECKING:
    import pandas as pd
    from upath import UPath

_CHUNK = 1 << 20
_PART = re.compile(r"part-\d+\.parquet")
_COLUMN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_VALUE = re.compile(r"\w[\w .:+-]*")


def partition_folder(output: UPath, column: str, partition: str) -> UPath:
    """`<output>/<column>=<partition>`. Raises JobError for names that could lead elsewhere or be read differently."""
    if not _COLUMN.fullmatch(column):
        raise JobError(f"partition column {column!r}: write a name of letters, digits and underscores.")
    if not _VALUE.fullmatch(partition) or ".." in partition:
        raise JobError(
            f"partition {partition!r} cannot name a folder: write letters, digits and any of ' .:+-_', without '..'."
        )
    return output / f"{column}={partition}"


def publish(parts: Sequence[UPath], schema: pa.Schema, target: UPath, *, partitioned: bool = True) -> list[UPath]:
    """Make *target* hold exactly the rows of *parts*, under their own names, and return the files.

    Bytes are copied in chunks; no part is decoded or held whole. Without parts, *target* gets one file without
    rows, so that an empty night can be told from a night that did not happen. Say `partitioned=False` where
    *target* is not a folder of one partition: then only its part files are replaced, one by one.

    Raises StateError, before anything is touched, where a part is not of *schema*, or where the partition holds
    what this function did not write.
    """
    _check_parts(parts, schema)
    if partitioned and is_local(target):
        _swap(parts, schema, target)
    else:
        _replace(parts, schema, target)
    return [target / name for name in list_names(target) if _PART.fullmatch(name)]


def read_answers(path: UPath, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The answers under *path* (an output, a partition, a run's answers/ or one part) as a frame.

    Types stay Arrow's: money stays decimal, and whole numbers with gaps stay whole numbers. Partition columns
    come along, as text unless all their values are whole numbers. Only *columns* are read, all where it is None.
    """
    import pandas as pd
    import pyarrow.dataset as ds

    hive = ds.HivePartitioning.discover(infer_dictionary=False)
    dataset = ds.dataset(path.path, filesystem=path.fs, format="parquet", partitioning=hive)
    table = dataset.to_table(columns=None if columns is None else list(columns))
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def _check_parts(parts: Sequence[UPath], schema: pa.Schema) -> None:
    for part in parts:
        with part.fs.open(part.path, "rb") as stream:
            found = pq.read_schema(stream)
        if not found.equals(schema):
            raise StateError(
                f"{part} has other columns than the answers of this run ({_difference(found, schema)}). It was not "
                "published: clear the load of its shard, so that all parts are of one job."
            )


def _difference(found: pa.Schema, wanted: pa.Schema) -> str:
    pairs = {f"{f.name} {f.type}" for f in found} ^ {f"{f.name} {f.type}" for f in wanted}
    return ", ".join(sorted(pairs)) or "the same ones, in another order or nullability"


def _swap(parts: Sequence[UPath], schema: pa.Schema, target: UPath) -> None:
    fresh, aside = target.parent / f".{target.name}.new", target.parent / f".{target.name}.old"
    _recover(target, fresh, aside)
    strangers = [name for name in list_names(target) if not _PART.fullmatch(name) and name[0] not in "._"]
    if strangers:
        raise StateError(
            f"{target} holds {strangers[0]!r}, which is not an answer part. Nothing was replaced: move it, or choose "
            "an output folder of its own."
        )
    _replace(parts, schema, fresh)
    _sync_folder(Path(fresh.path))
    if target.exists():
        Path(target.path).rename(aside.path)
    Path(fresh.path).rename(target.path)
    _sync_folder(Path(target.parent.path))
    remove(aside)


def _recover(target: UPath, fresh: UPath, aside: UPath) -> None:
    """Undo a publish that was cut short."""
    remove(fresh)
    if not aside.exists():
        return
    if target.exists():
        remove(aside)
    else:
        Path(aside.path).rename(target.path)


def _sync_folder(folder: Path) -> None:
    """Have the names in *folder* on the disk, not only its files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(parts: Sequence[UPath], schema: pa.Schema, target: UPath) -> None:
    for part in parts:
        with part.fs.open(part.path, "rb") as source, atomic_output(target / part.name) as stream:
            shutil.copyfileobj(source, stream, _CHUNK)
    kept = {part.name for part in parts}
    if not parts:
        kept = {"part-00000.parquet"}
        with atomic_output(target / "part-00000.parquet") as stream:
            pq.write_table(schema.empty_table(), stream)
    for name in list_names(target):
        if _PART.fullmatch(name) and name not in kept:
            remove(target / name)
