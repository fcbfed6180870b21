"""The raw results of a batch: downloaded whole or not at all, kept compressed, read back line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

import msgspec
import pyarrow as pa

from airflow_provider_claude.core.batch.polling import ENDED
from airflow_provider_claude.errors import ApiUnavailableError
from airflow_provider_claude.gateway import BatchInfo
from airflow_provider_claude.store import (
    EndedRecord,
    ShardFolder,
    SubmittedRecord,
    atomic_output,
    write_record,
)

if TYPE_CHECKING:
    from upath import UPath

_CHUNK = 1 << 20

#: The longest answer there is has 300,000 tokens; a longer line is not the API's.
MAX_LINE = 16 << 20


class Api(Protocol):
    """What fetching needs of the gateway."""

    def batch(self, batch_id: str) -> BatchInfo: ...

    def results(self, batch_id: str) -> Iterator[bytes]: ...


def fetch(shard: ShardFolder, submitted: SubmittedRecord, api: Api) -> UPath:
    """The file of the attempt's raw results, downloaded unless it is there already.

    Raises ApiUnavailableError where the batch has not ended, or the stream holds fewer lines than the batch's own
    counts say: nothing is kept of such a stream, and a retry downloads it again.
    """
    path = shard.file(f"{submitted.attempt}.results.jsonl.zst")
    if submitted.batch_id is None or path.exists():
        return path
    ended = _ended(shard, submitted, submitted.batch_id, api)
    with atomic_output(path) as stream, pa.CompressedOutputStream(pa.PythonFile(stream, "w"), "zstd") as out:
        lines = _copy(api.results(submitted.batch_id), out)
        expected = sum(ended.counts.values())
        if lines < expected:
            raise ApiUnavailableError(
                f"The results of batch {submitted.batch_id} broke off: {lines:,} lines came of {expected:,}. Nothing was "
                "kept; a retry downloads them again, at no cost."
            )
    return path


def _ended(shard: ShardFolder, submitted: SubmittedRecord, batch_id: str, api: Api) -> EndedRecord:
    known = shard.ended(submitted.attempt)
    if known is not None:
        return known
    info = api.batch(batch_id)
    if info.status != ENDED or info.ended_at is None:
        raise ApiUnavailableError(f"Batch {batch_id} has not ended (it is {info.status}); a retry looks again.")
    record = EndedRecord(
        attempt=submitted.attempt,
        batch_id=batch_id,
        counts=info.counts,
        created_at=info.created_at,
        ended_at=info.ended_at,
    )
    write_record(shard.file(f"{submitted.attempt}.ended.json"), record)
    return record


def _copy(chunks: Iterable[bytes], out: pa.NativeFile) -> int:
    """Copy *chunks* to *out*; the number of whole lines in them. A last one needs no newline, if it is JSON."""
    lines, tail = 0, bytearray()
    for chunk in chunks:
        out.write(chunk)
        lines += chunk.count(b"\n")
        if b"\n" in chunk:
            tail.clear()
        tail += chunk[chunk.rfind(b"\n") + 1 :]
        if len(tail) > MAX_LINE:
            raise ApiUnavailableError(f"The results hold a line of more than {MAX_LINE:,} bytes; nothing was kept.")
    return lines + _is_json(bytes(tail))


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except msgspec.MsgspecError:
        return False
    return True


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
