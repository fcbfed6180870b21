"""The raw results of a batch: downloaded, proven to be its own, kept compressed, read back line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from airflow_provider_claude.core.batch.answers import read_head
from airflow_provider_claude.core.batch.requests import id_start, index_of
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.stages.download import MAX_LINE, Api, Download
from airflow_provider_claude.store import (
    AccountFolder,
    ClaimRecord,
    IntentRecord,
    ShardFolder,
    SubmittedRecord,
    exists,
    remove,
)

if TYPE_CHECKING:
    from upath import UPath

_CHUNK = 1 << 20


def collect(
    shard: ShardFolder,
    submitted: SubmittedRecord,
    api: Api,
    work: AccountFolder,
    now: str,
    *,
    late: Callable[[], bool] = lambda: False,
) -> None:
    """See that the raw results of a submitted attempt are here, and known to the work folder, whose other runs may use them:
    not those of packs, because what stands in one is an answer in company only.

    A batch that was adopted and turns out to be another's is let go again: neither loaded nor cancelled.

    Raises PendingError where the batch has not ended, IncompleteError where its results are not whole yet, and
    ApiUnavailableError where the API does not answer at all. Tried often enough, what is there is kept: see download; sooner
    where it is *late*: the cutoff of the shard has come.
    """
    intent = shard.intent(submitted.attempt)
    if intent is None:
        raise StateError(f"{shard.file(f'{submitted.attempt}.intent.json')} is gone, though its batch is on record.")
    path = shard.results(submitted.attempt)
    if submitted.batch_id is not None and not exists(path):
        Download(shard, submitted, submitted.batch_id, intent, api, now, late).fetch()
    if submitted.adopted and _are_of(read_lines(path), intent) is False:
        remove(path)
        disown(shard, submitted, work, now)
        return
    if intent.pack == 1:
        work.collect(intent.job, shard, submitted.attempt, intent.fingerprint, submitted.created_at)


def disown(shard: ShardFolder, adopted: SubmittedRecord, work: AccountFolder, now: str) -> None:
    """Put on record that the batch that was *adopted* is another's: nothing was paid for this attempt, as no other batch of
    its size and time was there when it was adopted.
    """
    reason = f"batch {adopted.batch_id} was taken for this shard's by its size and time; its results are another's"
    shard.release_unpaid(adopted.attempt, adopted.batch_id, reason, now)
    work.disclaim(ClaimRecord(batch_id=adopted.batch_id or "", shard=work.name_of(shard), attempt=adopted.attempt))


def are_of(chunks: Iterable[bytes], intent: IntentRecord) -> bool | None:
    """Whether the results that begin with *chunks* are those of *intent*; None where they are no results.

    One line tells: a batch is one attempt's.
    """
    head = b""
    for chunk in chunks:
        head += chunk
        if b"\n" in head or len(head) > MAX_LINE:
            break
    return _are_of(head.split(b"\n"), intent)


def _are_of(lines: Iterable[bytes], intent: IntentRecord) -> bool | None:
    """Whether one of *lines* has a custom id of *intent*, which starts with its fingerprint; None where none has any id."""
    start, named = id_start(intent.fingerprint), False
    for line in lines:
        name, _ = read_head(line)
        if index_of(name, start, intent.requests) is not None:
            return True
        named |= bool(name)
    return False if named else None


def read_lines(path: UPath) -> Iterator[bytes]:
    """The lines of a raw results file, without their ends. Split at newlines only: U+2028 is part of a line."""
    with (
        path.fs.open(path.path, "rb") as stream,
        pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd") as source,
    ):
        rest = b""
        while chunk := source.read(_CHUNK):
            data = rest + chunk
            *lines, rest = data.split(b"\n")
            yield from filter(None, [line.rstrip(b"\r") for line in lines] if b"\r" in data else lines)
        if rest:
            yield rest
