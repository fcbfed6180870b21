"""The rows of a table or a query of a database as a source: read and counted in one snapshot, in the order of their ids.

`source_ref` is `<source>#<id>`: the order of the rows may change with others that come or go, and their ids do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import scalar
from airflow_provider_claude.core.scan.origin import Origin
from airflow_provider_claude.core.sql_uri import SqlUri
from airflow_provider_claude.core.tables import carried_name
from airflow_provider_claude.databases.database import Database, Session
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.rows import values
from airflow_provider_claude.sources.rows.batches import Wanted
from airflow_provider_claude.sources.rows.column_names import check_columns, check_names
from airflow_provider_claude.sources.sql_source import ClaudeSqlSource
from airflow_provider_claude.sources.tables.arrow_rows import ArrowRows
from airflow_provider_claude.sources.tables.database_columns import (
    MOST_CHARACTERS,
    Selected,
    by_name,
    column_of,
    selected,
)

#: A batch has at most so many rows, and about so many characters, whichever comes first.
_ROWS, _CHARACTERS = 500, 16_000_000

_OVERSIZE = f"oversize: a text of more than {MOST_CHARACTERS:,} characters."


class Relation(NamedTuple):
    """What is read: *name*, as reports show it, *table* by its schema and name or *query*, and its *parameters*."""

    name: str
    table: tuple[str | None, str] | None
    query: str
    parameters: Mapping[str, Any]

    @classmethod
    def of(cls, source: SqlUri | ClaudeSqlSource) -> Relation:
        """What *source* names. Raises SourceError for a database without a table or a query."""
        if isinstance(source, ClaudeSqlSource):
            return cls(str(source), None, source.query.strip().rstrip("; \t\r\n"), dict(source.parameters))
        if source.table is None:
            raise SourceError(
                f"source {source} names no table: write sql://<conn_id>/<schema>.<table>, or ClaudeSqlSource(conn_id=…, query=…)."
            )
        return cls(str(source), (source.schema, source.table), "", {})

    def sql(self, session: Session) -> str:
        """What stands behind `from`."""
        if self.table is None:
            return f"(\n{self.query if self.parameters else session.literal(self.query)}\n) as claude_rows"
        return ".".join(session.quoted(name) for name in self.table if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSource:
    """Rows to be read from *database*. `batches()` may be called again; each call asks the database again."""

    database: Database
    relation: Relation
    selected: tuple[Selected, ...]
    wanted: Wanted

    @property
    def path(self) -> str:
        return self.relation.name

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.wanted.values))

    @property
    def origin(self) -> Origin:
        return Origin.of(self.path, "sql", files=1, foreign=())

    @property
    def schema(self) -> pa.Schema:
        return self.wanted.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows. Raises SourceError where they are not as many as the database counts in the same snapshot."""
        schema = pa.schema([(one.name, one.type) for one in self.selected])
        rows, read = ArrowRows(self.path, schema, self.wanted), 0
        with self.database.opened(SourceError) as session, session.snapshot():
            there = self.relation.sql(session)
            [(expected,)] = session.rows(f"select count(*) from {there}", self.relation.parameters)
            with session.stream(self._query(session, there), self.relation.parameters) as found:
                for part in _gathered(found):
                    columns = zip(*part, strict=True)
                    arrays = [
                        column_of(column, one, self.path) for column, one in zip(columns, self.selected, strict=True)
                    ]
                    yield self._named(rows.batch(pa.RecordBatch.from_arrays(arrays, schema=schema), read))
                    read += len(part)
        if read != expected:
            raise SourceError(
                f"{self.path} gave {read:,} rows, and the database counted {expected:,} in the same snapshot: the query gives "
                "other rows each time it is asked, as with random(). Write one whose rows do not change."
            )

    def _query(self, session: Session, there: str) -> str:
        columns = ", ".join(one.expression for one in self.selected)
        return f"select {columns} from {there} order by {session.quoted(self.wanted.id_column or '')}"

    def _named(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """*batch*, its rows known by their ids, those with a text that was cut marked so."""
        refs = pc.coalesce(pc.binary_join_element_wise(self.path, batch["item_id"], "#"), batch["source_ref"])
        defects = batch["defect"]
        for name in ("item_id", *self.wanted.columns):
            cut = pc.fill_null(pc.greater(pc.utf8_length(batch[name]), MOST_CHARACTERS), fill_value=False)
            defects = pc.if_else(cut, scalar(_OVERSIZE, pa.string()), defects)
        found = {"source_ref": refs, "defect": defects}
        return pa.RecordBatch.from_arrays(
            [found.get(name, column) for name, column in zip(batch.schema.names, batch.columns, strict=True)],
            schema=batch.schema,
        )


def _gathered(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    part: list[tuple[Any, ...]] = []
    characters = 0
    for row in rows:
        part.append(row)
        characters += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(part) >= _ROWS or characters >= _CHARACTERS:
            yield part
            part, characters = [], 0
    if part:
        yield part


def open_database(
    database: Database,
    source: SqlUri | ClaudeSqlSource,
    *,
    id_column: str | None,
    columns: Sequence[str],
    carry: Sequence[str] = (),
) -> DatabaseSource:
    """The rows of *source* in *database*: *columns* are read as text, *carry* in their types, and *id_column* names them.

    Raises SourceError where there is no such table or column, or a value of it can be no text, or not be carried.
    """
    relation = Relation.of(source)
    _check_marks(relation, database.session.kind)
    if id_column is None:
        raise SourceError(
            f'A row of {relation.name} is known by its key: write the column that holds it, id_column="…".'
        )
    check_names([*dict.fromkeys(columns), *(name for name in carry if name not in columns)], relation.name)
    there = _described(database, relation, carry)
    found = by_name(there)
    typed = {name: kind for name in carry if name in found and not pa.types.is_string(kind := _carried(found[name]))}
    wanted = Wanted(
        columns=tuple(dict.fromkeys([*columns, *(name for name in carry if name not in typed)])),
        id_column=id_column,
        batch_rows=_ROWS,
        carried=tuple(pa.field(carried_name(name, columns), kind) for name, kind in typed.items()),
    )
    check_columns([one.name for one in there], wanted, relation.name, "")
    _check_values(found, wanted, carry, relation.name)
    needed = dict.fromkeys([*wanted.with_id, *wanted.values])
    return DatabaseSource(
        database=database, relation=relation, selected=tuple(found[name] for name in needed), wanted=wanted
    )


def _check_marks(relation: Relation, kind: str) -> None:
    """Raise SourceError where a parameter has the mark of the other kind of database."""
    for name in relation.parameters:
        marks = {"postgresql": f"%({name})s", "sqlite": f":{name}"}
        own = marks.pop(kind)
        [other] = marks.values()
        if other in relation.query and own not in relation.query:
            raise SourceError(
                f"{relation.name}: the query has the parameter {name} as {other}, and in {kind} it is {own}: write {own}."
            )


def _described(database: Database, relation: Relation, carry: Sequence[str]) -> list[Selected]:
    """The columns of *relation*."""
    with database.opened(SourceError) as session, session.snapshot():
        there = relation.sql(session)

        def kinds(name: str) -> set[str]:
            query = f"select distinct typeof({session.quoted(name)}) from {there}"
            return {kind for (kind,) in session.rows(query, relation.parameters)}

        told = session.described(f"select * from {there} where 1 = 0", relation.parameters)
        return selected(session, told, carry, kinds)


def _carried(one: Selected) -> pa.DataType:
    return values.carried(pa.field(one.name, one.type))


def _check_values(found: Mapping[str, Selected], wanted: Wanted, carry: Sequence[str], where: str) -> None:
    """Raise SourceError where a column that is wanted can be no text, or cannot be carried."""
    for name in dict.fromkeys([*wanted.with_id, *wanted.values]):
        one = found[name]
        why = one.no_type if name in carry else one.no_text
        if why:
            raise SourceError(f"Column {name[:80]!r} of {where} {why}.")
