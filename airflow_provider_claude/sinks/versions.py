"""Versions of a partition: what a publication replaced is kept, and can be put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.sinks.partition import ASIDE, MANIFEST, ManifestRecord, Partition
from airflow_provider_claude.sinks.replacing import KEPT, KEPT_VERSIONS, Piece, put, recover
from airflow_provider_claude.store import list_names, read_record, remove

if TYPE_CHECKING:
    from upath import UPath


def partitions_of(output: UPath) -> list[Partition]:
    """The partitions of *output* that a run has planned or published."""
    found = []
    for name in list_names(output / ASIDE):
        whole = name != "all"
        found.append(Partition(output / name if whole else output, output / ASIDE / name, whole=whole))
    return found


def versions(partition: Partition) -> list[tuple[str, ManifestRecord]]:
    """The ids and manifests of what *partition* held before, newest first."""
    folder = partition.aside / "versions"
    found = [(name, read_record(folder / name / MANIFEST, ManifestRecord)) for name in reversed(list_names(folder))]
    return [(name, manifest) for name, manifest in found if manifest is not None]


def restore(partition: Partition, version: str | None, now: str) -> ManifestRecord:
    """Put *version* back, the newest where it is None; what it replaces becomes a version.

    Raises StateError where there is no such version.
    """
    recover(partition)
    kept = dict(versions(partition))
    wanted = version or next(iter(kept), "")
    if wanted not in kept:
        there = f"There are {', '.join(kept)}." if kept else "None is kept."
        raise StateError(f"{partition} has no version {wanted!r} to restore. {there}".replace(" ''", ""))
    version_folder = partition.aside / "versions" / wanted
    pieces = [Piece(version_folder / (file.name + KEPT), file.name, file.rows) for file in kept[wanted].files]
    label = msgspec.structs.replace(kept[wanted], restored_at=now, restored_from=wanted)
    manifest = put(pieces, None, partition, label, partition.look(), kept=KEPT_VERSIONS + 1)
    remove(version_folder)
    return manifest
