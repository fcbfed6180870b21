"""Where records and names are read: in the store, as they are now; or in a snapshot (store.snapshot)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from airflow_provider_claude.store.files import list_names
from airflow_provider_claude.store.records.record import read_record

if TYPE_CHECKING:
    from upath import UPath

_R = TypeVar("_R", bound=msgspec.Struct)


class Reader:
    """Reads the store itself, at each call."""

    def read(self, path: UPath, kind: type[_R]) -> _R | None:
        """See `read_record`."""
        return read_record(path, kind)

    def names(self, directory: UPath) -> list[str]:
        """See `list_names`."""
        return list_names(directory)


STORE = Reader()
