"""Publishing: the report says that it begins, then the answers are published, then the report says so.

Killed in between, a run is `publishing`: neither green nor red. Its next report finds out from the partition's manifest
whether the publication was complete, and resumes it if not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_claude.core.publish.destination import Destination, Holder
from airflow_provider_claude.core.report.ledger import rows
from airflow_provider_claude.core.report.summary import FAILED, PUBLISHED, Summary
from airflow_provider_claude.errors import ClaudeError, StateError, StoreError
from airflow_provider_claude.masking import masked
from airflow_provider_claude.sinks.parquet import publish
from airflow_provider_claude.sinks.partition import ManifestRecord, Partition
from airflow_provider_claude.sinks.replacing import recover
from airflow_provider_claude.sinks.sql.table import SqlTable
from airflow_provider_claude.stages.publish.claim_destination import check_rows, claim, table_schema
from airflow_provider_claude.stages.publish.into_table import Incoming, Loaded, load_table, place_of
from airflow_provider_claude.store import PlanRecord, RunFolder, ScanRecord

if TYPE_CHECKING:
    from upath import UPath


def publish_answers(
    run: RunFolder,
    summary: Summary,
    output: UPath | SqlTable,
    destination: Destination,
    *,
    write: Callable[[Summary], None],
    clock: Callable[[], str],
) -> Summary:
    """Publish the answers of *run*. *summary*, the report so far, says that this begins; *write* writes how it ends.

    Raises what keeps it from publishing; the report then is red and says why.
    """
    place = _place(output, destination, summary.partition)
    try:
        loaded = _published(run, summary, output, destination, clock())
    except BaseException as e:
        problem = f"The answers were not published to {place}: {masked(str(e)) or type(e).__name__}"
        write(msgspec.structs.replace(summary, publication=FAILED, problems=[problem]))
        if isinstance(e, ClaudeError) or not isinstance(e, Exception):
            raise
        raise StoreError(f"{problem} The report is {run.file('report.html')}.") from e
    done = msgspec.structs.replace(
        summary,
        publication=PUBLISHED,
        published=place,
        published_rows=loaded.rows,
        warnings=[*summary.warnings, *loaded.warnings],
    )
    write(done)
    return done


def _place(output: UPath | SqlTable, destination: Destination, partition: str | None) -> str:
    if isinstance(output, SqlTable):
        return place_of(output, destination, partition)
    return str(Partition.at(output, destination.column, partition))


def _published(
    run: RunFolder, summary: Summary, output: UPath | SqlTable, destination: Destination, now: str
) -> Loaded:
    scan, plan = run.need_scan(), run.need_plan()
    schema = table_schema(run, scan, plan.job.answer_schema, plan.consistency)
    parts, label = run.parts("answers"), _label(run, scan, plan, destination, destination.holder, now)
    if isinstance(output, SqlTable):
        incoming = Incoming(scan.source, summary.ledger.answered, schema)
        return load_table(output, destination, parts, incoming, label)
    partition = Partition.at(output, destination.column, summary.partition)
    recover(partition)
    holder, look = claim(partition, destination, output, now)
    check_rows(partition, look.manifest, destination, scan.source, summary.ledger.answered)
    manifest = publish(parts, schema, partition, msgspec.structs.replace(label, holder=holder), look)
    if manifest.rows != summary.ledger.answered:
        raise StateError(
            f"{partition} holds {rows(manifest.rows)}, and the report counts {summary.ledger.answered:,} answered."
        )
    return Loaded(manifest.rows, ())


def _label(
    run: RunFolder, scan: ScanRecord, plan: PlanRecord, destination: Destination, holder: Holder, now: str
) -> ManifestRecord:
    return ManifestRecord(
        holder=holder,
        model=plan.job.model,
        prompt_hash=plan.prompt_hash,
        schema_hash=plan.schema_hash,
        source=scan.source,
        run=str(run),
        planned_at=plan.created_at,
        column=destination.column if plan.partition else None,
        partition=plan.partition,
        published_at=now,
    )
