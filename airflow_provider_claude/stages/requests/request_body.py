"""The body of an attempt, in a temporary file."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.requests.request_bytes import (
    BODY_OPEN,
    ENTRY_BYTES,
    PARAMS_AT,
)
from airflow_provider_claude.errors import PendingError
from airflow_provider_claude.store.parquet_files import read_table, write_table

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from upath import UPath


_CHUNK = 1 << 20


class RequestBody:
    """A body in a temporary file: its length is known, and it can be read again from its start.

    *manifest* says what it asks. Once *expired* is true, no more of it is sent: tasks that wait for the sender to stop
    rely on that.
    """

    def __init__(self, stream: IO[bytes], manifest: pa.Table, sizes: array[int], limits: Sequence[int] = ()) -> None:
        """*sizes*: bytes of the parameters of each request; *limits*: the `max_tokens` of each."""
        self._stream = stream
        self._length = stream.tell()
        self._manifest = manifest
        self.sizes, self.limits = sizes, limits
        self.expired: Callable[[], bool] = lambda: False

    @property
    def rows(self) -> int:
        """How many items it asks."""
        return len(self._manifest)

    @property
    def count(self) -> int:
        """How many requests it has."""
        return len(self.sizes)

    @property
    def items(self) -> list[int]:
        """How many items each request holds."""
        if "pack_number" not in self._manifest.schema.names:
            return [1] * self.count
        of = self._manifest["pack_number"].to_numpy()
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
        write_table(path, self._manifest)

    def highest(self, values: NDArray[Any]) -> NDArray[Any]:
        """The highest of *values*, one an item of the shard, among the items of each request."""
        found = np.full(self.count, -np.inf)
        np.maximum.at(found, np.repeat(np.arange(self.count), self.items), values[self._manifest["index"].to_numpy()])
        return found

    def requests(self, order: NDArray[Any] | None = None) -> Iterator[bytes]:
        """The parameters of the requests of *order*, by their numbers; of all, in the order of the manifest, without it."""
        sizes = np.asarray(self.sizes, dtype="<i8")
        ends = len(BODY_OPEN) + np.cumsum(sizes + ENTRY_BYTES)
        starts = ends - sizes - ENTRY_BYTES + PARAMS_AT
        for number in range(self.count) if order is None else order.tolist():
            self._stream.seek(starts[number])
            yield self._stream.read(self.sizes[number])

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        self._stream.seek(0)
        while chunk := self._stream.read(_CHUNK):
            if self.expired():
                raise PendingError("Sending the batch took too long, and was stopped before it was complete.")
            yield chunk
