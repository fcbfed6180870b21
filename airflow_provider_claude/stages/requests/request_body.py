"""The body of an attempt, in a temporary file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.arrays import numbers_of
from airflow_provider_claude.errors import PendingError
from airflow_provider_claude.job.cache import Ttl
from airflow_provider_claude.stages.requests.manifest import DISTINCT
from airflow_provider_claude.stages.requests.spool import Spool
from airflow_provider_claude.store.parquet_files import parquet_writer, read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from upath import UPath


class RequestBody:
    """A body in a temporary file: its length is known, and it can be read again from its start.

    *manifest* says what it asks, *cache* how long what its requests have in common is cached. Once *expired* is true, no more of
    it is sent: tasks that wait for the sender to stop rely on that.
    """

    def __init__(self, spool: Spool, manifest: pa.Table, *, cache: Ttl | None = None) -> None:
        self._spool, self._manifest, self.cache = spool, manifest, cache
        self.sizes, self.limits = spool.sizes, spool.limits
        self.expired: Callable[[], bool] = lambda: False

    @property
    def rows(self) -> int:
        """How many items it asks."""
        return len(self._manifest)

    @property
    def count(self) -> int:
        """How many requests it has."""
        return self._spool.count

    @property
    def in_results(self) -> list[bool]:
        """Of each request, whether its items stand in a tool result."""
        return self._spool.in_results

    @property
    def items(self) -> list[int]:
        """How many items each request holds."""
        if "pack_number" not in self._manifest.schema.names:
            return [1] * self.count
        of = numbers_of(self._manifest["pack_number"])
        found: list[int] = np.bincount(of, minlength=self.count).tolist()
        return found

    def indexes(self, requests: int) -> list[int]:
        """The indexes in the shard of the items that the first *requests* requests ask."""
        found: list[int] = self._manifest["index"].slice(0, sum(self.items[:requests])).to_pylist()
        return found

    def is_asked_in(self, path: UPath) -> bool:
        """Whether the manifest at *path* asks exactly the same."""
        return bool(self._manifest["request_hash"].equals(read_table(path, ["request_hash"])["request_hash"]))

    def write_manifest(self, path: UPath) -> None:
        with parquet_writer(path, self._manifest.schema, distinct=DISTINCT) as writer:
            writer.write_table(self._manifest)

    def highest(self, values: NDArray[Any]) -> NDArray[Any]:
        """The highest of *values*, one an item of the shard, among the items of each request."""
        found = np.full(self.count, -np.inf)
        np.maximum.at(found, np.repeat(np.arange(self.count), self.items), values[numbers_of(self._manifest["index"])])
        return found

    def requests(self, order: NDArray[Any] | None = None) -> Iterator[bytes]:
        """The parameters of the requests of *order*, by their numbers; of all, in the order of the manifest, without it."""
        return self._spool.params(range(self.count) if order is None else order.tolist())

    def __len__(self) -> int:
        return self._spool.body_bytes

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._spool.body():
            if self.expired():
                raise PendingError("Sending the batch took too long, and was stopped before it was complete.")
            yield chunk
