"""A partition of a table is claimed when the run is planned, and loaded when it publishes: each in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pyarrow as pa

from airflow_provider_claude.core.publish.destination import Destination, Holder
from airflow_provider_claude.core.publish.guard import fewer_rows, foreign, other_source, refuse
from airflow_provider_claude.core.publish.partition_names import shares_a_day
from airflow_provider_claude.core.report.ledger import rows
from airflow_provider_claude.errors import DestinationError, StateError
from airflow_provider_claude.sinks.parquet import checked_rows
from airflow_provider_claude.sinks.partition import HolderRecord, ManifestRecord
from airflow_provider_claude.sinks.sql.table import SqlTable, TablePartition
from airflow_provider_claude.sinks.sql.values import Changes

if TYPE_CHECKING:
    from upath import UPath


class Incoming(NamedTuple):
    """What a partition is to hold: about, or exactly, so many *rows* of *source*, answers with the columns of *schema*."""

    source: str
    rows: int
    schema: pa.Schema


class Loaded(NamedTuple):
    """How many rows a partition holds, and what a reader has to know about them."""

    rows: int
    warnings: Sequence[str]


def place_of(table: SqlTable, mine: Destination, partition: str | None) -> str:
    return str(table) if partition is None else f"{table}/{mine.column}={partition}"


def claim_table(table: SqlTable, mine: Destination, partition: str | None, incoming: Incoming, now: str) -> None:
    """Make *partition* of *table* that of *mine*, before anything is paid; the table is created if it is not there.

    Raises DestinationError where the table does not fit the answers, or the partition may not be replaced by *incoming*;
    StoreError where the database cannot be reached now.
    """
    with _opened(table, mine, partition) as place:
        place.make(incoming.schema)
        _claim(place, mine, incoming, now)


def load_table(
    table: SqlTable,
    mine: Destination,
    parts: Sequence[UPath],
    incoming: Incoming,
    label: ManifestRecord,
) -> Loaded:
    """Make *partition* of *table*, as *label* names it, hold exactly the rows of *parts*; loading twice changes nothing.

    Raises StateError where not all rows arrive, and what `claim_table` raises; the table then is as it was.
    """
    changes, names = Changes(), incoming.schema.names
    expected = sum(checked_rows(part, incoming.schema) for part in parts)
    if expected != incoming.rows:
        raise StateError(
            f"The answers of the run are {rows(expected)}, and the report counts {incoming.rows:,} answered."
        )
    with _opened(table, mine, label.partition) as place:
        place.make(incoming.schema)
        _need(place, place.stage(parts, names, changes), expected)
        holder = _claim(place, mine, incoming, label.published_at)
        _need(place, place.replace(names), expected)
        place.publish(msgspec.structs.replace(label, holder=holder, rows=expected))
    return Loaded(expected, changes.sentences(place_of(table, mine, label.partition)))


@contextmanager
def _opened(table: SqlTable, mine: Destination, partition: str | None) -> Iterator[TablePartition]:
    """The partition, in a transaction of its own."""
    try:
        with table.database.opened(DestinationError) as session, session.transaction():
            yield TablePartition(session, table, mine.column, partition)
    except pa.ArrowInvalid as e:
        raise DestinationError(
            f"The answers hold a value that {table} cannot: {e!s:.200}. Nothing was replaced: leave that column out of carry."
        ) from e


def _need(place: TablePartition, found: int, expected: int) -> None:
    if found != expected:
        raise StateError(
            f"{place} would hold {rows(found)}, and the run has {rows(expected)}: a trigger, rule or policy of the table "
            "changes what is loaded. Nothing was replaced."
        )


def _claim(place: TablePartition, mine: Destination, incoming: Incoming, now: str) -> Holder:
    """Make *place* that of *mine*; its holder on record. The place is locked until the end of the transaction."""
    found, there = place.on_record(), place.count()
    before = found.manifest.source or None if found.manifest else None
    if there and found.holder is None and not mine.take_over:
        raise DestinationError(
            f"{place} holds {rows(there)} that no run has a record of. Delete them, name another table as output, or write "
            "take_over=True."
        )
    refuse(foreign(str(place), found.holder, mine))
    refuse(_overlapping(place, mine))
    refuse(other_source(str(place), there, before, incoming.source, mine))
    refuse(fewer_rows(str(place), there, incoming.rows, mine))
    holder = mine.holder.continuing(found.holder)
    if found.holder is None or not found.holder.is_same_claim(holder):
        place.hold(HolderRecord(holder=holder, at=now))
    return holder


def _overlapping(place: TablePartition, mine: Destination) -> Iterable[str]:
    """Which other partition of the table holds rows of this one."""
    for other, holder in place.others():
        if not other or place.value is None:
            yield f"{place.table} is used with and without partitions: give each a table of its own."
            return
        if holder is not None and holder.is_same_task(mine.holder) and shares_a_day(place.value, other):
            yield (
                f"{place.table} has a partition {other} by the same task: of a whole day and a part of it in one table, it would "
                "hold these rows twice. Name another table as output, or delete the rows of that partition and its row in "
                "claude_partitions."
            )
