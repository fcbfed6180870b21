"""Which locations may be read: on which store, through which connection, below which path.

A location is compared as it is opened. On a local disk links and `..` are resolved first; elsewhere a path with `..` in it
is refused.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fsspec import get_filesystem_class
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_claude.core.sql_uri import SqlUri
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.store.files import is_local

if TYPE_CHECKING:
    from upath import UPath

_LOCAL = "file"

#: Controls, and halves of characters: bytes that are no UTF-8.
_ACTING = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


#: The characters that a path has at most, here and on object stores.
_LONGEST = 4_096


def check_text(path: str) -> None:
    """Raise SourceError for a text that is too long for a path, or has characters that act, such as a line end, or are none."""
    if len(path) > _LONGEST:
        raise SourceError(
            f"The source {path!r:.100}… has {len(path):,} characters: no path has more than {_LONGEST:,}."
        )
    if _ACTING.search(path):
        raise SourceError(f"The source {path!r:.300} has characters that a path should not have: rename it.")


class Location(NamedTuple):
    """A file, folder or glob of a *store*, `file` or `s3`, reached through the connection *conn_id*, if any; or a table,
    `/schema.table`, or a query, `/`, of a database, whose store is `sql`.
    """

    store: str
    conn_id: str | None
    path: str

    @classmethod
    def of(cls, path: UPath) -> Location:
        """Where *path* is. Raises SourceError for a text that `check_text` refuses."""
        check_text(path.path)
        return cls.local(LocalFileSystem._strip_protocol(path.path)) if is_local(path) else cls._elsewhere(path)  # noqa: SLF001 - fsspec's own way to a bare path

    @classmethod
    def database(cls, uri: SqlUri) -> Location:
        """That of *uri*: its table, or all of the database."""
        return cls("sql", uri.conn_id, str(uri).removeprefix(uri.database))

    @classmethod
    def local(cls, path: str) -> Location:
        return cls(_LOCAL, None, os.path.realpath(path))

    @classmethod
    def _elsewhere(cls, path: UPath) -> Location:
        try:
            bare = str(get_filesystem_class(path.protocol)._strip_protocol(path.path))  # noqa: SLF001 - as above
        except ImportError:  # its store says so
            bare = path.path
        return cls(str(path.protocol), getattr(path, "conn_id", None), bare)

    @property
    def is_local(self) -> bool:
        return self.store == _LOCAL

    def holds(self, other: Location) -> bool:
        """Whether *other* is this location, or below it."""
        top = self.path.rstrip("/")
        if self[:2] != other[:2] or not {".", ".."}.isdisjoint(other.path.split("/")):
            return False
        return other.path == self.path or other.path.startswith(f"{top}/")


@dataclass(frozen=True, slots=True)
class Allowed:
    """The locations in, or below, one of *locations*."""

    locations: tuple[Location, ...]

    def admits(self, location: Location) -> bool:
        return any(one.holds(location) for one in self.locations)

    def check(self, path: UPath) -> Location:
        """Where *path* is. Raises SourceError where that is not allowed: its store was not asked, nor its connection."""
        location = Location.of(path)
        self.need(location, str(path))
        return location

    def need(self, location: Location, shown: str) -> None:
        """Raise SourceError where *location*, which is written *shown*, is not allowed."""
        if not self.admits(location):
            raise SourceError(
                f"{shown!r:.300} is not a source that this deployment allows, and was not looked at. Allowed is what lies "
                "below [claude] root or, where the setting [claude] sources lists folders and URIs, below these alone; links "
                "and .. are followed first. To read it, set AIRFLOW__CLAUDE__SOURCES on all workers to its folder or database "
                "(sql://<conn_id>) and all others that may be read, separated by commas."
            )
