"""Cutting the run's items into shards: as few as fit the API's limits and the size that was asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from airflow_provider_claude.errors import JobError

#: https://platform.claude.com/docs/en/build-with-claude/batch-processing. Whether its "256 MB" is decimal is not
#: stated; the smaller reading is safe.
MAX_REQUESTS = 100_000
MAX_BYTES = 256_000_000

#: Airflow expands a mapped task over at most this many entries ([core] max_map_length).
MAX_SHARDS = 1024

DEFAULT_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Items `start` to `stop`, `bytes` bytes as one body; the fingerprint is over their request hashes."""

    start: int
    stop: int
    bytes: int
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most one shard may hold. Raises JobError where the API would refuse it."""

    rows: int = DEFAULT_ROWS
    bytes: int = MAX_BYTES

    def __post_init__(self) -> None:
        if not 1 <= self.rows <= MAX_REQUESTS:
            raise JobError(f"shard_rows is {self.rows}: one batch holds 1 to {MAX_REQUESTS:,} requests.")
        if not 1 <= self.bytes <= MAX_BYTES:
            raise JobError(f"shard_bytes is {self.bytes}: one batch holds at most {MAX_BYTES:,} bytes.")


def cut(rows: Iterable[tuple[int, bytes]], limits: Limits, *, start: int, envelope: int) -> Iterator[Cut]:
    """Cut *rows*, each (bytes on the wire, request hash), into consecutive shards; resident is one shard's sums.

    *start* is the first row's ordinal, *envelope* the bytes of a body without rows. Raises JobError at a row that
    no batch can hold.
    """
    count, size, digest, first = 0, envelope, hashlib.sha256(), start
    for row_bytes, request_hash in rows:
        if envelope + row_bytes > limits.bytes:
            raise JobError(
                f"item {first + count} needs {row_bytes:,} bytes as a request, a shard holds {limits.bytes:,}. "
                "Lower max_chars of the scan, so that it is set aside."
            )
        if count == limits.rows or size + row_bytes > limits.bytes:
            yield Cut(start=first, stop=first + count, bytes=size, fingerprint=digest.hexdigest())
            count, size, digest, first = 0, envelope, hashlib.sha256(), first + count
        count += 1
        size += row_bytes
        digest.update(request_hash)
    if count:
        yield Cut(start=first, stop=first + count, bytes=size, fingerprint=digest.hexdigest())
