"""The raw results of a batch: downloaded whole or not at all, kept compressed, read back line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

import msgspec
import pyarrow as pa
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from airflow_provider_claude.core.account import Account
from airflow_provider_claude.core.batch.answers import read_head
from airflow_provider_claude.core.batch.polling import UNKNOWN_SECONDS
from airflow_provider_claude.core.batch.requests import id_start, index_of
from airflow_provider_claude.errors import ApiUnavailableError, PendingError, StateError, Transient
from airflow_provider_claude.gateway import BatchInfo
from airflow_provider_claude.stages.ended import keep_end
from airflow_provider_claude.store import (
    AccountFolder,
    ClaimRecord,
    EndedRecord,
    IntentRecord,
    ShardFolder,
    SubmittedRecord,
    atomic_output,
    remove,
)

if TYPE_CHECKING:
    from upath import UPath

_CHUNK = 1 << 20

#: Seconds until a batch that should have ended is looked at again.
_LOOK_AGAIN = 60.0

#: The longest answer there is has 300,000 tokens; a longer line is not the API's.
MAX_LINE = 16 << 20


class Api(Protocol):
    """What fetching needs of the gateway."""

    def of(self, account: Account) -> Self: ...

    def batch(self, batch_id: str) -> BatchInfo: ...

    def results(self, batch_id: str) -> Iterator[bytes]: ...


def collect(shard: ShardFolder, submitted: SubmittedRecord, api: Api, work: AccountFolder, now: str) -> None:
    """See that the raw results of a submitted attempt are here, and known to the work folder, whose other runs may use them:
    not those of packs, because what stands in one is an answer in company only.

    A batch that was adopted and turns out to be another's is let go again: neither loaded nor cancelled.

    Raises PendingError where the batch has not ended, and ApiUnavailableError where the download keeps failing for five
    minutes: nothing is kept of a stream that was cut.
    """
    intent = shard.intent(submitted.attempt)
    if intent is None:
        raise StateError(f"{shard.file(f'{submitted.attempt}.intent.json')} is gone, though its batch is on record.")
    path = shard.results(submitted.attempt)
    if submitted.batch_id is not None and not path.exists():
        download = _Download(shard, submitted, submitted.batch_id, intent, api)
        for look in Retrying(
            retry=retry_if_exception(_passes),
            stop=stop_after_delay(UNKNOWN_SECONDS),
            wait=wait_random_exponential(multiplier=0.5, max=30.0),
            reraise=True,
        ):
            with look:
                download.once()
    if submitted.adopted and not _any_of(read_lines(path), intent):
        reason = (
            f"batch {submitted.batch_id} was taken for this shard's by its size and time; its results are another's"
        )
        shard.release(submitted.attempt, submitted.batch_id, reason, now)
        remove(path)
        mine = ClaimRecord(batch_id=submitted.batch_id or "", shard=work.name_of(shard), attempt=submitted.attempt)
        work.disclaim(mine)
        return
    if intent.pack == 1:
        work.collect(intent.job, shard, submitted.attempt, intent.fingerprint, submitted.created_at)


def are_of(chunks: Iterable[bytes], intent: IntentRecord) -> bool | None:
    """Whether the results that begin with *chunks* are those of *intent*; None where they are no results.

    One line tells: a batch is one attempt's.
    """
    head = b""
    for chunk in chunks:
        head += chunk
        if b"\n" in head or len(head) > MAX_LINE:
            break
    named = [line for line in head.split(b"\n") if read_head(line)[0]]
    return _any_of(named, intent) if named else None


def _any_of(lines: Iterable[bytes], intent: IntentRecord) -> bool:
    """Whether one of *lines* has a custom id of *intent*, which starts with its fingerprint."""
    start, names = id_start(intent.fingerprint), (read_head(line)[0] for line in lines)
    return any(index_of(name, start, intent.requests) is not None for name in names)


def _passes(error: BaseException) -> bool:
    """Whether asking again in a moment may help: not where the batch simply has not ended."""
    return isinstance(error, Transient) and not isinstance(error, PendingError)


@dataclass
class _Download:
    """One download, tried until it is whole: as many custom ids of ours as the batch has requests.

    A stream that ends well, but short, is believed the second time. One without a single line of ours is not: it is
    another's where the batch was adopted, else a page that somebody on the way has sent.
    """

    shard: ShardFolder
    submitted: SubmittedRecord
    batch_id: str
    intent: IntentRecord
    api: Api
    before: int = 0

    def once(self) -> None:
        expected = sum(_ended(self.shard, self.submitted, self.batch_id, self.api).counts.values())
        with (
            atomic_output(self.shard.results(self.submitted.attempt)) as stream,
            pa.CompressedOutputStream(pa.PythonFile(stream, "w"), "zstd") as out,
        ):
            count = _copy(self.api.results(self.batch_id), out, _id_start(self.intent, self.submitted))
            known = count >= expected or (0 < count == self.before)
            self.before = count
            if not known:
                raise ApiUnavailableError(
                    f"The results of batch {self.batch_id} broke off, or are none: they name {count:,} of {expected:,} "
                    "requests. Nothing was kept; a retry downloads them again, at no cost."
                )


def _id_start(intent: IntentRecord, submitted: SubmittedRecord) -> bytes:
    """What stands before the number in each custom id of *intent*; any custom id, where the batch may be another's."""
    return b'"custom_id"' if submitted.adopted else id_start(intent.fingerprint).encode()


def _ended(shard: ShardFolder, submitted: SubmittedRecord, batch_id: str, api: Api) -> EndedRecord:
    known = shard.ended(submitted.attempt)
    if known is not None:
        return known
    info = api.batch(batch_id)
    record = keep_end(shard, submitted.attempt, info)
    if record is None:
        raise PendingError(f"Batch {batch_id} has not ended (it is {info.status}); a retry looks again.", _LOOK_AGAIN)
    return record


def _copy(chunks: Iterable[bytes], out: pa.NativeFile, mark: bytes) -> int:
    """Copy *chunks* to *out*; how often *mark* is in them, which is once in each line. A last line has to be JSON."""
    count, tail, edge = 0, bytearray(), b""
    for chunk in chunks:
        out.write(chunk)
        joined = edge + chunk
        count += joined.count(mark)
        edge = joined[-(len(mark) - 1) :]
        if b"\n" in chunk:
            tail.clear()
        tail += chunk[chunk.rfind(b"\n") + 1 :]
        if len(tail) > MAX_LINE:
            raise ApiUnavailableError(f"The results hold a line of more than {MAX_LINE:,} bytes; nothing was kept.")
    return count if not tail.strip() or _is_json(bytes(tail)) else count - tail.count(mark)


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
