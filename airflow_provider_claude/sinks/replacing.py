"""How the files of a partition are replaced, and what was there is kept.

- A partition on a local disk is written beside its final path and swapped in by two renames. Readers see the old partition
  or the new one. Between the two renames, some microseconds, they see none; a crash there is undone by `recover`.
- Elsewhere (object stores, or an output without partitions, whose folder is not ours to replace) the old parts are
  copied aside, each new part is put in place whole, the parts that are not of this run are deleted, and the manifest
  is written last. Until then readers may see parts of both runs, and a publication that was cut short is completed by
  the next.

One publisher a partition at a time: a partition has one holder, and its run folder one report task. If two write
at once, such as a task that Airflow wrongly believes dead, the one that finds the other's files raises an error.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_claude.core.publish.destination import Holder
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.sinks.partition import MANIFEST, PART, DataFile, Look, ManifestRecord, Partition
from airflow_provider_claude.store import (
    atomic_output,
    entries,
    exists,
    is_local,
    list_names,
    read_record,
    remove,
    write_record,
)
from airflow_provider_claude.store.access import make_folder

if TYPE_CHECKING:
    from upath import UPath

#: So many replaced versions of a partition are kept.
KEPT_VERSIONS = 2

#: Ends the name of a part that is kept: no glob for Parquet files finds it.
KEPT = ".kept"

_CHUNK = 1 << 20

#: Footers are read by so many threads at once: on an object store each is a round trip or two.
_READERS = 8


class Piece(NamedTuple):
    """A Parquet file at *path* with *rows* rows, to be published as *name*."""

    path: UPath
    name: str
    rows: int


def put(
    pieces: Sequence[Piece],
    schema: pa.Schema | None,
    partition: Partition,
    label: ManifestRecord,
    look: Look,
    *,
    kept: int = KEPT_VERSIONS,
) -> ManifestRecord:
    """Make *partition* hold exactly *pieces* instead of what *look* has found, with *label* as its manifest; without pieces,
    one file of *schema* and no rows.

    What it held becomes a version, of which the last *kept* stay. Returns the manifest as it was written. Raises StateError
    where the partition holds what is no part, with nothing touched, where the files that were written do not hold the rows
    of *pieces*, or where other files replaced them.
    """
    if found := partition.strangers(look.found):
        raise StateError(f"{partition} holds {found[0]!r}, which is not an answer part. Nothing was replaced: move it.")
    if partition.is_swapped:
        manifest = _swap(pieces, schema, partition, label)
    else:
        manifest = _replace(pieces, schema, partition, label, look)
    _check_in_place(partition, manifest)
    _trim(partition, kept)
    return manifest


def _check_in_place(partition: Partition, manifest: ManifestRecord) -> None:
    """Raise StateError where *partition* holds other files than those of *manifest*, which was just written."""
    if not Look(entries(partition.folder), manifest, None).is_whole:
        raise StateError(
            f"Another task has written to {partition} at the same time, and it may hold rows of both. Let one report task "
            "at a time publish there, and clear the report."
        )


def recover(partition: Partition) -> None:
    """Undo a replacement on a local disk that was cut short."""
    if not partition.is_swapped:
        return
    remove(partition.aside / "new")
    old = partition.aside / "old"
    if not old.exists():
        return
    if partition.folder.exists():
        _keep_moved(partition, old)
    else:
        Path(old.path).rename(partition.folder.path)


def count_rows(files: Sequence[UPath]) -> list[int]:
    """The rows of each of *files*, by its footer."""
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(_rows, files))


def _rows(path: UPath) -> int:
    with path.fs.open(path.path, "rb") as stream:
        try:
            return int(pq.read_metadata(stream).num_rows)
        except pa.ArrowInvalid as e:
            raise StateError(f"{path} is not a readable Parquet file ({e}).") from e


def _rows_if_any(path: UPath) -> int:
    try:
        return _rows(path)
    except StateError:
        return 0


def _swap(
    pieces: Sequence[Piece], schema: pa.Schema | None, partition: Partition, label: ManifestRecord
) -> ManifestRecord:
    fresh, old, target = partition.aside / "new", partition.aside / "old", partition.folder
    manifest = _written(pieces, schema, fresh, label)
    write_record(fresh / MANIFEST, manifest)
    _sync_folder(fresh)
    if target.exists():
        Path(target.path).rename(old.path)
    Path(fresh.path).rename(target.path)
    _sync_folder(target.parent)
    if old.exists():
        _keep_moved(partition, old)
    return manifest


def _replace(
    pieces: Sequence[Piece], schema: pa.Schema | None, partition: Partition, label: ManifestRecord, look: Look
) -> ManifestRecord:
    if look.is_whole and look.manifest is not None:
        _keep_copies(partition, look.manifest)
    elif look.manifest is None and look.parts:
        _keep_copies(partition, _described(partition.folder, partition, look.parts))
    manifest = _written(pieces, schema, partition.folder, label)
    for name in look.parts.keys() - {file.name for file in manifest.files}:
        remove(partition.folder / name)
    write_record(partition.folder / MANIFEST, manifest)
    return manifest


def _written(pieces: Sequence[Piece], schema: pa.Schema | None, folder: UPath, label: ManifestRecord) -> ManifestRecord:
    """Write the files of *pieces* into *folder* and count what is in them."""
    files = [_copied(piece, folder) for piece in pieces] or [_empty(schema, folder)]
    counted = count_rows([folder / file.name for file in files])
    for file, rows in zip(files, counted, strict=True):
        if file.rows != rows:
            raise StateError(f"{folder / file.name} holds {rows:,} rows, not the {file.rows:,} that were written.")
    return msgspec.structs.replace(label, files=tuple(files), rows=sum(counted))


def _copied(piece: Piece, folder: UPath) -> DataFile:
    return DataFile(name=piece.name, bytes=_copied_bytes(piece.path, folder / piece.name), rows=piece.rows)


def _copied_bytes(path: UPath, to: UPath) -> int:
    """Copy *path* through this worker; how many bytes it has."""
    with path.fs.open(path.path, "rb") as source, atomic_output(to) as stream:
        shutil.copyfileobj(source, stream, _CHUNK)
        return stream.tell()


def _empty(schema: pa.Schema | None, folder: UPath) -> DataFile:
    name = "part-00000.parquet"
    with atomic_output(folder / name) as stream:
        pq.write_table((schema or pa.schema([])).empty_table(), stream)
        size = stream.tell()
    return DataFile(name=name, bytes=size, rows=0)


def _keep_moved(partition: Partition, old: UPath) -> None:
    """Make the folder *old*, which was the partition, a version: of what is in it, whatever its manifest says."""
    manifest = read_record(old / MANIFEST, ManifestRecord)
    for name in list_names(old):
        if PART.fullmatch(name):
            Path(old.path, name).rename(Path(old.path, name + KEPT))
    parts = {name: size for name, size in entries(old).items() if name.endswith(KEPT) and size is not None}
    if manifest is None or parts != {file.name + KEPT: file.bytes for file in manifest.files}:
        manifest = _described(old, partition, parts)
        write_record(old / MANIFEST, manifest)
    version_folder = partition.aside / "versions" / manifest.version
    remove(version_folder)
    make_folder(Path(version_folder.parent.path))
    Path(old.path).rename(version_folder.path)


def _keep_copies(partition: Partition, manifest: ManifestRecord) -> None:
    """Copy the partition, which *manifest* describes, aside as a version."""
    version_folder = partition.aside / "versions" / manifest.version
    if exists(version_folder / MANIFEST):
        return
    for file in manifest.files:
        _copy(partition.folder / file.name, version_folder / (file.name + KEPT))
    write_record(version_folder / MANIFEST, manifest)


def _copy(path: UPath, to: UPath) -> None:
    if is_local(path):
        _copied_bytes(path, to)
    else:
        path.fs.cp_file(path.path, to.path)


def _described(folder: UPath, partition: Partition, parts: Mapping[str, int]) -> ManifestRecord:
    """A manifest for *parts* of *folder*, names with bytes, that have none; what is not Parquet has no rows."""
    with ThreadPoolExecutor(_READERS) as pool:
        rows = list(pool.map(_rows_if_any, [folder / name for name in parts]))
    pairs = zip(parts.items(), rows, strict=True)
    files = [DataFile(name=name.removesuffix(KEPT), bytes=size, rows=count) for (name, size), count in pairs]
    return ManifestRecord(
        holder=Holder(), model="", prompt_hash="", schema_hash="", source="", run="", planned_at="", column=None,
        partition=partition.folder.name, published_at="", rows=sum(rows), files=tuple(files),
    )  # fmt: skip


def _trim(partition: Partition, kept: int) -> None:
    """Remove the oldest versions beyond those that are kept."""
    folder = partition.aside / "versions"
    for name in list_names(folder)[:-kept]:
        remove(folder / name)


def _sync_folder(folder: UPath) -> None:
    """Have the names in *folder* on the disk, not only its files."""
    handle = os.open(folder.path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
