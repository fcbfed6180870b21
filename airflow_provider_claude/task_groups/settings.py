"""What `claude_batch_job` takes beside what nearly every DAG writes, in groups: one for each part of a run.

A field is the parameter of the task's operator that has its name: the operator checks it when the DAG file is parsed (a template
when the task starts), describes it, and renders it where it is templated. A group describes only what is its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from airflow_provider_claude.core.deadline.at_cutoff import StuckBatches
from airflow_provider_claude.core.packing.auto_packing import AutoPacking
from airflow_provider_claude.core.packing.packing import PACK_TOKENS
from airflow_provider_claude.core.plan.cut_shards import MAX_BYTES, MAX_SHARDS
from airflow_provider_claude.core.plan.lane_choice import MARGIN_SECONDS, RESERVE
from airflow_provider_claude.core.publish.destination import GUARDED
from airflow_provider_claude.core.report.thresholds import Limit, Thresholds
from airflow_provider_claude.core.requests.reuse_age import REUSE_DAYS
from airflow_provider_claude.core.scan.origin import MissingSource
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.screens import check_screen
from airflow_provider_claude.core.scan.trimming import Part
from airflow_provider_claude.core.scan.unreadable_files import UnreadableFiles
from airflow_provider_claude.core.settle.rounds import ROUNDS
from airflow_provider_claude.core.sync.concurrency import CEILING
from airflow_provider_claude.core.sync.priority import URGENT
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.numbers import whole_number
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.operators.settle import ClaudeSettleOperator
from airflow_provider_claude.operators.shared.plan_run import BUDGET_SCOPE
from airflow_provider_claude.operators.shared.settle_shard import POLL_SECONDS
from airflow_provider_claude.operators.shared.written import check_clock
from airflow_provider_claude.runtime.notifying import Notifier

G = TypeVar("G")

_LIMITS = Thresholds()


@dataclass(frozen=True, kw_only=True)
class Scan:
    """How the source is read, cleaned and judged, before Claude is asked: ``scan=Scan(...)``.

    :param tasks: how many mapped tasks divide the scan of a source of many files; each takes as many of them.
    :param columns: the columns that are read to be sent. None: those of the job.
    :param closing_tags: the tags around a text in the prompt; a text that closes one is noted. None: those of the job.
    :param screen: ``"claude"``: a separate batch, in the group ``screen``, first asks Claude about rows that the scan doubts;
        rows that Claude suspects are set aside. ``"flip"``: it asks the job's own question twice, about a row and about the row
        without its doubtful sentences; rows whose label moves are set aside. All other rows are answered in any case.
    :param screen_by: local wall clock ``HH:MM`` by which a scheduled run's screening is wanted, as ``deadline``.
    :raises JobError: a value is out of range.
    """

    operators: ClassVar[tuple[type, ...]] = (ClaudeInputScanOperator,)

    tasks: int = 1
    source_format: str | None = None
    encoding: str | None = None
    columns: Sequence[str] | None = None
    closing_tags: Sequence[str] | None = None
    max_chars: int = 100_000
    part_rows: int = 10_000
    replies: Part = "keep"
    signatures: Part = "keep"
    near_duplicates: float | None = None
    policy: ScanPolicy | None = None
    screen: str | None = None
    screen_by: str | None = None
    release: Sequence[str] | str = ()
    redact: Sequence[str] | bool = False
    redaction_mapping: bool = False
    redact_region: str | None = None
    redact_countries: Sequence[str] | None = None
    unreadable_files: UnreadableFiles = "fail"
    missing_source: MissingSource = "fail"

    def __post_init__(self) -> None:
        whole_number("scan: tasks", self.tasks, 1, MAX_SHARDS)
        check_screen(self.screen)
        check_clock("screen_by", self.screen_by)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run may cost, by which lanes its rows go, and how they are cut into shards: ``plan=Plan(...)``."""

    operators: ClassVar[tuple[type, ...]] = (ClaudePlanOperator,)

    budget_usd: str | Decimal | None = None
    budget_scope: str = BUDGET_SCOPE
    limits: str | Mapping[str, Any] | None = None
    shard_rows: int | str | None = None
    shard_bytes: int = MAX_BYTES
    lane: str = "auto"
    reserve: float = RESERVE
    margin: float = MARGIN_SECONDS
    lead: float | None = None
    hopeless: str = "warn"
    refused_batches: str = "fail"
    stuck_batches: StuckBatches = "answer"
    pack: int | str | AutoPacking = 1
    pack_tokens: int = PACK_TOKENS
    pack_by: Sequence[str] = ()
    reuse_days: float = REUSE_DAYS
    prices: Mapping[str, Any] | None = None
    trial: bool = True
    dry_run: bool | str = False


@dataclass(frozen=True, kw_only=True)
class Shard:
    """How each shard is waited for, and asked again: ``shard=Shard(...)``.

    :param one_task: a shard is one task, ``ask``, instead of ``create``, ``wait``, ``load`` and ``settle``: two starts of a
        process instead of five, for executors that start each task cold, such as KubernetesExecutor.
    """

    operators: ClassVar[tuple[type, ...]] = (ClaudeSettleOperator,)

    one_task: bool = False
    poll_interval: float = POLL_SECONDS
    rounds: int | str = ROUNDS
    cancel_on_mark: bool = False


@dataclass(frozen=True, kw_only=True)
class Sync:
    """How rows are asked one by one on the Messages API, where a batch would be too late: ``sync=Sync(...)``.

    :param in_flight: the most concurrent requests, per shard.
    :param pool: an Airflow pool for the tasks that settle unresolved rows. Workers on several machines see each other's
        use of the account only in the API's headers: a pool with one slot lets one worker at a time use the sync lane.
    :param priority_column: a column with a number, carried to the answers: rows with a higher number are asked first. Where the
        account is busy and there is time, rows below *urgent* go back to a batch. None: all rows are equal.
    """

    operators: ClassVar[tuple[type, ...]] = (ClaudePlanOperator,)

    in_flight: int = int(CEILING)
    pool: str | None = None
    priority_column: str | None = None
    urgent: float = URGENT


@dataclass(frozen=True, kw_only=True)
class Publish:
    """What a run has to be to be published, what it may replace, and who is sent word of it: ``publish=Publish(...)``.

    :param outlets: the assets that a green run updates, such as ``[Asset("tickets")]``; DAGs can be scheduled on them.
    """

    operators: ClassVar[tuple[type, ...]] = (ClaudeReportOperator, ClaudePlanOperator)

    partition_column: str = "day"
    replace: str = GUARDED
    take_over: bool | str = False
    outlets: Sequence[Any] = ()
    max_failed: float | Limit = _LIMITS.failed
    max_invalid: float | Limit = _LIMITS.invalid
    max_refused: float | Limit = _LIMITS.refused
    max_defective: float | Limit = _LIMITS.defective
    max_quarantined: float | Limit = _LIMITS.quarantined
    warn_above: float | Limit = _LIMITS.warn
    notify: Notifier | Sequence[Notifier] | None = None


def group_of(kind: type[G], value: object) -> G:
    """*value*, which a user has written for the group *kind*; its defaults for None. Raises JobError for all else."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        name = kind.__name__
        raise JobError(
            f"{name.lower()} is {value!r}: write {name}(), from {kind.__module__}, with what differs, or None."
        )
    return value


def arguments(group: Any, *without: str) -> dict[str, Any]:
    """The fields of *group* as keyword arguments of its operator, *without* those that are the group's own."""
    return {one.name: getattr(group, one.name) for one in fields(group) if one.name not in without}
