"""Where the answers of a run come from, as lineage tools name it.

Names follow OpenLineage (https://openlineage.io/docs/spec/naming).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from airflow_provider_claude.core.globs import without_wildcards

#: Schemes of one store, and the one that OpenLineage uses.
_SCHEMES = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "abfs": "abfss", "local": "file", "": "file"}


class DatasetName(NamedTuple):
    """A dataset as OpenLineage names it."""

    namespace: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """*columns* of *source* are what *output* was made from: its *fields*, by name the type. *carried* columns are as they were.

    *output* None: nothing is published. *figures*: what is known of the run, by name.
    """

    source: DatasetName
    columns: Sequence[str]
    output: DatasetName | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    carried: Sequence[str] = ()
    rows: int | None = None
    figures: Mapping[str, object] = field(default_factory=dict)


def folder_dataset(uri: str) -> DatasetName:
    """The dataset of the file or folder at *uri*; of a glob, the folder above its wildcards. Users, passwords and queries in
    *uri* are left out.
    """
    parts = urlsplit(without_wildcards(uri).replace("?", "%3F").replace("#", "%23"))
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    path = (parts.path.rstrip("/") or "/").replace("%3F", "?").replace("%23", "#")
    host = parts.netloc.rpartition("@")[2]
    if scheme == "file" and not host:
        return DatasetName("file", path)
    return DatasetName(f"{scheme}://{host}", path if scheme == "file" else path.lstrip("/") or "/")


def table_dataset(kind: str, place: str, names: Sequence[str]) -> DatasetName:
    """The table, or what else *names* says, of the database of *kind* at *place*: host and port, or a file."""
    return DatasetName(f"{kind}://{place}", ".".join(names))
