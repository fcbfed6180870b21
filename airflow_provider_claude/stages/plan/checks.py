"""Whether the job fits the items of the scan, and Airflow's limits."""

from __future__ import annotations

from airflow_provider_claude.core.consistency.comparable import comparable
from airflow_provider_claude.core.consistency.settings import Consistency
from airflow_provider_claude.core.plan.cut_shards import MAX_SHARDS, Limits
from airflow_provider_claude.core.sync.priority import Priority
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.extras import need
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.stages.probes.golden_rows import golden_rows
from airflow_provider_claude.store import (
    RunFolder,
    ScanRecord,
    ShardSpec,
)


def check_prompt_columns(job: ClaudeJob, scan: ScanRecord) -> None:
    missing = [name for name in job.columns if name not in scan.columns]
    if missing and scan.rows:
        raise JobError(
            f"The prompt needs {', '.join(missing)}, the scan read {', '.join(scan.columns)} from {scan.source}. Give the "
            "scan columns=job.columns, or change the prompt."
        )


def check_priority_column(priority: Priority | None, scan: ScanRecord) -> None:
    if priority is not None and scan.rows and priority.column not in [*scan.columns, *scan.carry]:
        raise JobError(
            f"priority_column names {priority.column}, which the items do not have. Let the scan carry it: "
            f"carry={[priority.column]!r}."
        )


def check_gates(consistency: Consistency | None) -> None:
    """Raise JobError where what would hold the answers back cannot be measured on this worker."""
    if consistency is not None and consistency.gates:
        need("consistency", f"consistency=Consistency({', '.join(f'{name}=…' for name in consistency.gates)})")


def check_golden(run: RunFolder, job: ClaudeJob, consistency: Consistency | None) -> None:
    """Raise JobError where golden rows are wanted, and there are none that can be asked, or one has an answer that cannot be."""
    if consistency is None or not consistency.golden:
        return
    if run.golden.scan() is None:
        raise JobError(
            f"The scan of this run has read no golden rows, and consistency names the table {consistency.golden}. Clear the "
            "scan; where it is an operator of your own, give it the same golden."
        )
    fields, scan = comparable(job.schema), run.golden.need_scan()
    rows = golden_rows(run, fields)
    if not rows.keys:
        raise JobError(
            f"The golden table {scan.source} has no row that can be asked: {scan.rows:,} were read, {scan.quarantined:,} of them "
            "set aside. Correct the table, or write golden=None."
        )
    judged = consistency.required("min_golden", fields)
    known = {name for row in rows.known.values() for name, value in row.items() if value is not None}
    if unknown := [name for name in judged if name not in known]:
        less = {name: least for name, least in judged.items() if name in known} or None
        raise JobError(
            f"min_golden judges {', '.join(unknown)}, and no row of the table {scan.source} has a known answer for it. Add "
            f"the column to the table, or write Consistency(min_golden={less!r})."
        )


def check_shard_count(shards: list[ShardSpec], limits: Limits) -> None:
    if len(shards) > MAX_SHARDS:
        raise JobError(
            f"The run needs {len(shards):,} shards of at most {max(spec.rows for spec in shards):,} rows; Airflow maps at most "
            f"{MAX_SHARDS:,} ([core] max_map_length). Write a larger {'shard_bytes' if limits.rows is None else 'shard_rows'}."
        )


def check_no_probe(run: RunFolder) -> None:
    """Raise JobError where *run* would be taken for a probe of another run."""
    if run.is_probe:
        raise JobError(
            f"The run folder {run} is in a folder named 'probes', where a run keeps what it asks only to measure. Rename the "
            "task group, or the folder above the run folder."
        )
