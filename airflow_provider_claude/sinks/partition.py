"""A partition of published answers, what is on record of it, and who may write it.

    <output>/
        day=2026-11-22/
            part-00001.parquet …
            _claude_manifest.json     what is published here: owner, job, source, number of rows
        _claude/day=2026-11-22/       all/ where the output has no partitions
            holder.json               the task that plans this partition; the first to write it wins
            new/  old/                a local partition while it is replaced
            versions/<id>/            what was replaced: its manifest, and its parts as part-00001.parquet.kept

Readers of Parquet folders (pyarrow, pandas, Spark) skip names that start with an underscore; DuckDB and Polars go by the
glob they are given, so nothing but the data ends in `.parquet`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_claude.core.publish.destination import Holder
from airflow_provider_claude.core.publish.partition_names import partition_name
from airflow_provider_claude.store import (
    Record,
    entries,
    is_local,
    read_record,
    write_new_record,
    write_record,
)

if TYPE_CHECKING:
    from upath import UPath

MANIFEST = "_claude_manifest.json"
ASIDE = "_claude"

PART = re.compile(r"part-\d+\.parquet")
_FOLDER = re.compile(r"([A-Za-z_]\w*)=.+", re.ASCII)


class DataFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a partition: `name`, size in `bytes`, and `rows`. Raises ValueError for the name of anything but a part."""

    name: str
    bytes: int
    rows: int

    def __post_init__(self) -> None:
        if not PART.fullmatch(self.name):
            raise ValueError(f"{self.name!r} does not name a part")


class ManifestRecord(Record, frozen=True, kw_only=True):
    """_claude_manifest.json of a partition: what is published in it.

    `holder` says which task of which DAG planned it, for which data interval and in which run; `run` is the run folder,
    and `planned_at` distinguishes its plans. `model`, `prompt_hash` and `schema_hash` are the job. `rows` is the
    sum over `files`. `restored_at` and `restored_from` (the id of a version) where `claude-batch restore` put it here.
    """

    holder: Holder
    model: str
    prompt_hash: str
    schema_hash: str
    source: str
    run: str
    planned_at: str
    column: str | None
    partition: str | None
    published_at: str
    rows: int = 0
    files: tuple[DataFile, ...] = ()
    restored_at: str | None = None
    restored_from: str | None = None

    @property
    def version(self) -> str:
        """An id for this version: when it was published, and a hash."""
        stamp = re.sub(r"[^0-9T]", "", (self.restored_at or self.published_at)[:19])
        return f"{stamp}-{hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:8]}"

    def is_of_same_plan(self, other: ManifestRecord) -> bool:
        return (self.run, self.planned_at, self.holder) == (other.run, other.planned_at, other.holder)


class HolderRecord(Record, frozen=True, kw_only=True):
    """holder.json: the partition is `holder`'s since `at`."""

    holder: Holder
    at: str


@dataclass(frozen=True)
class Look:
    """What a partition holds: the files in it with their bytes (None for folders), its manifest, and its owner."""

    found: Mapping[str, int | None]
    manifest: ManifestRecord | None
    record: HolderRecord | None

    @property
    def parts(self) -> dict[str, int]:
        """The data files, with their bytes."""
        return {name: size for name, size in self.found.items() if PART.fullmatch(name) and size is not None}

    @property
    def is_whole(self) -> bool:
        """Whether the files are those of the manifest: a publication that was cut short leaves others."""
        return self.manifest is not None and {file.name: file.bytes for file in self.manifest.files} == self.parts

    @property
    def is_unrecorded(self) -> bool:
        """Whether there are data files that no run has a record of."""
        return self.manifest is None and self.record is None and bool(self.parts)

    @property
    def holder(self) -> Holder | None:
        """Its owner: the task that has planned it last, else the one that has published it."""
        if self.record is not None:
            return self.record.holder
        return self.manifest.holder if self.manifest else None


@dataclass(frozen=True)
class Partition:
    """*folder* holds the data, *aside* what readers must not see. *whole*: the folder is that of one partition."""

    folder: UPath
    aside: UPath
    whole: bool

    @classmethod
    def at(cls, output: UPath, column: str, value: str | None) -> Partition:
        """The partition *value* of *output*; without one, the output itself. Raises JobError for names that name no folder."""
        if value is None:
            return cls(output, output / ASIDE / "all", whole=False)
        name = partition_name(column, value)
        return cls(output / name, output / ASIDE / name, whole=True)

    def __str__(self) -> str:
        return str(self.folder)

    @property
    def is_swapped(self) -> bool:
        """Whether it is replaced by renames of its folder."""
        return self.whole and is_local(self.folder)

    def look(self) -> Look:
        """Its current state: one listing, and one read of each record."""
        found = entries(self.folder)
        manifest = self.manifest() if MANIFEST in found else None
        return Look(found, manifest, read_record(self.aside / "holder.json", HolderRecord))

    def manifest(self) -> ManifestRecord | None:
        return read_record(self.folder / MANIFEST, ManifestRecord)

    def strangers(self, found: Iterable[str]) -> list[str]:
        """Which of the names *found* in it are neither parts nor hidden, so that readers take them for answers."""
        names = [name for name in found if not PART.fullmatch(name) and name[0] not in "._"]
        return names if self.whole else [name for name in names if name.endswith((".parquet", ".pq"))]

    def hold(self, holder: Holder, now: str) -> Holder:
        """Its owner from now on: *holder*, unless another task was first."""
        path, mine = self.aside / "holder.json", HolderRecord(holder=holder, at=now)
        if write_new_record(path, mine):
            return holder
        return (read_record(path, HolderRecord) or mine).holder

    def take_over(self, holder: Holder, now: str) -> None:
        write_record(self.aside / "holder.json", HolderRecord(holder=holder, at=now))


def other_columns(names: Iterable[str], column: str) -> list[str]:
    """The partition columns of the folders *names*, other than *column*."""
    found = (_FOLDER.fullmatch(name) for name in names)
    return sorted({match[1] for match in found if match} - {column})
