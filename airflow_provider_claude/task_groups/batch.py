"""All stages as one task group: scan, plan, a mapped group per shard, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from airflow.providers.common.compat.sdk import TaskGroup, task_group

from airflow_provider_claude.core.column_names import check_columns
from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.row_limits import MOST_CHARS
from airflow_provider_claude.core.scan.screening import SCREEN
from airflow_provider_claude.core.sync.priority import carry_with
from airflow_provider_claude.core.tables import DOUBT_ID
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.create import ClaudeBatchCreateOperator
from airflow_provider_claude.operators.load import ClaudeResultLoadOperator
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.operators.scan_splits import (
    ClaudeScanSplitOperator,
    ClaudeSplitMergeOperator,
    ClaudeSplitScanOperator,
)
from airflow_provider_claude.operators.settle import ClaudeSettleOperator
from airflow_provider_claude.operators.shard import ClaudeShardOperator
from airflow_provider_claude.operators.vote import ClaudeVoteOperator
from airflow_provider_claude.sensors.batch import ClaudeBatchSensor
from airflow_provider_claude.sources.sql_source import ClaudeSqlSource
from airflow_provider_claude.task_groups.settings import (
    Plan,
    Publish,
    Scan,
    Shard,
    Sync,
    arguments,
    group_of,
)

#: A shard's map index, as the grid shows it: its number, after the name of the probe that it belongs to.
_SHARD_NAME = "{{ task.shard.rsplit('/probes/' if '/probes/' in task.shard else '/', 1)[-1].replace('/shards/', ' ') }}"


def claude_batch_job(
    group_id: str,
    *,
    job: ClaudeJob,
    source: str | ClaudeSqlSource,
    work: str,
    output: str | None,
    conn_id: str = ClaudeHook.default_conn_name,
    model: str | None = None,
    deadline: str | None = None,
    partition: str | None = "{{ day }}",
    id_column: str | None = "id",
    carry: Sequence[str] = (),
    scan: Scan | None = None,
    plan: Plan | None = None,
    shard: Shard | None = None,
    sync: Sync | None = None,
    publish: Publish | None = None,
    consistency: Consistency | None = None,
) -> TaskGroup:
    """A task group that turns *source* into a table of answers under *output*, a mapped instance a shard.

    The run keeps its files in ``<work>/<dag_id>/<group_id>/<partition>/``: a second run for the same partition finds what is
    already paid for, and so does any run under the same *work* that asks the same question about the same row. *source* may hold
    ``{{ day }}``, ``{{ hour }}`` and ``{{ partition }}``.

    :param group_id: the group's name in the DAG, and in the run folder.
    :param job: what is asked about every row.
    :param source: file, folder or glob, table or query, in or below one of ``[claude] sources``; see ClaudeInputScanOperator
        (templated).
    :param work: root of the run folders, on any store that all workers reach (templated).
    :param output: root of the answers, or a table, ``sql://<conn_id>/<schema>.<table>``; a partition is replaced whole
        (templated). An empty text publishes nothing; None also publishes nothing, and warns when the DAG is parsed and in the
        report.
    :param conn_id: a connection of type ``anthropic``.
    :param model: another model than the job's (templated).
    :param deadline: local wall clock ``HH:MM`` by which a scheduled run's answers are due.
    :param partition: the partition of the answers, such as ``{{ day }}``, ``{{ hour }}`` or ``{{ params.mailbox }}``: as fine as
        the schedule (templated). None: the output holds one table, which each run replaces.
    :param id_column: the column that names a row; None takes file name and row number.
    :param carry: columns carried to the answers beside the row's id, in the types they have.
    :param scan: a ``Scan``: how the source is read, cleaned and judged. None: as its defaults say; so it is for the next four.
    :param plan: a ``Plan``: what a run may cost, by which lanes its rows go, and how they are cut into shards.
    :param shard: a ``Shard``: how each shard is waited for, and asked again.
    :param sync: a ``Sync``: how rows are asked one by one, where a batch would be too late.
    :param publish: a ``Publish``: what a run has to be to be published, what it may replace, and which assets it updates.
    :param consistency: how the consistency of the answers is measured, and what holds them back; see ClaudePlanOperator.
    """
    scan, plan, shard = group_of(Scan, scan), group_of(Plan, plan), group_of(Shard, shard)
    sync, publish = group_of(Sync, sync), group_of(Publish, publish)
    with TaskGroup(group_id) as group:
        folder = f"{work.rstrip('/')}/{{{{ dag.dag_id }}}}/{group.group_id}"
        scan_args: dict[str, Any] = {
            **arguments(scan, "tasks", "screen_by"),
            "source": source,
            "run_folder": f"{folder}/{{{{ partition }}}}",
            "partition": partition,
            "columns": job.columns if scan.columns is None else scan.columns,
            "carry": carry_with(carry, job.columns, sync.priority_column),
            "id_column": id_column,
            "closing_tags": job.closing_tags if scan.closing_tags is None else scan.closing_tags,
            "job": job,
            "work": work,
            "golden": consistency.golden if consistency else None,
        }
        check_columns(job.properties, scan_args["carry"], publish.partition_column if output and partition else None)
        scanned = (
            _split_scan(scan.tasks, scan_args)
            if scan.tasks > 1
            else ClaudeInputScanOperator(task_id="scan", **scan_args)
        )
        if scan.screen:
            first: Any = scanned.output
            screened = f"{folder}.screen/{{{{ partition }}}}"
            rescan = _rescan({**scan_args, "run_folder": first, "screened": screened}, shared=scan.tasks > 1)
            asked = _Asked(job, model, DOUBT_ID) if scan.screen == "flip" else _ASKED
            scanned >> _screening(asked, work, folder, conn_id, scan.screen_by, partition, plan) >> rescan
            scanned = rescan
        run_folder: Any = scanned.output
        planned = ClaudePlanOperator(
            task_id="plan",
            run_folder=run_folder,
            job=job,
            model=model,
            conn_id=conn_id,
            deadline=deadline,
            work=work,
            consistency=consistency,
            priority_column=sync.priority_column,
            urgent=sync.urgent,
            publish_to=output,
            partition=partition,
            partition_column=publish.partition_column,
            replace=publish.replace,
            take_over=publish.take_over,
            **arguments(plan),
        )
        shards = _shards(planned, job, conn_id, shard, sync, warn=bool(output))
        report = ClaudeReportOperator(
            task_id="report",
            run_folder=run_folder,
            conn_id=conn_id,
            publish_to=output,
            **arguments(publish, "replace", "take_over"),
        )
        if consistency and consistency.resolve:
            vote = ClaudeVoteOperator(
                task_id="vote", run_folder=run_folder, job=job, conn_id=conn_id, in_flight=sync.in_flight, **_pool(sync)
            )
            shards >> vote >> report
        scanned >> planned >> shards >> report
    return group


def _shards(
    planned: ClaudePlanOperator, job: ClaudeJob, conn_id: str, settings: Shard, sync: Sync, *, warn: bool
) -> Any:
    """The group of one shard, mapped over the shards of the plan."""
    common: dict[str, Any] = {"conn_id": conn_id, "warn": warn, "map_index_template": _SHARD_NAME}
    polls = arguments(settings, "one_task", "rounds")
    settles: dict[str, Any] = {
        **common,
        **polls,
        "job": job,
        "rounds": settings.rounds,
        "in_flight": sync.in_flight,
        "shed_to": "batch" if sync.priority_column else None,
        **_pool(sync),
    }

    @task_group(group_id="shard")
    def each_shard(shard: str) -> None:
        if settings.one_task:
            ClaudeShardOperator(task_id="ask", shard=shard, **settles)
            return
        create = ClaudeBatchCreateOperator(task_id="create", shard=shard, **common)
        batch_id: Any = create.output
        wait = ClaudeBatchSensor(task_id="wait", batch_id=batch_id, shard=shard, **common, **polls)
        load = ClaudeResultLoadOperator(task_id="load", shard=shard, job=job, **common)
        settle = ClaudeSettleOperator(task_id="settle", shard=shard, **settles)
        create >> wait >> load >> settle

    mapped: Any = each_shard.expand(shard=planned.output)
    return mapped


def _pool(sync: Sync) -> dict[str, Any]:
    return {"pool": sync.pool} if sync.pool else {}


class _Asked(NamedTuple):
    """What is asked about doubts: *job*, of *model* where that is not the job's. *id_column* names a doubt."""

    job: ClaudeJob
    model: str | None = None
    id_column: str = "id"


_ASKED = _Asked(SCREEN)


def _screening(
    asked: _Asked, work: str, folder: str, conn_id: str, by: str | None, partition: str | None, plan: Plan
) -> TaskGroup:
    """The group that asks Claude about the rows of *folder* that the scan doubts. Its own scan sets no row aside.

    A dry run estimates this group, and ends here: what the main job asks is not known before the rows are screened.
    """
    return claude_batch_job(
        "screen",
        job=asked.job,
        model=asked.model,
        id_column=asked.id_column,
        source=f"{folder}/{{{{ partition }}}}/doubts",
        work=work,
        output="",
        partition=partition,
        conn_id=conn_id,
        deadline=by,
        scan=Scan(policy=ScanPolicy(high="pass", medium="pass", low="pass"), closing_tags=(), max_chars=MOST_CHARS),
        plan=_plan_of_screening(asked, plan),
        publish=Publish(max_refused=1.0, max_invalid=1.0),
    )


def _plan_of_screening(asked: _Asked, plan: Plan) -> Plan:
    """The job's *plan*, as far as it is about the account, and where the job's question is asked, about prices and budget."""
    common = Plan(refused_batches=plan.refused_batches, dry_run=plan.dry_run)
    if asked is _ASKED:
        return common
    return replace(common, prices=plan.prices, budget_usd=plan.budget_usd, budget_scope=plan.budget_scope)


def _split_scan(splits: int, scan_args: Mapping[str, Any]) -> ClaudeInputScanOperator:
    """The scan as mapped tasks, one per split of the files, and the task that merges them."""
    split = ClaudeScanSplitOperator(task_id="split", splits=splits, **scan_args)

    @task_group(group_id="read")
    def each_split(number: int) -> None:
        ClaudeSplitScanOperator(task_id="scan", split=number, **{**scan_args, "release": ()})

    numbers: Any = split.output
    merged = ClaudeSplitMergeOperator(task_id="scan", **{**scan_args, "release": ()})
    split >> each_split.expand(number=numbers) >> merged
    return merged


def _rescan(scan_args: Mapping[str, Any], *, shared: bool) -> ClaudeInputScanOperator:
    """Scans again after Claude was asked. If Claude was not asked or did not answer, no row is lost.

    It runs whether or not the screening succeeded, but not if the scan failed: then no task before it succeeded.
    """
    operator = ClaudeSplitMergeOperator if shared else ClaudeInputScanOperator
    return operator(task_id="rescan", trigger_rule="all_done_min_one_success", **{**scan_args, "release": ()})
