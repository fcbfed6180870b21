"""Messages: asks a small urgent table on the Messages API at once, in one task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.core.column_names import check_columns
from airflow_provider_claude.core.cost.known_models import check_model
from airflow_provider_claude.core.deadline.at_cutoff import StuckBatches, checked
from airflow_provider_claude.core.plan.lane_choice import RESERVE
from airflow_provider_claude.core.publish.destination import GUARDED, checked_replace
from airflow_provider_claude.core.scan.origin import MissingSource, check_missing
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.trimming import Part, Trimming
from airflow_provider_claude.core.scan.unreadable_files import UnreadableFiles, check_unreadable
from airflow_provider_claude.core.settle.rounds import MOST_ROUNDS
from airflow_provider_claude.core.sql_uri import checked_output
from airflow_provider_claude.core.sync.concurrency import CEILING
from airflow_provider_claude.core.sync.priority import URGENT, carry_with, priority_of
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.numbers import number, whole_number
from airflow_provider_claude.notify import Listener
from airflow_provider_claude.operators.shared.check_plan import check_promise
from airflow_provider_claude.operators.shared.plan_run import BUDGET_SCOPE, PlansRun
from airflow_provider_claude.operators.shared.read_source import ReadsSource, log_scan
from airflow_provider_claude.operators.shared.redacting import redacting_of
from airflow_provider_claude.operators.shared.reported import announce, reported
from airflow_provider_claude.operators.shared.settle_shard import SettlesShards, check_lane, wait_for_batch
from airflow_provider_claude.runtime.databases import output_at
from airflow_provider_claude.runtime.hold_run import held
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import run_folder
from airflow_provider_claude.runtime.run_destination import UNPUBLISHED, warn_unpublished
from airflow_provider_claude.runtime.task_errors import raise_if_stopped, resumable, task_errors
from airflow_provider_claude.sources.charset.encoding import check_encoding
from airflow_provider_claude.sources.sql_source import ClaudeSqlSource
from airflow_provider_claude.triggers.warning import warn_if_left

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.store import ShardFolder


class ClaudeMessagesOperator(ReadsSource, PlansRun, SettlesShards, BaseOperator):
    """The sync lane as a separate operator: same job, same sources, same answers and report as the batch lane, at full
    price and at once.

    It scans, plans, asks within the account's limits, loads, settles and reports in one task. Cleared or retried it
    resumes: answered rows are not asked again. Killed, it waits for its open requests and keeps their answers.

    In its templates, ``{{ day }}`` is the run's data day, ``{{ hour }}`` its hour, and ``{{ partition }}`` the value of
    *partition* (see ``runtime.resolve_day``).

    :param job: what is asked about every row.
    :param source: file, folder or glob, table or query; see ClaudeInputScanOperator (templated).
    :param run_folder: where the run keeps its files (templated).
    :param publish_to: root of the answers, or a table, ``sql://<conn_id>/<schema>.<table>`` (templated). An empty text publishes
        nothing; None also publishes nothing, and warns.
    :param conn_id: a connection of type `anthropic` (templated).
    :param model: another model than the job's (templated); empty keeps the job's.
    :param prices: prices of models that this version of the package does not list; see ClaudePlanOperator.
    :param deadline: local wall clock ``HH:MM`` by which a scheduled run's answers are due (templated).
    :param limits: what the account may use a minute; see ClaudePlanOperator (templated).
    :param reserve: the share of these limits that is left to others.
    :param in_flight: the most concurrent requests.
    :param shed_to: ``batch``: if the account is so busy that the lane had to slow down for minutes, and there is time,
        the remaining rows that are not urgent go by batch, and the task waits deferred. None: all rows stay in the sync lane.
    :param stuck_batches: ``answer`` or ``wait``: what to do about such a batch if it cannot be ended in time; see
        ClaudePlanOperator.
    :param priority_column: a column with a number: rows with a higher one are asked first; see ClaudePlanOperator. It is
        carried to the answers.
    :param urgent: rows with at least this number never go to a batch. Without *priority_column* no row is urgent.
    :param rounds: how often rows without a valid answer are asked again.
    :param budget_usd: what may be spent at most; see ClaudePlanOperator (templated).
    :param budget_scope: who spends it together (templated).
    :param work: a folder above the run folder, whose runs share their answers (templated). None: the folder that holds the
        run folder.
    :param carry: columns carried to the answers beside the row's id, in the types they have.
    :param id_column: the column that names a row; None takes file name and row number.
    :param source_format: ``parquet``, ``csv``, ``jsonl``, ``eml`` or ``mbox``; None: by the file names.
    :param encoding: the character set of a table, such as ``windows-1252`` or ``gb18030``; see ClaudeInputScanOperator
        (templated).
    :param partition: the partition of the answers; see ClaudePlanOperator (templated).
    :param partition_column: the name of the partition column of the answers.
    :param replace: what may replace the rows of the partition; see ClaudePlanOperator (templated).
    :param take_over: whether to take a partition over; see ClaudePlanOperator (templated).
    :param policy: what happens to a row in which the scan found something (see ``core.scan.policy.ScanPolicy``).
    :param replies: ``drop`` leaves quoted text out of what is sent; the gate still scans it.
    :param signatures: ``drop`` leaves the signature under a text out in the same way.
    :param redact: what in the texts is replaced by tokens before it is sent; see ClaudeInputScanOperator.
    :param redaction_mapping: keep what the tokens stand for, encrypted with Airflow's Fernet key.
    :param redact_region: where phone numbers without a country code belong, such as ``US``.
    :param unreadable_files: ``fail`` or ``quarantine``: what to do about a file that cannot be read whole; see
        ClaudeInputScanOperator.
    :param missing_source: ``fail`` or ``empty``: what to do if there is no file at *source*; see
        ClaudeInputScanOperator.
    """

    template_fields: Sequence[str] = (
        "source",
        "encoding",
        "run_folder",
        "publish_to",
        "conn_id",
        "model",
        "deadline",
        "limits",
        "budget_usd",
        "budget_scope",
        "work",
        "partition",
        "replace",
        "take_over",
    )
    ui_color = "#f4d7e8"

    def __init__(
        self,
        *,
        job: ClaudeJob,
        source: str | ClaudeSqlSource,
        run_folder: str,
        publish_to: str | None = None,
        conn_id: str = ClaudeHook.default_conn_name,
        model: str | None = None,
        prices: Mapping[str, Any] | None = None,
        deadline: str | None = None,
        limits: str | Mapping[str, Any] | None = None,
        reserve: float = RESERVE,
        in_flight: int = int(CEILING),
        shed_to: str | None = None,
        stuck_batches: StuckBatches = "answer",
        priority_column: str | None = None,
        urgent: float = URGENT,
        rounds: int = 2,
        budget_usd: str | Decimal | None = None,
        budget_scope: str = BUDGET_SCOPE,
        work: str | None = None,
        carry: Sequence[str] = (),
        id_column: str | None = "id",
        source_format: str | None = None,
        encoding: str | None = None,
        partition: str | None = "{{ day }}",
        partition_column: str = "day",
        replace: str = GUARDED,
        take_over: bool | str = False,
        policy: ScanPolicy | None = None,
        replies: Part = "keep",
        signatures: Part = "keep",
        redact: Sequence[str] | bool = False,
        redaction_mapping: bool = False,
        redact_region: str | None = None,
        unreadable_files: UnreadableFiles = "fail",
        missing_source: MissingSource = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_lane(in_flight, shed_to)
        carry = tuple(carry_with(carry, job.columns, priority_column))
        check_columns(job.properties, carry, partition_column if publish_to else None)
        check_model(job.model, prices)
        check_model(model, prices)
        self.unpublished = warn_unpublished(self, publish_to)
        self.job: ClaudeJob = job
        self.columns = job.columns
        self.closing_tags = job.closing_tags
        self.source = source
        self.run_folder = run_folder
        self.publish_to = checked_output(publish_to)
        self.conn_id = conn_id
        self.model = model
        self.prices = prices
        self.deadline = deadline
        self.limits = limits
        self.reserve = number("reserve", reserve, 0, 0.9)
        self.in_flight = in_flight
        self.shed_to = shed_to
        self.stuck_batches = checked(stuck_batches)
        self.rounds = whole_number("rounds", rounds, 0, MOST_ROUNDS)
        self.budget_usd = budget_usd
        self.budget_scope = budget_scope
        self.work = work
        self.priority = priority_of(priority_column, urgent)
        self.carry = carry
        self.id_column = id_column
        self.source_format = source_format
        self.encoding = check_encoding(encoding)
        self.partition = partition
        self.partition_column = partition_column
        self.replace = checked_replace(replace)
        self.take_over = take_over
        self.policy = policy or ScanPolicy()
        self.trimming = Trimming(replies=replies, signatures=signatures)
        self.redacting = redacting_of(redact, mapping=redaction_mapping, region=redact_region)
        self.unreadable_files = check_unreadable(unreadable_files)
        self.missing_source = check_missing(missing_source)
        check_promise(self)

    def execute(self, context: Context, event: Any = None, waiting_since: float | None = None) -> dict[str, Any]:
        with (
            held(self, context, run=self.run_folder, method_name="execute", since=waiting_since),
            resumable(self, "execute", since=waiting_since),
        ):
            self._scan()
            self._plan(context)
        return self.resume(context)

    def resume(
        self, context: Context, event: dict[str, Any] | None = None, waiting_since: float | None = None
    ) -> dict[str, Any]:
        """Ask, or continue after a deferral: rows were shed to a batch, or the API had no room."""
        raise_if_stopped(event)
        from airflow_provider_claude.stages.fetch.record_end import keep_event
        from airflow_provider_claude.stages.plan.run import open_shards

        with (
            held(self, context, run=self.run_folder, since=waiting_since) as active,
            resumable(self, since=waiting_since),
        ):
            run = run_folder(self.run_folder)
            for shard in open_shards(run, run.need_plan()):
                keep_event(shard, event)
                batch_id = self._settle(shard, context)
                if batch_id is not None:
                    self._wait(batch_id, shard, context, active.number)
        with held(self, context, run=self.run_folder, since=waiting_since) as active, closing(active):
            return self._report(context)

    def _scan(self) -> None:
        from airflow_provider_claude.stages.scan.run import scan

        record = scan(self.opened(), run_folder(self.run_folder), self.scan_settings(), clock=utc_now)
        log_scan(self.log, record, self.redacting)

    def _plan(self, context: Context) -> None:
        destination = self.destination_at(self.publish_to, self.partition_column, context)
        settings = self.plan_settings(destination, self.lane_settings(lane="sync"), context)
        self.log_plan(self.planned(settings, context))

    def _settle(self, shard: ShardFolder, context: Context) -> str | None:
        """Complete *shard*; returns the batch that has to end first, if rows were shed to one."""
        from airflow_provider_claude.stages.settle.run import Settled
        from airflow_provider_claude.stages.submit.run import create

        settling = self.settling(str(shard), self.job.with_model(self.model), self.rounds, context)
        try:
            create(shard, settling.api, clock=utc_now)
            step = settling.go_on()
        finally:
            warn_if_left(str(shard), context)
        return None if isinstance(step, Settled) else step.batch_id

    def _wait(self, batch_id: str, shard: ShardFolder, context: Context, active: int) -> None:
        self.log.info(
            "Shard %s: the account is busy, the remaining rows went to batch %s; waiting in the triggerer",
            shard,
            batch_id,
        )
        listener = Listener.of(context)
        wait_for_batch(self, batch_id, shard=str(shard), conn_id=self.conn_id, active=active, listener=listener)

    def _report(self, context: Context) -> dict[str, Any]:
        from airflow_provider_claude.stages.report.run import report

        with task_errors():
            run = run_folder(self.run_folder)
            output = output_at(self.publish_to) if self.publish_to else None
            summary = report(run, output=output, clock=utc_now, warnings=[UNPUBLISHED] if self.unpublished else [])
        announce(context, self.outlets, run, summary)
        return reported(self.log, run, summary)
