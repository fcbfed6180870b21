"""`sql://conn_id/schema.table`: a table of a database, by the Airflow connection that reaches it."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

from airflow_provider_claude.errors import JobError

_SCHEME = "sql://"
_URI = re.compile(r"sql://([\w.:-]+)(?:/(?:([^./?#]+)\.)?([^./?#]+))?/?", re.ASCII | re.DOTALL)
_CONTROL = re.compile("[\x00-\x1f\x7f]")


class SqlUri(NamedTuple):
    """A database by its connection, and the *table* of it that is meant, if any. *schema* None: the connection's own."""

    conn_id: str
    schema: str | None = None
    table: str | None = None

    def __str__(self) -> str:
        names = ".".join(quote(name, safe="").replace(".", "%2E") for name in (self.schema, self.table) if name)
        return f"{_SCHEME}{self.conn_id}/{names}".rstrip("/")

    @property
    def database(self) -> str:
        return f"{_SCHEME}{self.conn_id}"


def is_sql(uri: str) -> bool:
    return uri.startswith(_SCHEME)


def sql_uri(uri: str, parameter: str) -> SqlUri:
    """The parts of *uri*, the value of *parameter*. Raises JobError where it is none."""
    match = _URI.fullmatch(uri)
    names = [name and unquote(name, errors="strict") for name in match.groups()] if match else []
    if not match or any(name and _CONTROL.search(name) for name in names):
        raise JobError(
            f"{parameter} is {uri!r:.300}: write sql://<conn_id>/<schema>.<table>; a dot, slash, blank or percent sign in a name "
            "is written %2E, %2F, %20 or %25."
        )
    return SqlUri(match[1], names[1], names[2])
