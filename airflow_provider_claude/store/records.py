"""The JSON records of a run folder and of the work folder around it.

`None` from `read_record` means "there is no such record"; one that is there but cannot be read raises, because the two
must never be confused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store.files import write_bytes, write_new

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
    """Items `start` (included) to `stop` (not) of the run, as one Message Batch of at most `bytes` bytes of body.

    `fingerprint` is the SHA-256 over the request hashes of its rows, in order: the same fingerprint means the same
    requests. `reused` of its rows have an answer in the work folder and are not sent. Lane `sync` marks the trial:
    one item that was answered while planning.
    """

    shard: int
    start: int
    stop: int
    bytes: int
    fingerprint: str
    lane: str = "batch"
    reused: int = 0

    @property
    def rows(self) -> int:
        return self.stop - self.start


class PlanRecord(Record, frozen=True, kw_only=True):
    """plan.json: everything the later tasks need to know, and the sums that led to it.

    `job` is ClaudeJob.spec(); `price` the price in force (see core.plan.prices); `estimate` tokens and cost in
    USD by lane; `deadline` None where the run has none; `explanation` the plan in sentences, one an entry; `scanned_at`
    when the scan it plans had finished: a plan of another scan speaks of other rows; `work` how many folders above the
    run folder the work folder is, whose runs share their answers, if they are not older than `reuse_days`.
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
    work: int
    reuse_days: float


class IntentRecord(Record, frozen=True, kw_only=True):
    """N.intent.json: this attempt may be paid for from now on, until `until`, when its sender gives up.

    `root` is the fingerprint of the shard it answers, `round` 1 for its first batch and more for its leftovers;
    `fingerprint` stands for the requests of this attempt, and its custom ids start with it; `job` is the hash of what is
    the same in all of them.
    """

    attempt: int
    job: str
    root: str
    round: int
    fingerprint: str
    requests: int
    bytes: int
    at: str
    until: str
    lane: str = "batch"


class SubmittedRecord(Record, frozen=True, kw_only=True):
    """N.submitted.json: the API took it. `batch_id` is None in the sync lane, and where nothing had to be sent.

    `adopted` says that the batch was found in the workspace's list, not answered to the sender; its results prove it.
    """

    attempt: int
    batch_id: str | None
    lane: str
    created_at: str
    expires_at: str | None = None
    adopted: bool = False


class ReleasedRecord(Record, frozen=True, kw_only=True):
    """N.released.json: this attempt counts no longer, and why. `batch_id` is one that turned out to be another's."""

    attempt: int
    batch_id: str | None
    reason: str
    at: str


class EndedRecord(Record, frozen=True, kw_only=True):
    """N.ended.json: the batch's own counts (`succeeded`, `errored`, `canceled`, `expired`) and end."""

    attempt: int
    batch_id: str | None
    counts: dict[str, int]
    created_at: str
    ended_at: str


class LandedRecord(Record, frozen=True, kw_only=True):
    """landed.json: how the rows of a shard ended, duplicates counted with their twins.

    `outcomes` counts rows by outcome; `strangers` result lines with an unknown or repeated custom id, or none;
    `disagreements` says where a batch's own counts are not those of its results. `round` is the last one that
    landed. `cost_usd` is all that was paid, `retried_usd` the part that went to tries which a later one replaced.
    """

    shard: int
    root: str
    round: int
    rows: int
    outcomes: dict[str, int]
    strangers: dict[str, int]
    disagreements: list[str]
    reused: int
    tokens: dict[str, int]
    cost_usd: str
    retried_usd: str
    landed_at: str


class ClaimRecord(Record, frozen=True, kw_only=True):
    """batches/<batch id>.json of a work folder: whose batch it is. `shard` is relative to the work folder."""

    batch_id: str
    shard: str
    attempt: int


class CollectedRecord(Record, frozen=True, kw_only=True):
    """answers/<job>/….json of a work folder: raw results that can answer the same requests again."""

    shard: str
    attempt: int
    created_at: str


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
    write_bytes(path, _bytes(record))


def write_new_record(path: UPath, record: Record) -> bool:
    """Write *record* unless the file is there already; whether it was written. See `write_new`."""
    return write_new(path, _bytes(record))


def _bytes(record: Record) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"
