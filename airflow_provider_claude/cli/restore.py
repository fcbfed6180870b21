"""`restore`: lists what a partition held before it was replaced, and restores it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.cli.screen import NOTHING, Screen, number, time
from airflow_provider_claude.core.report.ledger import rows
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.sinks.partition import ManifestRecord, Partition
from airflow_provider_claude.sinks.versions import partitions_of, restore, versions

if TYPE_CHECKING:
    from upath import UPath

_HEAD = ("version", "rows", "published", "by", "from source")


def show_partitions(output: UPath, out: Screen) -> int:
    """List the partitions of *output* of which versions are kept. Returns the exit code."""
    found = [(partition, len(versions(partition))) for partition in partitions_of(output)]
    names = {_name(partition): count for partition, count in found if count}
    kept = [[name, number(count)] for name, count in names.items()]
    out.document({"output": str(output), "partitions": [{"partition": n, "versions": c} for n, c in names.items()]})
    if not kept:
        out.line(f"No partition under {output} was replaced: there is nothing to restore.")
        return 0
    out.table(("partition", "versions"), kept, right={"versions"})
    out.line()
    out.line("claude-batch restore OUTPUT PARTITION restores the newest version; - stands for the output itself.")
    return 0


def _name(partition: Partition) -> str:
    return partition.folder.name if partition.whole else NOTHING


def show_versions(partition: Partition, out: Screen) -> int:
    """List what *partition* holds, and held before. Returns the exit code."""
    now, earlier = partition.manifest(), versions(partition)
    out.document(
        {
            "partition": str(partition),
            "now": _facts("(now)", now) if now else None,
            "versions": [_facts(name, manifest) for name, manifest in earlier],
        }
    )
    table = [_row(name, manifest) for name, manifest in earlier]
    out.table(_HEAD, [_row("(now)", now), *table] if now else table, right={"rows"})
    return 0


def restore_version(partition: Partition, version: str | None, out: Screen, *, now: str) -> int:
    """Restore a version of *partition*, and say what was done. Returns the exit code."""
    found = restore(partition, version, now)
    out.document({"partition": str(partition), "restored": _facts(found.restored_from or "", found)})
    out.line(f"{partition} holds version {found.restored_from} again: {rows(found.rows)}.")
    out.line("What it held is kept as a version. The next run that publishes here replaces it again.")
    return 0


def partition_at(output: UPath, name: str) -> Partition:
    """The partition of *output* that a person calls *name*: `day=2026-11-22`, `2026-11-22`, or `-` for one without.

    Raises StateError where there is none, or where several partition columns have that value.
    """
    found = [partition for partition in partitions_of(output) if _is_called(partition, name)]
    if len(found) != 1:
        raise StateError(f"{output} has {_number_of(found)} partition {name!r} with a record of what it held.")
    return found[0]


def _is_called(partition: Partition, name: str) -> bool:
    if not partition.whole:
        return name == NOTHING
    return name in {partition.folder.name, partition.folder.name.partition("=")[2]}


def _number_of(found: Sequence[Partition]) -> str:
    return f"more than one ({', '.join(partition.folder.name for partition in found)})" if found else "no"


def _facts(version: str, manifest: ManifestRecord) -> dict[str, Any]:
    return {
        "version": version,
        "rows": manifest.rows,
        "published_at": manifest.published_at,
        "restored_at": manifest.restored_at,
        "model": manifest.model,
        "by": manifest.holder.name,
        "source": manifest.source,
        "run": manifest.run,
    }


def _row(version: str, manifest: ManifestRecord) -> list[str]:
    return [
        version,
        number(manifest.rows),
        time(manifest.restored_at or manifest.published_at),
        manifest.holder.name,
        manifest.source or NOTHING,
    ]
