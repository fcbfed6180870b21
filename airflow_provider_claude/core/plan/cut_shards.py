"""The trial: the run's first item is asked on the Messages API, before anything is sent in bulk.

A wrong parameter then fails one row and says so at once, instead of failing every row of a batch that has to end
first. The answer is kept as shard 0 and loaded like any other, so its row is not asked again. Where its very request
was answered in an earlier run, that answer is taken: the request is known to work.

The Messages API has no list to find a lost answer in: where a worker dies between the answer and its record, this one
request is asked, and paid for, again, once that worker can no longer be waiting for its answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.numbers import whole_number

TRIAL_SHARD = 0


#: https://platform.claude.com/docs/en/build-with-claude/batch-processing. Whether its "256 MB" is decimal is not
#: stated; the smaller reading is safe.
MAX_REQUESTS = 100_000


MAX_BYTES = 256_000_000


#: Airflow expands a mapped task over at most this many entries ([core] max_map_length).
MAX_SHARDS = 1024


#: About so many rows a shard where the plan chooses and there is a deadline: only whole shards go over to the sync lane, so that
#: larger ones cost more on a night on which batches are late (0.5 % more than with foresight where it is a quarter of the
#: night, 0.3 % with these; `benchmarks.nights`).
DEADLINE_ROWS = 10_000

#: Without a deadline it cuts so many shards, of these rows at least and about at most: each shard costs a start of all its tasks.
USUAL_SHARDS = 4
LEAST_ROWS = 10_000
MOST_ROWS = 50_000


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Items `start` to `stop`, `bytes` bytes as one body; the fingerprint is over their request hashes."""

    start: int
    stop: int
    bytes: int
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most one shard may hold; without *rows* the plan chooses. Raises JobError where the API would refuse it."""

    rows: int | None = None
    bytes: int = MAX_BYTES

    def __post_init__(self) -> None:
        if self.rows is not None:
            whole_number("shard_rows", self.rows, 1, MAX_REQUESTS)
        whole_number("shard_bytes", self.bytes, 1, MAX_BYTES)

    @property
    def most_rows(self) -> int:
        """The most rows of a shard; as many as a batch may hold where none are chosen."""
        return self.rows or MAX_REQUESTS

    def chosen_for(self, items: int, *, deadline: bool) -> Limits:
        """These limits, with the most rows of a shard for a run of *items* items that has a *deadline*, or none."""
        if self.rows is not None:
            return self
        few = max(min(items // LEAST_ROWS, USUAL_SHARDS), -(-items // MOST_ROWS))
        shards = max(-(-items // DEADLINE_ROWS) if deadline else few, 1)
        fewer = shards * (shards - 1) // 2  # each shard has a row fewer than the one before, see `sizes`
        return replace(self, rows=max(-(-(items + fewer) // shards), 1))


def sizes(rows: int, limit: int) -> list[int]:
    """The rows of each shard, at most *limit*: each has one row fewer than the one before, so a batch's size identifies it.

    Where the limit is too small for the difference to matter, all but the last are as large as it allows.
    """
    plain = count = -(-rows // limit)
    while count * limit - count * (count - 1) // 2 < rows and count <= limit // 10:
        count += 1
    if count > limit // 10:
        return [limit] * plain
    largest = -(-(rows + count * (count - 1) // 2) // count) if count else 0
    return [largest - index for index in range(count)]


def cut(
    rows: Iterable[tuple[int, bytes]], limits: Limits, *, caps: Sequence[int] = (), start: int, envelope: int
) -> Iterator[Cut]:
    """Cut *rows*, each (bytes on the wire, request hash), into consecutive shards; resident is one shard's sums.

    *caps* are the most rows of the first shards, then the limits hold. *start* is the first row's ordinal, *envelope*
    the bytes of a body without rows. Raises JobError at a row that no batch can hold.
    """
    left, most = iter(caps), limits.most_rows
    cap = next(left, most)
    count, size, digest, first = 0, envelope, hashlib.sha256(), start
    for row_bytes, request_hash in rows:
        if envelope + row_bytes > limits.bytes:
            raise JobError(
                f"item {first + count} needs {row_bytes:,} bytes as a request, a shard holds {limits.bytes:,}. "
                "Lower max_chars of the scan, so that it is set aside."
            )
        if count == cap or size + row_bytes > limits.bytes:
            yield Cut(start=first, stop=first + count, bytes=size, fingerprint=digest.hexdigest())
            count, size, digest, first = 0, envelope, hashlib.sha256(), first + count
            cap = next(left, most)
        count += 1
        size += row_bytes
        digest.update(request_hash)
    if count:
        yield Cut(start=first, stop=first + count, bytes=size, fingerprint=digest.hexdigest())
