"""`sql://conn_id/schema.table`: a table of a database, by the Airflow connection that reaches it."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

from airflow_provider_claude.errors import JobError

#: The tables with the owners of partitions, and with answers on their way; no answers are published in them.
OWNERS, STAGING = "claude_partitions", "claude_staging"
OWN_TABLES = frozenset({OWNERS, STAGING})

_SCHEME = "sql://"
_QUERY = "/?query="
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


def query_name(conn_id: str, digest: str) -> str:
    """What a query of the connection *conn_id* is called, by a *digest* of what it asks."""
    return f"{_SCHEME}{conn_id}{_QUERY}{digest}"


def of_database(name: str) -> str:
    """The database of *name* where that is one of `query_name`; else *name*: a query names no table."""
    return name.split(_QUERY, maxsplit=1)[0]


def is_sql(uri: str) -> bool:
    return uri.startswith(_SCHEME)


def checked_output(output: str | None) -> str | None:
    """*output* as it is written in a DAG. Raises JobError for a database without a table; templates are checked when they run."""
    if output is not None and is_sql(output) and "{{" not in output:
        table_uri(output)
    return output


def table_uri(output: str) -> SqlUri:
    """The table that *output* names. Raises JobError where it names none, or one that the package uses itself."""
    uri = sql_uri(output, "output (publish_to)")
    if uri.table is None or uri.table.casefold() in OWN_TABLES:
        what = "names no table" if uri.table is None else f"is a table that this package uses itself ({uri.table})"
        raise JobError(f"output {uri} {what}: write sql://<conn_id>/<schema>.<table>.")
    return uri


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
