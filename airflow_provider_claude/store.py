"""The run folder: one folder a run, readable by a person with `ls`. Which files exist is the state.

    <root>/
        scan.json  plan.json  report.json  report.html
        items/part-00000.parquet  quarantine/part-00000.parquet  duplicates/part-00000.parquet
        shards/00003/
            1.manifest.parquet    what attempt 1 sends, by custom id            before it is paid for
            1.intent.json         attempt 1 is about to be paid for             before the paid call
            1.submitted.json      its batch id                                  right after it
            1.ended.json          its counts and times                          when the batch has ended
            1.results.jsonl.zst   the API's result lines, as they came          before they are judged
            leftovers.parquet     rows without a valid answer
            landed.json           how the rows of this shard ended              last
        answers/part-00003.parquet

Every file is written whole or not at all: on a local disk under a temporary name and then renamed; on an
object store as one PUT of a finished local file. `None` from a `read_…` means "there is no such record"; a
record that is there but cannot be read raises, because the two must never be confused.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import msgspec

from airflow_provider_claude.errors import StateError

if TYPE_CHECKING:
    from upath import UPath

_R = TypeVar("_R", bound="Record")


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """One JSON file of a run folder. Times are ISO 8601 in UTC, money is a decimal string in USD."""


class ScanRecord(Record, frozen=True, kw_only=True):
    """scan.json. `rows` = `items` + `quarantined` + `duplicates`, and `quarantined` is the sum of `by_reason`."""

    source: str
    format: str
    columns: list[str]
    carry: list[str]
    rows: int
    items: int
    quarantined: int
    duplicates: int
    by_reason: dict[str, int]
    flagged: dict[str, int]
    part_rows: int
    started_at: str
    finished_at: str


class ShardSpec(Record, frozen=True, kw_only=True):
    """Items `start` (included) to `stop` (not) of the run, as one Message Batch of `bytes` bytes of body.

    `fingerprint` is the SHA-256 over the request hashes of its rows, in order: the same fingerprint means the
    same requests. Lane `sync` marks the trial: one item that was answered while planning.
    """

    shard: int
    start: int
    stop: int
    bytes: int
    fingerprint: str
    lane: str = "batch"

    @property
    def rows(self) -> int:
        return self.stop - self.start


class PlanRecord(Record, frozen=True, kw_only=True):
    """plan.json: everything the later tasks need to know, and the sums that led to it.

    `job` is ClaudeJob.spec(); `price` the price in force (see core.plan.prices); `estimate` tokens and cost in
    USD by lane; `deadline` None where the run has none; `explanation` the plan in sentences, one an entry; `scanned_at`
    when the scan it plans had finished: a plan of another scan speaks of other rows.
    """

    job: dict[str, Any]
    prompt_hash: str
    schema_hash: str
    price: dict[str, Any]
    shards: list[ShardSpec]
    estimate: dict[str, Any]
    deadline: str | None
    partition: str | None
    explanation: list[str]
    scanned_at: str
    created_at: str


class IntentRecord(Record, frozen=True, kw_only=True):
    """N.intent.json: this attempt may be paid for from now on."""

    attempt: int
    fingerprint: str
    requests: int
    bytes: int
    at: str


class SubmittedRecord(Record, frozen=True, kw_only=True):
    """N.submitted.json: the API took it. `batch_id` is None in the sync lane."""

    attempt: int
    fingerprint: str
    requests: int
    batch_id: str | None
    lane: str
    created_at: str
    expires_at: str | None = None


class EndedRecord(Record, frozen=True, kw_only=True):
    """N.ended.json: the batch's own counts (`succeeded`, `errored`, `canceled`, `expired`) and end."""

    attempt: int
    batch_id: str | None
    counts: dict[str, int]
    created_at: str
    ended_at: str


class LandedRecord(Record, frozen=True, kw_only=True):
    """landed.json: how the rows of a shard ended, duplicates counted with their twins.

    `outcomes` counts rows by outcome; `strangers` result lines with an unknown or repeated custom id, or none.
    """

    shard: int
    attempt: int
    rows: int
    outcomes: dict[str, int]
    strangers: dict[str, int]
    tokens: dict[str, int]
    cost_usd: str
    landed_at: str


class ShardFolder:
    """shards/00003/ of a run folder. The task handle of a shard is its path: `str(folder)`."""

    def __init__(self, path: UPath) -> None:
        if not re.fullmatch(r"\d{5,}", path.name) or path.parent.name != "shards":
            msg = f"{path} is not a shard folder: expected <run folder>/shards/<number>, as the plan returns it."
            raise StateError(msg)
        self.path = path
        self.shard = int(path.name)
        self.run = RunFolder(path.parent.parent)

    def __str__(self) -> str:
        return str(self.path)

    def file(self, name: str) -> UPath:
        return self.path / name

    def attempts(self) -> list[int]:
        """The numbers of the attempts on record, ascending."""
        found = {int(m[1]) for m in map(re.compile(r"(\d+)\.intent\.json").fullmatch, list_names(self.path)) if m}
        return sorted(found)

    def intent(self, attempt: int) -> IntentRecord | None:
        return read_record(self.file(f"{attempt}.intent.json"), IntentRecord)

    def submitted(self, attempt: int) -> SubmittedRecord | None:
        return read_record(self.file(f"{attempt}.submitted.json"), SubmittedRecord)

    def ended(self, attempt: int) -> EndedRecord | None:
        return read_record(self.file(f"{attempt}.ended.json"), EndedRecord)

    def submission(self, fingerprint: str) -> SubmittedRecord | None:
        """The latest attempt that was submitted with the content *fingerprint*."""
        submitted = (self.submitted(attempt) for attempt in reversed(self.attempts()))
        return next((record for record in submitted if record and record.fingerprint == fingerprint), None)

    def landed(self) -> LandedRecord | None:
        return read_record(self.file("landed.json"), LandedRecord)


class RunFolder:
    """The root of a run folder."""

    def __init__(self, path: UPath) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def file(self, name: str) -> UPath:
        return self.path / name

    def shard(self, number: int) -> ShardFolder:
        return ShardFolder(self.path / "shards" / f"{number:05d}")

    def parts(self, folder: str) -> list[UPath]:
        """The part files of items/, quarantine/, duplicates/ or answers/, in order."""
        directory = self.path / folder
        return [directory / name for name in list_names(directory) if re.fullmatch(r"part-\d+\.parquet", name)]

    def part(self, folder: str, number: int) -> UPath:
        return self.path / folder / f"part-{number:05d}.parquet"

    def scan(self) -> ScanRecord | None:
        return read_record(self.file("scan.json"), ScanRecord)

    def plan(self) -> PlanRecord | None:
        return read_record(self.file("plan.json"), PlanRecord)

    def need_scan(self) -> ScanRecord:
        return _needed(self.scan(), self.file("scan.json"), "the scan has not finished for this run; run it first")

    def need_plan(self) -> PlanRecord:
        """The plan. Raises StateError where there is none, or where the run was scanned again since."""
        plan = _needed(self.plan(), self.file("plan.json"), "this run has not been planned; run the plan first")
        if plan.scanned_at != self.need_scan().finished_at:
            raise StateError(f"{self.file('plan.json')} is of an earlier scan of this run; run the plan again.")
        return plan


def _needed(record: _R | None, path: UPath, what: str) -> _R:
    if record is None:
        raise StateError(f"{path} does not exist: {what}.")
    return record


def list_names(directory: UPath) -> list[str]:
    """The names in *directory*, sorted; none where there is no such directory. Never from a listing cache."""
    directory.fs.invalidate_cache()
    try:
        return sorted(entry.name for entry in directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):  # the path interface says either of a folder that is not there
        return []


def read_record(path: UPath, kind: type[_R]) -> _R | None:
    """The record at *path*, None where there is no such file.

    Raises StateError where the file is there but is not such a record; the store's own error where it cannot be
    reached.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as e:
        raise StateError(
            f"{path} is not a readable {kind.__name__} ({e}); nothing was guessed from it. Where another version wrote "
            "scan.json or plan.json, clear the scan and plan tasks of this run: what is paid for is found again."
        ) from e


def write_record(path: UPath, record: Record) -> None:
    write_bytes(path, msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")


def write_bytes(path: UPath, data: bytes) -> None:
    with atomic_output(path) as stream:
        stream.write(data)


def is_local(path: UPath) -> bool:
    return path.protocol in {"", "file", "local"}


@contextmanager
def atomic_output(path: UPath) -> Iterator[IO[bytes]]:
    """A binary file that becomes *path* when the block ends well, and leaves nothing behind when it does not."""
    directory = Path(path.parent.path) if is_local(path) else None
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=directory)
    try:
        with os.fdopen(handle, "w+b") as stream:
            yield stream
        if directory is not None:
            _settle(Path(name), Path(path.path))
        else:
            path.fs.put_file(name, path.path)
    finally:
        Path(name).unlink(missing_ok=True)


def _settle(temporary: Path, place: Path) -> None:
    """Rename *temporary* to *place* once its bytes are on the disk."""
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    temporary.chmod(0o666 & ~_UMASK)
    temporary.replace(place)


def remove(path: UPath) -> None:
    """Remove the file or folder *path*; it is no error where there is none."""
    if is_local(path) and Path(path.path).is_dir():
        shutil.rmtree(path.path)
    elif path.exists():
        path.fs.rm(path.path, recursive=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


#: Read once at import: asking for it means setting it, for all threads at once.
_UMASK = _umask()
