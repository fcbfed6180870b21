"""The JSON records of a run folder and of the work folder around it.

`None` from `read_record` means "there is no such record"; one that is there but cannot be read raises, because the two
must never be confused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from airflow_provider_claude.core.account import NO_ACCOUNT, Account
from airflow_provider_claude.core.active import ActiveRun
from airflow_provider_claude.core.plan.danger import Danger
from airflow_provider_claude.core.plan.limits import AccountLimits
from airflow_provider_claude.core.plan.packing import Packing
from airflow_provider_claude.core.plan.stuck import StuckBatches
from airflow_provider_claude.core.publish.destination import Destination
from airflow_provider_claude.core.scan.origin import Origin
from airflow_provider_claude.core.settle.priority import Priority
from airflow_provider_claude.core.task import NO_TASK, TaskRef
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store.files import write_bytes, write_new

if TYPE_CHECKING:
    from upath import UPath

_R = TypeVar("_R", bound="Record")


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """One JSON file of a run folder. Times are ISO 8601 in UTC, money is a decimal string in USD."""


class SourcedRecord(Record, frozen=True, kw_only=True):
    """What records say of a source: see Origin."""

    source: str
    format: str
    missing: bool = False
    foreign_files: int = 0
    foreign: list[str] = []

    @property
    def origin(self) -> Origin:
        return Origin(self.source, self.format, self.missing, self.foreign_files, self.foreign)


class ScanRecord(SourcedRecord, frozen=True, kw_only=True):
    """scan.json. `rows` = `items` + `quarantined` + `duplicates` + `lost`, and `quarantined` is the sum of `by_reason`.

    `lost` rows are in damaged regions of the source; of `uncounted` further regions the number of rows is not known. Of the
    `unreadable_files` the first are `unreadable`: the name and what is wrong. Where the source was `missing` there was no
    file; of the `foreign_files` beside those that were read, the first are `foreign`.

    `suspects` of the items are asked alone; `near_duplicates` of the duplicates are only similar to their twins.
    Cleaning `changed` so many of both by more than line ends; originals/ holds their texts as they came, unless they are
    redacted: `redacted` counts what tokens stand for, by kind. `gate` stands for the rules and the model that judged.
    """

    columns: list[str]
    carry: list[str]
    rows: int
    items: int
    quarantined: int
    duplicates: int
    lost: int = 0
    uncounted: int = 0
    unreadable_files: int = 0
    unreadable: list[str] = []
    suspects: int = 0
    near_duplicates: int = 0
    changed: int = 0
    gate: str = ""
    by_reason: dict[str, int]
    flagged: dict[str, int]
    redacted: dict[str, int] = {}
    part_rows: int
    started_at: str
    finished_at: str


class RedactionRecord(Record, frozen=True, kw_only=True):
    """redaction.json: the `key` of the tokens of a run folder, base64; or, where it is `sealed`, encrypted."""

    key: str
    sealed: bool
    at: str


class SharesRecord(SourcedRecord, frozen=True, kw_only=True):
    """shares/shares.json: the names of the `files` of each share of a scan, in the order of the source."""

    files: list[list[str]]
    made_at: str


class ShareRecord(Record, frozen=True, kw_only=True):
    """shares/N/share.json: what was read of share N of the files that were shared out at `shared_at`, and set aside.

    `rows` are those without the `lost` ones; `lost` and what follows it as in scan.json.
    """

    rows: int
    changed: int
    lost: int = 0
    uncounted: int = 0
    unreadable_files: int = 0
    unreadable: list[str] = []
    gate: str
    by_reason: dict[str, int]
    flagged: dict[str, int]
    redacted: dict[str, int]
    shared_at: str


class ReleasedRow(Record, frozen=True, kw_only=True):
    """A row that is let through: its id (if it has one), its place in the source, and the SHA-256 of its texts as they came."""

    item_id: str | None
    source_ref: str
    text_hash: str


class QuarantineRecord(Record, frozen=True, kw_only=True):
    """releases/N.json: what a person `chosen` of a scan's quarantine, as terms, and the rows that were meant, by `reason`.

    `by` says who did it, and `note` why, where that was said. `run_id` is the Airflow run that was asked to release them, None
    for a command. `withdraws`: the number of an earlier release that does not hold any more; this one then releases nothing.
    """

    chosen: list[str]
    by_reason: dict[str, int]
    rows: list[ReleasedRow]
    at: str
    by: str
    note: str = ""
    run_id: str | None = None
    withdraws: int | None = None


class ShardSpec(Record, frozen=True, kw_only=True):
    """Items `start` (included) to `stop` (not) of the run, as one Message Batch of at most `bytes` bytes of body.

    `fingerprint` is the SHA-256 over the request hashes of its rows, in order: the same fingerprint means the same
    requests. `reused` of its rows have an answer in the work folder and are not sent. A shard of lane `sync` has no batch:
    shard 0 is the trial, one item that was answered while planning; others are asked when they are settled. At most `pack`
    items share a request; where it is more than 1, the fingerprint tells that too.
    """

    shard: int
    start: int
    stop: int
    bytes: int
    fingerprint: str
    lane: str = "batch"
    reused: int = 0
    pack: int = 1

    @property
    def rows(self) -> int:
        return self.stop - self.start


class LanesRecord(Record, frozen=True, kw_only=True):
    """How the plan shares a run between the lanes, and what later decisions need to know.

    `lane` is `batch`, `sync` or `mixed`, `sync_rows` how many items the sync lane gets from the start. `row_seconds` is
    what that lane needs for one item at its share of `limits`, of which it leaves `reserve` to others; `promised` the
    deadline less the margin, None where nobody waits; `lead_seconds` pass from giving up a batch until its rest can be
    sent; most batches end within `late_seconds`. `input_per_byte` and `output_tokens` are the token model.
    `refused_batches` is `sync` where rows whose batch the API refuses may be asked by the sync lane. `stuck` says what is
    done about a batch that cannot be ended at its cutoff, see core.plan.stuck.
    """

    lane: str
    reason: str
    sync_rows: int
    row_seconds: float
    promised: str | None
    lead_seconds: float
    late_seconds: float
    limits: AccountLimits
    reserve: float
    input_per_byte: float
    output_tokens: float
    refused_batches: str = "fail"
    stuck: StuckBatches = "answer"


#: In a draft of a plan, before the lanes are chosen: no token is shorter than a byte.
UNDECIDED = LanesRecord(
    lane="batch",
    reason="",
    sync_rows=0,
    row_seconds=0.0,
    promised=None,
    lead_seconds=0.0,
    late_seconds=0.0,
    limits=AccountLimits(requests=1, input_tokens=1, output_tokens=1),
    reserve=0.0,
    input_per_byte=1.0,
    output_tokens=0.0,
)


class RefusedRecord(Record, frozen=True, kw_only=True):
    """refused.json: why the API took no batch of the run; the sync lane asks its rows."""

    reason: str
    at: str


class BudgetRecord(Record, frozen=True, kw_only=True):
    """`usd` that all runs of `scope` may spend together."""

    usd: str
    scope: str


class ReservedRecord(Record, frozen=True, kw_only=True):
    """budgets/<scope>/N.json of a work folder: attempt `attempt` of `shard` may spend `usd` on `requests` requests."""

    shard: str
    attempt: int
    requests: int
    usd: str


class SpentRecord(Record, frozen=True, kw_only=True):
    """budgets/<scope>/….spent.json of a work folder: what `attempts` of `shard` have cost together."""

    shard: str
    usd: str
    attempts: list[int]


class PlanRecord(Record, frozen=True, kw_only=True):
    """plan.json: everything the later tasks need to know, and the sums that led to it.

    `job` is ClaudeJob.spec(), its `key` derived from the work folder's secret, with `cache` where the system prompt is cached;
    `price` the price in force (see core.plan.prices); `estimate` tokens and cost in
    USD by lane; `deadline` None where the run has none; `explanation` the plan in sentences, one an entry; `scanned_at`
    when the scan it plans had finished: a plan of another scan speaks of other rows; `work` how many folders above the
    run folder the work folder is, whose runs share their answers, if they are not older than
    `reuse_days`; `account` whose batches and answers they are; `budget` None where there is none;
    `packing` None where each item has a request of its own; `priority` None where all are alike;
    `destination` None where nothing is published; `model_id` what the model's name stood for, None where the API did not say;
    `warnings` go into the report.
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
    lanes: LanesRecord
    account: Account = NO_ACCOUNT
    zone: str = "UTC"
    planned_by: TaskRef = NO_TASK
    budget: BudgetRecord | None = None
    packing: Packing | None = None
    priority: Priority | None = None
    destination: Destination | None = None
    model_id: str | None = None
    warnings: list[str] = []

    @property
    def job_hash(self) -> str:
        """What tells the requests of one job from those of another, before any item is in them."""
        return self.prompt_hash[:8] + self.schema_hash[:8]

    def shard(self, number: int) -> ShardSpec:
        """Shard *number*. Raises StateError where the plan has none."""
        for spec in self.shards:
            if spec.shard == number:
                return spec
        raise StateError(
            f"The plan has no shard {number}; it was planned anew. Clear the plan task to run what it says now."
        )


class IntentRecord(Record, frozen=True, kw_only=True):
    """N.intent.json: this attempt may be paid for from now on, until `until`, when its sender gives up.

    `root` is the fingerprint of the shard it answers, `round` 1 for its first batch and more for its leftovers;
    `fingerprint` stands for the requests of this attempt, and its custom ids start with it; `job` is the hash of what is
    the same in all of them. `lane` is `batch`, `sync`, or `trial`: only a batch can be found again in the API's list.
    `withheld` items are not asked, because the budget does not cover them. At most `pack` items share a request; where it
    is more than 1, its requests hold `items` items together. Its requests go to `model` at `price` (see core.plan.prices), and
    cost `most_usd` together at the most, the dearest of them `most_each_usd`: what has to be assumed where it is not known
    what they did cost.
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
    model: str
    price: dict[str, Any]
    most_usd: str
    most_each_usd: str
    lane: str = "batch"
    withheld: int = 0
    pack: int = 1
    items: int = 0

    @property
    def rows(self) -> int:
        """The items it asks."""
        return self.items if self.pack > 1 else self.requests


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
    """N.released.json: this attempt counts no longer, and why. `batch_id` is one that turned out to be another's.
    `paid` is false where it was surely not carried out.
    """

    attempt: int
    batch_id: str | None
    reason: str
    at: str
    paid: bool = True


class LeaseRecord(Record, frozen=True, kw_only=True):
    """N.lease.K.json: worker K of attempt N in the sync lane may send until `until`; `done` requests are answered.

    `unsure` requests of this worker ended without an answer that may have been paid. Until it is `ended` there may be
    `under_way` more of them, which a worker that dies leaves behind.
    """

    attempt: int
    number: int
    until: str
    done: int
    unsure: int = 0
    under_way: int = 0
    ended: bool = False


class LetGoRecord(Record, frozen=True, kw_only=True):
    """N.letgo.json: the cutoff of attempt N came before its end; what it has not answered is asked by the sync lane.

    `batch_id` is None where none is known. `waits`: its batch cannot be cancelled, and is waited for all the same.
    """

    attempt: int
    batch_id: str | None
    at: str
    waits: bool = False


class DangerRecord(Record, frozen=True, kw_only=True):
    """danger.json of a run: its promise is in danger since `at`, when the first of its batches was given up; told once."""

    at: str
    danger: Danger


class SettledRecord(Record, frozen=True, kw_only=True):
    """settled.json: nothing more is sent for the content `root` of this shard. `round` was the last one."""

    root: str
    round: int
    at: str


class EndedRecord(Record, frozen=True, kw_only=True):
    """N.ended.json: the batch's own counts (`succeeded`, `errored`, `canceled`, `expired`), and its end where that is known."""

    attempt: int
    batch_id: str | None
    counts: dict[str, int]
    created_at: str
    ended_at: str | None


class LooksRecord(Record, frozen=True, kw_only=True):
    """N.looks.json: the results of attempt N were read `looks` times in vain since `since`, the last time at `at`; `why`
    says what was wrong. `short_looks` of them, since `short_since`, held something, and not all. The best look named `best` of
    its requests. Where it is `final`, that is used as its results.
    """

    attempt: int
    batch_id: str
    looks: int
    best: int
    since: str
    at: str
    why: str
    short_looks: int = 0
    short_since: str | None = None
    final: bool = False


class LandedRecord(Record, frozen=True, kw_only=True):
    """landed.json: how the rows of a shard ended, duplicates counted with their twins.

    `outcomes` counts rows by outcome; `strangers` result lines with an unknown or repeated custom id, or none, and
    `foreign` elements of packed answers, whose id nobody has;
    `disagreements` says where a batch's own counts are not those of its results. `round` is the last one that
    landed. `cost_usd` is all that was paid, `retried_usd` the part that went to tries which a later one replaced.
    `incomplete` says of which attempts the results never came whole, and why. `asked_again` rows had no result for that
    reason and were asked again, which cost `asked_again_usd`.
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
    incomplete: list[str] = []
    asked_again: int = 0
    asked_again_usd: str = "0"


class AccountRecord(Record, frozen=True, kw_only=True):
    """account.json, of a folder of a work folder: the account whose folder it is; of a run folder: whose answers it holds."""

    account: Account


class ActiveRecord(Record, frozen=True, kw_only=True):
    """active.N.json of a run folder: its N-th active run, active since `since`, and without a word from it until `until`.

    `ended` where the run has closed its books. The highest N counts.
    """

    run: ActiveRun
    since: str
    until: str
    ended: bool = False


class ClaimRecord(Record, frozen=True, kw_only=True):
    """batches/<batch id>.json of an account's folder: whose batch it is. `shard` is relative to the work folder."""

    batch_id: str
    shard: str
    attempt: int


class CollectedRecord(Record, frozen=True, kw_only=True):
    """answers/<job>/….json of an account's folder: raw results that can answer the same requests again."""

    shard: str
    attempt: int
    created_at: str


class BatchRun(Record, frozen=True, kw_only=True):
    """A batch that ended by itself: its size, the UTC hour it was created in, and how many minutes it took."""

    requests: int
    hour: int
    minutes: float


class TokensRecord(Record, frozen=True, kw_only=True):
    """tokens/<job>.json of an account's folder: what the requests of a job have used, on the mean of the last run."""

    input_per_byte: float
    output_tokens: float
    rows: int
    at: str


class HistoryRecord(Record, frozen=True, kw_only=True):
    """history/….json of an account's folder: what a run has measured. `shard` is its first one; `cancels` are the seconds that
    cancels took to end a batch.
    """

    shard: str
    at: str
    batches: list[BatchRun]
    cancels: list[float]


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
