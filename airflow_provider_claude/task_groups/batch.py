"""All stages as one task group: scan, plan, a mapped group per shard, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.common.compat.sdk import TaskGroup, task_group

from airflow_provider_claude.core.column_names import check_columns
from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.core.deadline.at_cutoff import StuckBatches
from airflow_provider_claude.core.deadline.due import wall_clock
from airflow_provider_claude.core.plan.cut_shards import MAX_SHARDS
from airflow_provider_claude.core.publish.destination import GUARDED
from airflow_provider_claude.core.scan.origin import MissingSource
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.screening import SCREEN
from airflow_provider_claude.core.scan.trimming import Part
from airflow_provider_claude.core.scan.unreadable_files import UnreadableFiles
from airflow_provider_claude.core.settle.rounds import ROUNDS
from airflow_provider_claude.core.sync.concurrency import CEILING
from airflow_provider_claude.core.sync.priority import URGENT, carry_with
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.numbers import whole_number
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
from airflow_provider_claude.sensors.batch import ClaudeBatchSensor
from airflow_provider_claude.sources.sql_source import ClaudeSqlSource


def claude_batch_job(
    group_id: str,
    *,
    job: ClaudeJob,
    source: str | ClaudeSqlSource,
    work: str,
    output: str | None,
    conn_id: str = ClaudeHook.default_conn_name,
    model: str | None = None,
    shard_rows: int | str | None = None,
    deadline: str | None = None,
    stuck_batches: StuckBatches = "answer",
    poll_interval: float = 60.0,
    rounds: int | str = ROUNDS,
    cancel_on_mark: bool = False,
    in_flight: int = int(CEILING),
    sync_pool: str | None = None,
    scan_tasks: int = 1,
    one_task_per_shard: bool = False,
    consistency: Consistency | None = None,
    screen: str | None = None,
    screen_by: str | None = None,
    priority_column: str | None = None,
    urgent: float = URGENT,
    carry: Sequence[str] = (),
    id_column: str | None = "id",
    encoding: str | None = None,
    partition: str | None = "{{ day }}",
    partition_column: str = "day",
    replace: str = GUARDED,
    take_over: bool | str = False,
    redact: Sequence[str] | bool = False,
    redaction_mapping: bool = False,
    redact_region: str | None = None,
    replies: Part = "keep",
    signatures: Part = "keep",
    unreadable_files: UnreadableFiles = "fail",
    missing_source: MissingSource = "fail",
    scan_args: Mapping[str, Any] | None = None,
    plan_args: Mapping[str, Any] | None = None,
    report_args: Mapping[str, Any] | None = None,
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
    :param shard_rows: the most requests in one batch (templated). None, or an empty text: the plan chooses, see
        ClaudePlanOperator.
    :param deadline: local wall clock ``HH:MM`` by which a scheduled run's answers are due.
    :param stuck_batches: ``answer`` or ``wait``: what to do at a shard's cutoff about a batch that cannot be ended; see
        ClaudePlanOperator.
    :param poll_interval: the most seconds between two looks at a batch; see ClaudeBatchSensor.
    :param rounds: how often rows without a valid answer are sent again (templated).
    :param cancel_on_mark: cancel a shard's batch when a user marks the task that waits for it failed, success or skipped;
        needs Airflow 3.3. Without it no batch is cancelled for what happens to a task.
    :param in_flight: the most concurrent requests of the sync lane, per shard.
    :param sync_pool: an Airflow pool for the tasks that settle unresolved rows. Workers on several machines see each other's
        use of the account only in the API's headers: a pool with one slot lets one worker at a time use the sync lane.
    :param scan_tasks: how many mapped tasks divide the scan of a source of many files; each takes as many of them.
    :param one_task_per_shard: a shard is one task, ``ask``, instead of ``create``, ``wait``, ``load`` and ``settle``: two starts
        of a process instead of five, for executors that start each task cold, such as KubernetesExecutor.
    :param consistency: how the consistency of the answers is measured, and what holds them back; see ClaudePlanOperator.
    :param screen: ``"claude"``: a separate batch, in the group ``screen``, first asks Claude about rows that the scan doubts;
        rows that Claude suspects are set aside. All other rows are answered in any case.
    :param screen_by: local wall clock ``HH:MM`` by which a scheduled run's screening is wanted, as ``deadline``.
    :param priority_column: a column with a number, carried to the answers: the sync lane asks rows with a higher number first.
        Where the account is busy and there is time, rows below *urgent* go back to a batch.
    :param urgent: a row with at least this number always stays in the sync lane.
    :param carry: columns carried to the answers beside the row's id, in the types they have.
    :param id_column: the column that names a row; None takes file name and row number.
    :param encoding: the character set of a table, such as ``windows-1252`` or ``gb18030`` (templated). None: UTF-8, or what
        a byte order mark says.
    :param partition: the partition of the answers, such as ``{{ day }}``, ``{{ hour }}`` or ``{{ params.mailbox }}``: as fine as
        the schedule (templated). None: the output holds one table, which each run replaces.
    :param partition_column: the name of the partition column of the answers.
    :param replace: ``guarded``: rows in the partition are not replaced by none, by far fewer, or by rows from another
        source; ``always``: this run's rows replace them in any case (templated).
    :param take_over: whether the partition becomes this group's even if it is another's, or of another data interval
        (templated).
    :param redact: what in the texts is replaced by tokens before it is sent: kinds such as ``email`` or ``card``; True for
        all.
    :param redaction_mapping: keep what the tokens stand for, encrypted with Airflow's Fernet key.
    :param redact_region: where phone numbers without a country code belong, such as ``US``.
    :param replies: ``drop`` leaves quoted text out of what is sent; the gate still scans it.
    :param signatures: ``drop`` leaves the signature under a text out in the same way.
    :param unreadable_files: ``fail``: a file that cannot be read whole fails the scan. ``quarantine``: the run continues
        without the lost rows, and the report says so.
    :param missing_source: ``fail``: the scan fails where there is no file at *source*. ``empty``: that is a day without data, and
        the run continues with 0 rows.
    :param scan_args: further arguments of ClaudeInputScanOperator, such as ``source_format``, ``max_chars`` or ``policy``.
    :param plan_args: further arguments of ClaudePlanOperator, such as ``limits``, ``budget_usd`` or ``margin``.
    :param report_args: further arguments of ClaudeReportOperator, such as ``outlets``.
    """
    if screen not in {None, "claude"}:
        raise JobError(f"screen is {screen!r}: write 'claude', or None to leave doubtful rows to the policy.")
    whole_number("scan_tasks", scan_tasks, 1, MAX_SHARDS)
    for name, at in (("deadline", deadline), ("screen_by", screen_by)):
        if at and "{{" not in at:
            wall_clock(at, name)
    with TaskGroup(group_id) as group:
        folder = f"{work.rstrip('/')}/{{{{ dag.dag_id }}}}/{group.group_id}"
        scan_args = {
            "source": source,
            "run_folder": f"{folder}/{{{{ partition }}}}",
            "partition": partition,
            "columns": job.columns,
            "carry": carry_with(carry, job.columns, priority_column),
            "id_column": id_column,
            "encoding": encoding,
            "closing_tags": job.closing_tags,
            "job": job,
            "work": work,
            "redact": redact,
            "redaction_mapping": redaction_mapping,
            "redact_region": redact_region,
            "replies": replies,
            "signatures": signatures,
            "unreadable_files": unreadable_files,
            "missing_source": missing_source,
            "golden": consistency.golden if consistency else None,
            **(scan_args or {}),
        }
        column = (report_args or {}).get("partition_column", partition_column)
        check_columns(job.properties, scan_args["carry"], column if output and partition else None)
        scan = (
            _split_scan(scan_tasks, scan_args)
            if scan_tasks > 1
            else ClaudeInputScanOperator(task_id="scan", **scan_args)
        )
        if screen:
            scanned: Any = scan.output
            screened = f"{folder}.screen/{{{{ partition }}}}"
            rescan = _rescan({**scan_args, "run_folder": scanned, "screened": screened}, shared=scan_tasks > 1)
            (scan >> _screening(work, folder, conn_id, screen_by, partition, plan_args or {}) >> rescan)
            scan = rescan
        run_folder: Any = scan.output
        plan = ClaudePlanOperator(
            task_id="plan",
            run_folder=run_folder,
            job=job,
            model=model,
            conn_id=conn_id,
            shard_rows=shard_rows,
            deadline=deadline,
            stuck_batches=stuck_batches,
            work=work,
            consistency=consistency,
            priority_column=priority_column,
            urgent=urgent,
            publish_to=output,
            partition=partition,
            partition_column=column,
            replace=replace,
            take_over=take_over,
            **(plan_args or {}),
        )

        @task_group(group_id="shard")
        def each_shard(shard: str) -> None:
            name = "{{ task.shard.rsplit('/probes/' if '/probes/' in task.shard else '/', 1)[-1].replace('/shards/', ' ') }}"
            settles: dict[str, Any] = {
                "shard": shard,
                "job": job,
                "conn_id": conn_id,
                "rounds": rounds,
                "poll_interval": poll_interval,
                "cancel_on_mark": cancel_on_mark,
                "in_flight": in_flight,
                "shed_to": "batch" if priority_column else None,
                "warn": bool(output),
                "map_index_template": name,
                **({"pool": sync_pool} if sync_pool else {}),
            }
            if one_task_per_shard:
                ClaudeShardOperator(task_id="ask", **settles)
                return
            create = ClaudeBatchCreateOperator(
                task_id="create", shard=shard, conn_id=conn_id, warn=bool(output), map_index_template=name
            )
            batch_id: Any = create.output
            wait = ClaudeBatchSensor(
                task_id="wait",
                batch_id=batch_id,
                conn_id=conn_id,
                poll_interval=poll_interval,
                shard=shard,
                cancel_on_mark=cancel_on_mark,
                warn=bool(output),
                map_index_template=name,
            )
            load = ClaudeResultLoadOperator(
                task_id="load", shard=shard, job=job, conn_id=conn_id, warn=bool(output), map_index_template=name
            )
            settle = ClaudeSettleOperator(task_id="settle", **settles)
            create >> wait >> load >> settle

        shards = each_shard.expand(shard=plan.output)
        report = ClaudeReportOperator(
            task_id="report",
            run_folder=run_folder,
            conn_id=conn_id,
            publish_to=output,
            **(report_args or {}),
        )
        scan >> plan >> shards >> report
    return group


def _screening(
    work: str, folder: str, conn_id: str, by: str | None, partition: str | None, plan_args: Mapping[str, Any]
) -> TaskGroup:
    """The group that asks Claude about the rows of *folder* that the scan doubts. Its own scan sets no row aside.

    A dry run estimates this group, and ends here: what the main job asks is not known before the rows are screened.
    """
    return claude_batch_job(
        "screen",
        job=SCREEN,
        source=f"{folder}/{{{{ partition }}}}/doubts",
        work=work,
        output="",
        partition=partition,
        conn_id=conn_id,
        deadline=by,
        plan_args={name: plan_args[name] for name in ("refused_batches", "dry_run") if name in plan_args},
        scan_args={"policy": ScanPolicy(high="pass", medium="pass", low="pass"), "closing_tags": ()},
        report_args={"max_refused": 1.0, "max_invalid": 1.0},
    )


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
