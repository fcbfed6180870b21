"""Plan: fixes tokens, cost and shards, and tries one request, before anything is sent in bulk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.providers.common.compat.sdk import BaseOperator, DownstreamTasksSkipped

from airflow_provider_claude.core.column_names import list_of_names
from airflow_provider_claude.core.consistency.settings import Consistency, checked_consistency
from airflow_provider_claude.core.cost.known_models import check_model
from airflow_provider_claude.core.deadline.at_cutoff import StuckBatches, checked
from airflow_provider_claude.core.packing.auto_packing import AutoPacking, auto_packing_of
from airflow_provider_claude.core.packing.packing import PACK_TOKENS, packing_of
from airflow_provider_claude.core.plan.cut_shards import MAX_BYTES
from airflow_provider_claude.core.plan.lane_choice import MARGIN_SECONDS, RESERVE
from airflow_provider_claude.core.publish.destination import GUARDED, Destination, agreed, checked_replace, is_true
from airflow_provider_claude.core.requests.reuse_age import MOST_DAYS, REUSE_DAYS
from airflow_provider_claude.core.sql_uri import checked_output
from airflow_provider_claude.core.sync.priority import URGENT, priority_of
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.numbers import number
from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.operators.shared.check_plan import check_plan, shard_limits
from airflow_provider_claude.operators.shared.plan_run import BUDGET_SCOPE, PlansRun
from airflow_provider_claude.runtime.hold_run import held
from airflow_provider_claude.runtime.metrics import gauge_progress
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import run_folder
from airflow_provider_claude.runtime.run_context import need_xcom
from airflow_provider_claude.runtime.task_errors import resumable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.stages.plan.plan_settings import Settings


class ClaudePlanOperator(PlansRun, BaseOperator):
    """Plans a scanned run, and returns one small handle a shard (a path) to map the next tasks over.

    :param run_folder: the scan's run folder (templated); usually ``scan.output``.
    :param job: what is asked.
    :param model: another model than the job's (templated); empty keeps the job's.
    :param conn_id: a connection of type `anthropic` (templated).
    :param shard_rows: the most requests in one batch (templated; 1 to 100,000). None, or an empty text: the plan
        chooses, about 10,000 where there is a deadline, else a quarter of the items, from 10,000 to about 50,000.
    :param shard_bytes: the most bytes in one batch (at most 256,000,000).
    :param trial: try the first item on the Messages API; its answer is kept.
    :param deadline: local wall clock ``HH:MM`` by which a scheduled run's answers are due.
    :param prices: prices of models that this version of the package does not list, or other prices: a mapping as ``models``
        in ``core/cost/prices.json``.
    :param work: a folder above the run folder, whose runs share their answers (templated): a request that was answered
        in any of them is not paid again. None: the folder that holds the run folder.
    :param limits: what the account may use a minute on the Messages API: its tier (``start``, ``build``, ``scale``) or
        numbers; see ``core/sync/limits.json``. The API's own headers correct it while the sync lane runs. It also says how many
        batched requests the account's queue holds (``queued``): a run with more goes in waves.
    :param reserve: the share of these limits that the sync lane leaves to others.
    :param margin: seconds before the deadline by which everything should be done.
    :param lane: ``auto``; or ``batch`` or ``sync`` for all rows (templated). With ``batch`` no batch is ever abandoned for the
        deadline.
    :param lead: seconds from abandoning a batch until its rest can be sent; None uses what earlier cancels took.
    :param hopeless: ``warn``, or ``fail`` before anything is sent, where no lane can make the deadline.
    :param refused_batches: where the API refuses batches, for the workspace, the key or the model: ``fail``, or ``sync`` to
        ask all rows by the sync lane at full price (templated). The plan says what that costs.
    :param stuck_batches: ``answer`` or ``wait``: what to do about a batch that cannot be ended at its cutoff, because it is
        not proven to be the shard's own, or the cancel has no effect. ``answer``: the sync lane answers its rows, within the
        budget, and they may be paid for twice. ``wait``: the shard waits for its end, past the deadline. The alert is raised
        either way.
    :param budget_usd: what may be spent at most (templated), such as ``"2.50"``; items it does not cover end as
        ``unaffordable`` and can be asked later. None or empty: as much as it takes.
    :param budget_scope: who spends it together (templated). By default the runs of one day; all backfills of the DAG share
        one budget, so name another scope for another backfill.
    :param pack: so many short items share one request, at most 20 (templated); 1, each has its own. Packed answers can be less
        accurate: ``auto`` measures it with a sample of the rows, remembers what it found, and takes the largest pack that is
        as good as one item a request; ``AutoPacking(sizes=..., rows=..., margin=..., days=...)`` says how. See
        ``docs/explanation/packing.md``.
    :param pack_tokens: the most input tokens that the items of one request have together, about.
    :param pack_by: columns, such as a customer's id, whose values all items of one request have in common.
    :param consistency: a ``Consistency``: so many rows are asked a second time, to measure how consistent the answers are, and
        what holds the answers back. The second answers are in no table. None: nothing is measured. See
        ``docs/explanation/consistency.md``.
    :param priority_column: a column of the items, carried or sent, with a number: the sync lane asks those with a higher one
        first. Anything else counts as 0. None: all rows are equal.
    :param urgent: an item with at least this number stays in the sync lane where others go back to a batch.
    :param publish_to: where the report will publish the answers, as ``<publish_to>/<partition_column>=<partition>/``, or in a
        table, ``sql://<conn_id>/<schema>.<table>``: it is checked and claimed before anything is paid (templated). None: where
        the report task below says, or nowhere.
    :param partition: the partition of the answers, such as ``{{ day }}``, ``{{ hour }}`` or ``{{ params.mailbox }}``; the run
        folder has to follow it (templated). None: the output holds one table, which each run replaces.
    :param partition_column: the name of the partition column.
    :param replace: ``guarded``: rows in the partition are not replaced by none, by far fewer, or by rows from another
        source; ``always``: this run's rows replace them in any case (templated).
    :param take_over: whether the partition becomes this task's even if it is another's, or of another data interval
        (templated).
    :param reuse_days: how old an answer may be to be reused; 0 asks every row again that is not already in a batch.
    :param dry_run: log what the run would cost, and send nothing: all tasks below are skipped, and the estimate is the XCom
        ``estimate`` (templated). Tokens are counted by the API in a sample of the requests, which is free.
    """

    template_fields: Sequence[str] = (
        "run_folder",
        "model",
        "conn_id",
        "shard_rows",
        "deadline",
        "work",
        "lane",
        "refused_batches",
        "limits",
        "budget_usd",
        "budget_scope",
        "pack",
        "partition",
        "publish_to",
        "replace",
        "take_over",
        "estimate_only",
    )
    ui_color = "#e4eaf4"

    def __init__(
        self,
        *,
        run_folder: str,
        job: ClaudeJob,
        model: str | None = None,
        conn_id: str = ClaudeHook.default_conn_name,
        shard_rows: int | str | None = None,
        shard_bytes: int = MAX_BYTES,
        trial: bool = True,
        deadline: str | None = None,
        prices: Mapping[str, Any] | None = None,
        work: str | None = None,
        reuse_days: float = REUSE_DAYS,
        limits: str | Mapping[str, Any] | None = None,
        reserve: float = RESERVE,
        margin: float = MARGIN_SECONDS,
        lane: str = "auto",
        lead: float | None = None,
        hopeless: str = "warn",
        refused_batches: str = "fail",
        stuck_batches: StuckBatches = "answer",
        budget_usd: str | Decimal | None = None,
        budget_scope: str = BUDGET_SCOPE,
        pack: int | str | AutoPacking = 1,
        pack_tokens: int = PACK_TOKENS,
        pack_by: Sequence[str] = (),
        consistency: Consistency | None = None,
        priority_column: str | None = None,
        urgent: float = URGENT,
        publish_to: str | None = None,
        partition: str | None = "{{ day }}",
        partition_column: str = "day",
        replace: str = GUARDED,
        take_over: bool | str = False,
        dry_run: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_model(job.model, prices)
        check_model(model, prices)
        need_xcom(self)
        self.run_folder = run_folder
        self.job = job
        self.model = model
        self.conn_id = conn_id
        self.shard_rows = shard_rows
        self.shard_bytes = shard_bytes
        self.trial = trial
        self.deadline = deadline
        self.prices = prices
        self.work = work
        self.reuse_days = number("reuse_days", reuse_days, 0, MOST_DAYS)
        self.limits = limits
        self.reserve = reserve
        self.margin = margin
        self.lane = lane
        self.lead = lead
        self.hopeless = hopeless
        self.refused_batches = refused_batches
        self.stuck_batches = checked(stuck_batches)
        self.budget_usd = budget_usd
        self.budget_scope = budget_scope
        self.pack = pack
        self.pack_tokens = pack_tokens
        self.pack_by = list_of_names("pack_by", pack_by)
        self.consistency = checked_consistency(consistency, job.schema)
        self.priority = priority_of(priority_column, urgent)
        self.publish_to = checked_output(publish_to)
        self.partition = partition
        self.partition_column = partition_column
        self.replace = checked_replace(replace)
        self.take_over = take_over
        self.estimate_only = dry_run  # BaseOperator has a method dry_run
        check_plan(self)

    def execute(self, context: Context) -> list[str]:
        return self.resume(context)

    def resume(self, context: Context, event: Any = None, waiting_since: float | None = None) -> list[str]:
        """Plan, or continue after a deferral: batches of the run's earlier plan had to end."""
        from airflow_provider_claude.stages.plan.run import open_shards

        only_estimate = is_true(self.estimate_only, "dry_run")
        with (
            held(self, context, run=self.run_folder, since=waiting_since) as active,
            resumable(self, since=waiting_since),
        ):
            if only_estimate:
                self.log_estimate(context)
                active.close()
            else:
                record = self.planned(self.settings(context), context)
        if only_estimate:
            below = [task.task_id for task in self.get_flat_relatives(upstream=False)]
            # Airflow has the exception untyped.
            raise DownstreamTasksSkipped(tasks=below)  # type: ignore[no-untyped-call]
        self.log_plan(record)
        gauge_progress(context.get("ti"), run_folder(self.run_folder))
        return [str(shard) for shard in open_shards(run_folder(self.run_folder), record)]

    def log_estimate(self, context: Context) -> None:
        """Log what the run would cost, and keep it as the XCom `estimate`."""
        from airflow_provider_claude.stages.plan.dry_run import dry_run

        found = dry_run(
            run_folder(self.run_folder),
            self.job.with_model(self.model),
            ClaudeHook(self.conn_id).gateway(),
            settings=self.settings(context),
            clock=utc_now,
        )
        for sentence in found.explanation:
            self.log.info("%s", sentence)
        context["ti"].xcom_push("estimate", msgspec.to_builtins(found))

    def settings(self, context: Context) -> Settings:
        """How the run is planned. Raises JobError for a parameter that cannot be used."""
        lanes = self.lane_settings(
            margin=self.margin,
            lane=self.lane,
            lead=self.lead,
            hopeless=self.hopeless,
            refused_batches=self.refused_batches,
        )
        auto = auto_packing_of(self.pack, self.pack_tokens, self.pack_by)
        return self.plan_settings(
            self.destination(context),
            lanes,
            context,
            limits=shard_limits(self.shard_rows, self.shard_bytes),
            trial=self.trial,
            reuse_days=self.reuse_days,
            pack=None if auto else packing_of(self.pack, self.pack_tokens, self.pack_by),
            auto_pack=auto,
            consistency=self.consistency,
        )

    def destination(self, context: Context) -> Destination | None:
        """Where the answers will go: by the parameter of this task, else by that of the nearest report task below it."""
        report, publish_to, column = nearest_report(self), self.publish_to, self.partition_column
        if report is not None:
            column = column if publish_to is not None else report.partition_column
            publish_to = agreed(publish_to, self.render_template(report.publish_to, context))
        return self.destination_at(publish_to, column, context)


def nearest_report(operator: BaseOperator) -> ClaudeReportOperator | None:
    """The first report task on the way down from *operator*."""
    seen: set[str] = {operator.task_id}
    level: list[Any] = [operator] if operator.get_dag() else []
    while level:
        level = [task for above in level for task in above.downstream_list if task.task_id not in seen]
        seen.update(task.task_id for task in level)
        for task in level:
            if isinstance(task, ClaudeReportOperator):
                return task
    return None
