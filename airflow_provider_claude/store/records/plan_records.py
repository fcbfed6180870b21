"""The records of a plan."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from airflow_provider_claude.core.account import NO_ACCOUNT, Account
from airflow_provider_claude.core.consistency.curve import Curve
from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.core.cost.estimate import PlannedCost
from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.core.cost.tokens import TOOL_TOKENS, TokenModel
from airflow_provider_claude.core.deadline.at_cutoff import StuckBatches
from airflow_provider_claude.core.packing.auto_packing import AutoPacking
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.core.plan.cache_plan import NO_CACHE, CachePlan
from airflow_provider_claude.core.publish.destination import Destination
from airflow_provider_claude.core.sync.account_limits import AccountLimits
from airflow_provider_claude.core.sync.priority import Priority
from airflow_provider_claude.core.task_ref import NO_TASK, TaskRef
from airflow_provider_claude.core.times import due
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.job import JobSpec
from airflow_provider_claude.store.records.budget_records import BudgetRecord
from airflow_provider_claude.store.records.change_records import ChangeRecord
from airflow_provider_claude.store.records.record import Record


class ShardSpec(Record, frozen=True, kw_only=True):
    """Items `start` (included) to `stop` (not) of the run, as one Message Batch of at most `bytes` bytes of body.

    `fingerprint` is the SHA-256 over the request hashes of its rows, in order: the same fingerprint means the same
    requests. `reused` of its rows have an answer in the work folder and are not sent. A shard of lane `sync` has no batch:
    shard 0 is the trial, one item that was answered while planning; others are asked when they are settled. At most `pack`
    items share a request; where it is more than 1, the fingerprint covers that too.
    """

    number: int = msgspec.field(name="shard")
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

    @property
    def requests(self) -> int:
        """How many requests ask its items that have no answer yet; where items are packed, about so many."""
        return -(-(self.rows - self.reused) // self.pack)


def batched_requests(shards: Iterable[ShardSpec]) -> list[int]:
    """How many requests each of *shards* has that goes by batch and asks anything."""
    return [spec.requests for spec in shards if spec.lane == "batch" and spec.requests]


class LanesRecord(Record, frozen=True, kw_only=True):
    """How the plan divides a run between the lanes, and what later decisions need to know.

    `lane` is `batch`, `sync` or `mixed`, `sync_rows` how many items the sync lane gets from the start. `row_seconds` is
    what that lane needs for one item at its share of `limits`, of which it leaves `reserve` to others; `safe_deadline` the
    deadline less the margin, None without a deadline; `lead_seconds` pass from abandoning a batch until its rest can be
    sent; most batches end within `late_seconds`. `input_per_byte`, `tool_tokens` and `output_tokens` are the token model.
    `refused_batches` is `sync` where rows whose batch the API refuses may be asked by the sync lane. `stuck` says what to
    do about a batch that cannot be ended at its cutoff, see core.deadline.at_cutoff.
    """

    lane: str
    reason: str
    sync_rows: int
    row_seconds: float
    safe_deadline: str | None
    lead_seconds: float
    late_seconds: float
    limits: AccountLimits
    reserve: float
    input_per_byte: float
    output_tokens: float
    tool_tokens: float = TOOL_TOKENS
    refused_batches: str = "fail"
    stuck: StuckBatches = "answer"

    @property
    def tokens(self) -> TokenModel:
        """What a request is expected to use."""
        return TokenModel(
            input_per_byte=self.input_per_byte,
            tool_tokens=self.tool_tokens,
            output=self.output_tokens,
            measured=True,
        )

    @property
    def due(self) -> float | None:
        """`safe_deadline` in epoch seconds."""
        return due(self.safe_deadline)


#: In a draft of a plan, before the lanes are chosen: no token is shorter than a byte.
UNDECIDED = LanesRecord(
    lane="batch",
    reason="",
    sync_rows=0,
    row_seconds=0.0,
    safe_deadline=None,
    lead_seconds=0.0,
    late_seconds=0.0,
    limits=AccountLimits(requests=1, input_tokens=1, output_tokens=1),
    reserve=0.0,
    input_per_byte=1.0,
    output_tokens=0.0,
)


class PlanRecord(Record, frozen=True, kw_only=True):
    """plan.json: everything the later tasks need to know, and the sums that led to it.

    `job` is what is asked, its `key` derived from the work folder's secret;
    `price` the price in force (see core.cost.prices); `estimate` tokens and cost in
    USD by lane; `deadline` None where the run has none; `explanation` the plan in sentences, one an entry; `scanned_at`
    when the scan it plans had finished: a plan of another scan is about other rows; `work` how many folders above the
    run folder the work folder is, whose runs share their answers, if they are not older than
    `reuse_days`; `account` whose batches and answers they are; `budget` None where there is none;
    `in_results` how many of its items stand in tool results;
    `in_doubt` the SHA-256 of in_doubt.bin, which says which items are in doubt (see core.doubt), empty where it decides nothing;
    `packing` None where each item has a request of its own; `priority` None where all are alike;
    `destination` None where nothing is published; `model_id` what the model's name stood for, None where the API did not say;
    `cache`: how long what the requests have in common is cached, which no hash or fingerprint covers; `warnings` go into the
    report. `probes` are the folders of its probes, `probes_usd` what they are expected to cost, and `left_out` says by name
    why one is not sent; `consistency` is what was asked for to measure how consistent the answers are; `auto_pack` says how
    packs are tried, where the plan decides about them; `change` how its job differs from the accepted one, None where it does
    not.
    """

    job: JobSpec
    prompt_hash: str
    schema_hash: str
    price: Price
    shards: list[ShardSpec]
    estimate: PlannedCost
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
    in_results: int = 0
    in_doubt: str = ""
    packing: Packing | None = None
    priority: Priority | None = None
    destination: Destination | None = None
    model_id: str | None = None
    cache: CachePlan = NO_CACHE
    warnings: list[str] = []
    probes: list[str] = []
    probes_usd: str = "0"
    left_out: dict[str, str] = {}
    consistency: Consistency | None = None
    auto_pack: AutoPacking | None = None
    curve: Curve | None = None
    change: ChangeRecord | None = None

    @property
    def calibrated_column(self) -> str | None:
        """The column of the answers with the calibrated confidence; None where there is none."""
        return self.consistency.calibrated_column if self.consistency else None

    @property
    def has_votes(self) -> bool:
        """Whether a third answer decides where the first two differ."""
        return self.consistency is not None and self.consistency.resolve is not None

    @property
    def due(self) -> float | None:
        """`deadline` in epoch seconds."""
        return due(self.deadline)

    def in_results_of(self, items: int) -> int:
        """How many of *items* of its items stand in tool results, if they are like all."""
        return round(items * self.in_results / max(sum(spec.rows for spec in self.shards), 1))

    @property
    def held(self) -> bool:
        """Whether only the probes of a change are asked, and nothing is published."""
        return self.change is not None and self.change.held

    @property
    def job_hash(self) -> str:
        """The hash of what all requests of one job have in common, before any item is in them."""
        return self.job.job_hash

    def shard(self, number: int) -> ShardSpec:
        """Shard *number*. Raises StateError where the plan has none."""
        for spec in self.shards:
            if spec.number == number:
                return spec
        raise StateError(
            f"The plan has no shard {number}; the run was planned again since. Clear the plan task to run the current plan."
        )
