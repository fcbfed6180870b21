"""A table of answers, and what is on record of its partitions.

    <schema>.<table>             the answers, with a partition column
    <schema>.claude_partitions   a row a partition: `holder`, the task that owns it, and `manifest`, what is published in it

Readers see the old rows of a partition or the new ones: they are loaded into a temporary table, and then replaced, counted and
recorded in the same transaction. Who replaces a partition has locked its row in claude_partitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pyarrow as pa

from airflow_provider_claude.core.publish.destination import Holder
from airflow_provider_claude.core.publish.sql_types import Wanted, misfits, wanted_columns
from airflow_provider_claude.core.sql_uri import OWNERS, SqlUri
from airflow_provider_claude.databases.database import Column, Database, Session
from airflow_provider_claude.errors import DestinationError, StateError
from airflow_provider_claude.sinks.partition import HolderRecord, ManifestRecord
from airflow_provider_claude.sinks.sql.values import Changes, parts_for
from airflow_provider_claude.store.parquet_files import read_batches

if TYPE_CHECKING:
    from upath import UPath

#: So many rows are in memory at once.
_BATCH_ROWS = 2_000


@dataclass(frozen=True)
class SqlTable:
    """The table *uri* of *database*, where answers are published."""

    database: Database
    uri: SqlUri

    def __str__(self) -> str:
        return str(self.uri)


class OnRecord(NamedTuple):
    """What claude_partitions says of a partition."""

    held: HolderRecord | None
    manifest: ManifestRecord | None

    @property
    def holder(self) -> Holder | None:
        return self.held.holder if self.held else None


@dataclass(frozen=True)
class TablePartition:
    """The partition *value* of *table*, by *column*, in an open *session*; all of the table where *value* is None."""

    session: Session
    table: SqlTable
    column: str
    value: str | None

    def __str__(self) -> str:
        return str(self.table) if self.value is None else f"{self.table}/{self.column}={self.value}"

    @cached_property
    def _schema(self) -> str:
        return self.table.uri.schema or self.session.default_schema()

    @property
    def _name(self) -> str:
        return self.table.uri.table or ""

    def _qualified(self, name: str) -> str:
        return f"{self.session.quoted(self._schema)}.{self.session.quoted(name)}"

    @property
    def _target(self) -> str:
        return self._qualified(self._name)

    @property
    def _key(self) -> list[str]:
        return [self.session.key(self._name), self.value or ""]

    def _here(self) -> tuple[str, list[str]]:
        """What ends a statement about the rows of this partition, and its values."""
        if self.value is None:
            return "", []
        return f" where {self.session.quoted(self.column)} = {self.session.mark}", [self.value]

    def make(self, answers: pa.Schema) -> None:
        """Create the table of *answers*, and that of the owners, where they are not there.

        Raises DestinationError where the table that is there cannot hold them.
        """
        self._check_lasting()
        wanted = wanted_columns(answers, self.session.kind, self.column, self.value)
        self._check_names([self._name, *(one.name for one in wanted)])
        if not (self._columns(self._name) and self._columns(OWNERS)):
            self.session.lock(f"{self._schema}.{OWNERS}")
            self._make_owners()
            self._make_table(wanted)
        self._check(wanted)

    def _columns(self, name: str) -> list[Column]:
        return self.session.columns(self._schema, name)

    def _check_lasting(self) -> None:
        if self.session.is_temporary(self._schema):
            raise DestinationError(
                f"The schema {self._schema!r:.200} of {self.table} holds temporary tables: what is in one is gone once the load "
                "has ended. Name another schema in output."
            )

    def _check_names(self, names: Sequence[str]) -> None:
        for name in names:
            if len(name.encode()) > self.session.longest_name:
                raise DestinationError(
                    f"The name {name!r:.200} has {len(name.encode())} bytes, and {self.session.kind} has names of at most "
                    f"{self.session.longest_name}: rename it in the job, the source or the output."
                )
            if "\0" in name:
                raise DestinationError(f"The name {name!r:.200} holds NUL, which no database takes: rename it.")

    def _make_owners(self) -> None:
        if not self._columns(OWNERS):
            self.session.rows(
                f"create table {self._qualified(OWNERS)} (table_name text not null, partition text not null, "
                "holder text, manifest text, primary key (table_name, partition))"
            )

    def _make_table(self, wanted: Sequence[Wanted]) -> None:
        if not self._columns(self._name):
            columns = ", ".join(f"{self.session.quoted(one.name)} {one.type}" for one in wanted)
            self.session.rows(f"create table {self._target} ({columns})")
            if self.value is not None:
                self.session.index(self._schema, self._name, self.column)

    def _check(self, wanted: Sequence[Wanted]) -> None:
        wrong = misfits(wanted, self._columns(self._name), self.session.kind, self.value and self.column)
        if wrong:
            raise DestinationError(
                f"The table {self.table} does not fit the answers: {'; '.join(wrong)}. Alter it, or name another table as "
                "output; one that does not exist is created."
            )

    def on_record(self) -> OnRecord:
        """What is on record of this partition, whose row is locked from now on."""
        owners, mark = self._qualified(OWNERS), self.session.mark
        self.session.rows(
            f"insert into {owners} (table_name, partition) values ({mark}, {mark}) on conflict do nothing", self._key
        )
        [(holder, manifest)] = self.session.rows(
            f"select holder, manifest from {owners} where table_name = {mark} and partition = {mark}{self.session.locked}",
            self._key,
        )
        return OnRecord(_read(holder, HolderRecord), _read(manifest, ManifestRecord))

    def others(self) -> Iterator[tuple[str, Holder | None]]:
        """The other partitions of the table on record, `""` for one without partitions, and who holds them."""
        owners, mark = self._qualified(OWNERS), self.session.mark
        found = self.session.rows(
            f"select partition, holder from {owners} where table_name = {mark} and partition <> {mark} order by partition",
            self._key,
        )
        for partition, holder in found:
            held = _read(holder, HolderRecord)
            yield partition, held.holder if held else None

    def hold(self, holder: HolderRecord) -> None:
        self._record("holder", holder)

    def publish(self, manifest: ManifestRecord) -> None:
        self._record("manifest", manifest)

    def _record(self, column: str, record: HolderRecord | ManifestRecord) -> None:
        mark = self.session.mark
        self.session.rows(
            f"update {self._qualified(OWNERS)} set {column} = {mark} where table_name = {mark} and partition = {mark}",
            [msgspec.json.encode(record).decode(), *self._key],
        )

    def count(self) -> int:
        where, values = self._here()
        return int(self.session.rows(f"select count(*) from {self._target}{where}", values)[0][0])

    def stage(self, parts: Sequence[UPath], names: Sequence[str], changes: Changes) -> int:
        """Load *parts*, whose columns are *names*, into a temporary table; how many rows are in it."""
        self.session.stage(self._target, names)
        batches = (batch.select(names) for part in parts for batch in read_batches(part, _BATCH_ROWS))
        self.session.fill(len(names), parts_for(self.session.kind, batches, changes))
        return int(self.session.rows(f"select count(*) from {self.session.staging}")[0][0])

    def replace(self, names: Sequence[str]) -> int:
        """Replace the rows of this partition by those that are staged; how many it has then."""
        where, values = self._here()
        self.session.rows(f"delete from {self._target}{where}", values)
        own = list(map(self.session.quoted, names))
        more = [] if self.value is None else [self.session.quoted(self.column)]
        marks = [self.session.cast(self._type_of_partition()) for _ in more]
        self.session.rows(
            f"insert into {self._target} ({', '.join([*own, *more])}) "
            f"select {', '.join([*own, *marks])} from {self.session.staging}",
            values,
        )
        return self.count()

    def _type_of_partition(self) -> str:
        return next(one.type for one in self._columns(self._name) if one.name == self.column)


def _read(text: str | None, kind: Any) -> Any:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as e:
        raise StateError(f"{OWNERS} holds what is no {kind.__name__} ({e}); nothing was guessed from it.") from e
