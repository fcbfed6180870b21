"""The rows of a query as a source, written in a DAG. Imported when a DAG is parsed, so without pyarrow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from airflow_provider_claude.core.sql_uri import query_name
from airflow_provider_claude.errors import JobError


@dataclass(kw_only=True)
class ClaudeSqlSource:
    """The rows of *query* in the database of the Airflow connection *conn_id*; all three are templates.

    *parameters* are bound to the query's marks by the driver, and never become part of its text: `%(day)s` in PostgreSQL
    (where a query with parameters writes any other percent sign twice), `:day` in SQLite. The rows are ordered by the
    column that names them, `id_column` of the task. Raises JobError where there is no query, or the parameters have no names.
    """

    template_fields: ClassVar[Sequence[str]] = ("conn_id", "query", "parameters")

    conn_id: str
    query: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.query, str) or not self.query.strip():
            raise JobError(f"query is {self.query!r:.200}: write a select statement.")
        if not isinstance(self.parameters, Mapping):
            raise JobError(
                f"parameters is a {type(self.parameters).__name__}: write names and values, such as {{'day': '{{{{ day }}}}'}}."
            )

    def __str__(self) -> str:
        """The connection, and a hash of what is asked there: a query may hold what no log should."""
        asked = [" ".join(self.query.split()), dict(self.parameters)]
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
        return query_name(self.conn_id, digest[:12])
