"""A database and a session of it. Names are quoted by the session, and values are bound: neither is ever part of a statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.errors import StoreError, Terminal

#: So much is shown of what a database says: it may quote values.
_SAID = 300


#: Bound to the marks of a statement, in order or by name.
Values = Sequence[Any] | Mapping[str, Any]


class Column(NamedTuple):
    """A column of a table, its type as the database names it. *required*: it needs a value, and has no default."""

    name: str
    type: str
    required: bool


class Session(Protocol):
    """A connection while it is open. *mark* stands for a bound value, *locked* ends a query whose rows are locked."""

    kind: ClassVar[str]
    mark: ClassVar[str]
    locked: ClassVar[str]
    staging: ClassVar[str]
    longest_name: ClassVar[int]

    def __init__(self, connection: Any) -> None: ...

    @staticmethod
    def errors() -> type[Exception]:
        """What its driver raises."""
        ...

    @staticmethod
    def may_pass(error: Exception) -> bool:
        """Whether the same statement may succeed later."""
        ...

    @staticmethod
    def said(error: Exception) -> str:
        """The first sentence of *error*, without its details, which may hold values."""
        ...

    @staticmethod
    def is_temporary(schema: str) -> bool:
        """Whether the tables of *schema* are gone once the connection is closed."""
        ...

    @staticmethod
    def key(table: str) -> str:
        """What all ways to write the name of *table* have in common."""
        ...

    def quoted(self, name: str) -> str:
        """*name* as a part of a statement."""
        ...

    def literal(self, text: str) -> str:
        """*text*, which has no marks, as a part of a statement."""
        ...

    def rows(self, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """The rows that *statement* gives."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All statements of the block have an effect, or none has. It sees what others commit meanwhile."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """All queries of the block see the database as it was at the first of them. Nothing can be written."""
        ...

    def described(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """What the driver says of the columns of *query*, which is run."""
        ...

    def stream(self, query: str, parameters: Mapping[str, Any]) -> AbstractContextManager[Iterator[tuple[Any, ...]]]:
        """The rows of *query*, one after the other, as they come: no more than one is in memory."""
        ...

    def lock(self, name: str) -> None:
        """Wait until no other transaction has locked *name*; it is released at the end of this one."""
        ...

    def default_schema(self) -> str:
        """The schema of a table that is named without one."""
        ...

    def columns(self, schema: str, table: str) -> list[Column]:
        """The columns of a table; none where there is no such table."""
        ...

    def index(self, schema: str, table: str, column: str) -> None:
        """Create an index of *column* of a new table."""
        ...

    def stage(self, target: str, columns: Sequence[str]) -> None:
        """Create the empty table *staging*, with these columns of *target*, for this transaction."""
        ...

    def fill(self, width: int, parts: Iterable[Any]) -> None:
        """Put *parts*, rows of so many values, into *staging*: bytes of PostgreSQL's text format, or lists of tuples."""
        ...

    def cast(self, kind: str) -> str:
        """A bound value as the type *kind*."""
        ...


@dataclass(frozen=True)
class Database:
    """A database that *connect* connects to; *name* is `sql://conn_id`."""

    name: str
    connect: Callable[[], Any]
    session: type[Session]

    @contextmanager
    def opened(self, wrong: type[Terminal]) -> Iterator[Session]:
        """A session. What the driver raises becomes a StoreError where it may pass by itself, else *wrong*."""
        try:
            with closing(self.connect()) as connection:
                yield self.session(connection)
        except self.session.errors() as e:
            kind = StoreError if self.session.may_pass(e) else wrong
            # Not the cause: a database quotes rows in the details of its errors, and Airflow writes causes into the log.
            raise kind(f"{self.name}: {type(e).__name__}: {legible(excerpt(self.session.said(e), _SAID))}") from None
