"""The destination of a run is checked and claimed when it is planned, and once more when it publishes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.core.load.answer_columns import answer_schema, answer_type
from airflow_provider_claude.core.publish.destination import Destination, Holder
from airflow_provider_claude.core.publish.guard import fewer_rows, foreign, other_source, refuse
from airflow_provider_claude.core.publish.nesting import is_read, is_within
from airflow_provider_claude.core.publish.partition_names import shares_a_day
from airflow_provider_claude.core.tables import as_carried
from airflow_provider_claude.core.times import shown_in
from airflow_provider_claude.errors import DestinationError, StateError
from airflow_provider_claude.sinks.partition import ASIDE, PART, Look, ManifestRecord, Partition, other_columns
from airflow_provider_claude.sinks.replacing import recover
from airflow_provider_claude.sinks.sql.table import SqlTable
from airflow_provider_claude.stages.publish.into_table import Incoming, claim_table
from airflow_provider_claude.store import RunFolder, ScanRecord, WorkFolder, entries
from airflow_provider_claude.store.check_store import check_work_store
from airflow_provider_claude.store.items import read_carried
from airflow_provider_claude.store.probe import check_place, probe

if TYPE_CHECKING:
    from upath import UPath


#: Folders of a work folder that are not run folders.
_SHARED = ("accepted", "accounts", "budgets", "spending")


def check_places(run: RunFolder, work: WorkFolder, source: str, output: UPath | None, *, named: bool) -> None:
    """Check that *work* and *output* are safe places and do not overlap. Raises DestinationError if not.

    *named*: *work* was set by a person. If not, it is only the parent of the run folder, and the output may be
    in it too.
    """
    check_place(work.path, "work")
    if output is not None:
        check_place(output, "output")
        kept = [work.path] if named else [work.path / name for name in _SHARED]
        refuse(_overlaps([*map(_plain, map(str, (run.path, *kept)))], _plain(source), _plain(str(output))))


def _overlaps(kept: Sequence[str], source: str, output: str) -> Iterable[str]:
    """Why *output* may not be used beside the folders *kept* of the run and its work folder, and with *source*."""
    for folder in kept:
        if is_within(output, folder) or is_within(folder, output):
            yield (
                f"output {output} and {folder} of the work folder lie in one another: files of runs would be read as "
                "answers, or be pruned with them. Give them folders side by side, such as <root>/work and <root>/answers."
            )
            return
    if is_read(output, source):
        yield (
            f"output {output} lies in the source {source}: the next run would read these answers as its input. Give it a "
            "folder outside the source, or write the source as a glob that leaves it out."
        )


def _plain(uri: str) -> str:
    """*uri* as text that can be compared: without a connection, and on a local disk without links."""
    plain = re.sub(r"^(file|local)://", "", re.sub(r"(?<=://)[^/@]*@", "", uri))
    return plain if "://" in plain else os.path.realpath(plain)


def claim(partition: Partition, mine: Destination, output: UPath, now: str) -> tuple[Holder, Look]:
    """Make *partition* that of *mine*. Returns the holder as it is on record, and what the partition holds.

    A run whose partition was set by hand keeps the data interval on record. Raises DestinationError where it is
    another's, or holds what no run has published.
    """
    beside = entries(output)
    for name in (partition.folder.name, ASIDE) if partition.whole else (ASIDE,):
        if beside.get(name) is not None:
            refuse(f"{output / name} is a file, and has to be a folder. {_ELSEWHERE}.")
    look = partition.look()
    refuse(_misplaced(partition, look, output, beside, mine.column))
    held, holder = look.holder, mine.holder
    if look.is_unrecorded and not mine.take_over:
        refuse(f"{partition} holds answer files that no run has a record of. {_ELSEWHERE}, or write take_over=True.")
    refuse(foreign(str(partition), held, mine))
    refuse(_overlapping(partition, output, beside, mine))
    holder = holder.continuing(held)
    if look.record is None:
        refuse(foreign(str(partition), partition.hold(holder, now), mine))
    elif not look.record.holder.is_same_claim(holder):
        partition.take_over(holder, now)
    return holder, look


_ELSEWHERE = "Move them away, or choose a separate output folder"


def _misplaced(partition: Partition, look: Look, output: UPath, beside: Iterable[str], column: str) -> Iterable[str]:
    """What lies in *partition*, or *beside* it in *output*, that does not belong there."""
    if found := partition.strangers(look.found):
        yield f"{partition} holds {found[0]!r}, which is not an answer part. {_ELSEWHERE}."
    if others := other_columns(beside, column if partition.whole else ""):
        yield f"{output} holds partitions by {', '.join(others)}. {_ELSEWHERE}."
    if partition.whole and any(PART.fullmatch(name) for name in beside):
        yield f"{output} holds a table without partitions. {_ELSEWHERE}."


def _overlapping(partition: Partition, output: UPath, beside: Iterable[str], mine: Destination) -> Iterable[str]:
    """Which partition *beside* this one, of the same task, covers the same rows: of a whole day and its hours one is too many."""
    start = f"{mine.column}="
    value = partition.folder.name.removeprefix(start)
    for other in sorted(name.removeprefix(start) for name in beside if name.startswith(start)):
        if shares_a_day(value, other):
            there = Partition.at(output, mine.column, other)
            holder = there.look().holder
            if holder is not None and holder.is_same_task(mine.holder):
                yield (
                    f"{there} is published by the same task as {partition} would be: of a whole day and a part of it in "
                    "one output, the table would hold its rows twice. Write a separate output for the new partition, "
                    f"or delete {there} first."
                )


def check_rows(partition: Partition, found: ManifestRecord | None, mine: Destination, source: str, rows: int) -> None:
    """Check that *rows* rows (or fewer) that were read from *source* may replace what is *found* in *partition*.

    Raises DestinationError if not.
    """
    if found is None:
        return
    where = f"{partition} (published {shown_in(found.published_at, 'UTC')})"
    refuse(other_source(where, found.rows, found.source or None, source, mine))
    refuse(fewer_rows(where, found.rows, rows, mine))


def check_folder(run: RunFolder, partition: str | None) -> None:
    """Check that *run* is not the folder of another partition. Raises DestinationError if it is."""
    with suppress(StateError):  # a plan that cannot be read is about to be replaced
        before = run.plan()
        if before is not None and None not in {before.partition, partition} and before.partition != partition:
            raise DestinationError(
                f"{run} is the run folder of partition {before.partition}, and this run is about {partition}. Put the "
                "partition into its path: run_folder='…/{{ partition }}'."
            )


class Aim(NamedTuple):
    """Where a run is to publish: *partition* of *output*, as *destination* says; None for nowhere. *named_work*: see
    `check_places`. *answer_schema* is the JSON schema of an answer, *consistency* may add columns to it.
    *unsafe_store*: see `check_work_store`.
    """

    partition: str | None
    output: UPath | SqlTable | None
    destination: Destination | None
    named_work: bool
    answer_schema: Mapping[str, Any]
    consistency: Consistency | None = None
    unsafe_store: bool = False


def prepare(run: RunFolder, work: WorkFolder, scan: ScanRecord, aim: Aim, now: str) -> tuple[str, ...]:
    """Before anything is paid: the folders can be written, and the partition is this run's to replace. Returns warnings.

    Raises DestinationError where something has to be changed first, StoreError where a store cannot be reached now.
    """
    table = aim.output if isinstance(aim.output, SqlTable) else None
    folder = None if isinstance(aim.output, SqlTable) else aim.output
    check_places(run, work, scan.source, folder, named=aim.named_work)
    warnings = check_work_store(work.path, now, unsafe=aim.unsafe_store)
    if folder is not None:
        probe(folder, "output")
    mine = aim.destination
    if table is not None and mine is not None:
        _check_table(table, scan)
        incoming = Incoming(
            scan.source, scan.items + scan.duplicates, table_schema(run, scan, aim.answer_schema, aim.consistency)
        )
        claim_table(table, mine, aim.partition, incoming, now)
    if folder is None or mine is None:
        return warnings
    claimed = Partition.at(folder, mine.column, aim.partition)
    recover(claimed)
    _, look = claim(claimed, mine, folder, now)
    check_rows(claimed, look.manifest, mine, scan.source, scan.items + scan.duplicates)
    return warnings


def _check_table(table: SqlTable, scan: ScanRecord) -> None:
    if scan.source == str(table):
        refuse(f"output {table} is the source: the next run would read these answers as its input. Name another table.")


def table_schema(
    run: RunFolder, scan: ScanRecord, schema: Mapping[str, Any], consistency: Consistency | None
) -> pa.Schema:
    """The columns of the answers of *run* to *schema*, with those that *consistency* adds."""
    calibrated, votes = (consistency.calibrated_column, bool(consistency.resolve)) if consistency else (None, False)
    return answer_schema(as_carried(read_carried(run, scan)), answer_type(schema), calibrated, votes=votes)
