"""Closes the run: counts its rows in its own files, writes the report, and publishes the answers if it is green.

No running counter is trusted: row numbers come from the Parquet files, column by column and batch by batch,
so that memory does not grow with the run. The counters of loaded.json are compared with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_claude.core.consistency.calibration import Confidence, confidence
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.memory import many_rows
from airflow_provider_claude.core.publish.destination import Destination
from airflow_provider_claude.core.report.certification import Certification
from airflow_provider_claude.core.report.ledger import raise_if_any
from airflow_provider_claude.core.report.page import render
from airflow_provider_claude.core.report.summary import NOT_ASKED, PUBLISHING, WITHHELD, Summary
from airflow_provider_claude.core.report.thresholds import Thresholds
from airflow_provider_claude.sinks.sql.table import SqlTable
from airflow_provider_claude.stages.cost.spent import keep_on_record
from airflow_provider_claude.stages.probes.accepted_job import accepted_job
from airflow_provider_claude.stages.probes.apply_votes import apply_votes
from airflow_provider_claude.stages.probes.measure_again import Found, measure_again
from airflow_provider_claude.stages.probes.measure_change import measure_change
from airflow_provider_claude.stages.probes.measure_order import measure_order
from airflow_provider_claude.stages.probes.measure_packs import measure_packs
from airflow_provider_claude.stages.publish.run import publish_answers
from airflow_provider_claude.stages.report.accept_job import accept_green
from airflow_provider_claude.stages.report.gated import gated
from airflow_provider_claude.stages.report.golden_history import baseline, record_golden
from airflow_provider_claude.stages.report.measure_drift import changes, drifts, other_runs, record_labels
from airflow_provider_claude.stages.report.record_history import record_cache, record_history, record_tokens
from airflow_provider_claude.stages.review.find_neighbours import neighbours_for_report
from airflow_provider_claude.store import PlanRecord, RunFolder, write_bytes
from airflow_provider_claude.store.work_of import work_of

if TYPE_CHECKING:
    from upath import UPath
from airflow_provider_claude.stages.report.summarise import summarise


@many_rows()
def report(
    run: RunFolder,
    *,
    output: UPath | SqlTable | None,
    clock: Callable[[], str],
    destination: Destination | None = None,
    thresholds: Thresholds | None = None,
    warnings: Sequence[str] = (),
) -> Summary:
    """Write report.json and report.html of *run*, and publish its answers under *output* if it is green.

    :param output: where the answers go, a folder or a table, as one partition if the run has one. None publishes nothing.
    :param clock: the time now, ISO 8601 in UTC.
    :param destination: the owner of the partition, if the plan does not name one.
    :param thresholds: how much may fail in a green run; `Thresholds()` where it is None.
    :param warnings: further warnings for the report.
    :raises StateError: the run was not scanned or planned, or its files cannot be what they are said to be.
    :raises LedgerError: the rows do not add up, too many failed, or they are less consistent than the plan asks for. The report
        is written, nothing is published.
    :raises DestinationError: the partition may not be replaced. The report is written, and says so.
    :raises StoreError: the answers could not be written. The report says so.
    """
    scan, plan = run.need_scan(), run.need_plan()
    _ = accepted_job(run, plan)  # raises where it cannot be read, before anything is published
    now, votes = clock(), apply_votes(run, plan)
    paid, probed = keep_on_record(run, work_of(run, plan), open_=False, now=now, since=plan.created_at)
    summary = summarise(run, scan, plan, thresholds or Thresholds(), paid=paid, paid_for_probes=probed, now=now)
    found = measure_again(run, plan, baseline(run, plan), summary.answers)
    summary = msgspec.structs.replace(
        summary,
        probes=measure_packs(run, plan, now),
        consistency=found.measured if found else None,
        neighbours=neighbours_for_report(run, plan),
        confidence=_confidence(plan, found),
        change=_beside(measure_change(run, plan), found.measured if found else None),
        order=measure_order(run, plan),
        votes=votes,
    )
    others = other_runs(run, plan)
    drift = drifts(others, plan, summary)
    held = gated(plan, summary.consistency, drift)
    summary = msgspec.structs.replace(
        summary,
        problems=_problems(run, summary, held.problems),
        warnings=[
            *summary.warnings,
            *warnings,
            *_changed(summary, changes(others, plan)),
            *(one.sentence() for one in drift if one.alarm),
            *held.warnings,
            *([votes.sentence()] if votes and votes.why_not else []),
        ],
        drift=drift,
    )
    _write(run, summary := msgspec.structs.replace(summary, publication=_beginning(summary, output)))
    record_history(run, plan)
    record_tokens(run, plan)
    record_cache(run, plan, paid)
    if summary.problems:
        record_golden(run, plan, found, accepted=False)
        raise_if_any([*summary.problems, f"The report is {run.file('report.html')}; nothing was published."])
    if output is not None:
        destination = plan.destination or destination or Destination(output=str(output))
        summary = publish_answers(run, summary, output, destination, write=partial(_write, run), clock=clock)
    record_labels(run, plan, summary)
    record_golden(run, plan, found, accepted=True)
    accept_green(run, plan, summary, clock())
    return summary


def _problems(run: RunFolder, summary: Summary, gates: Sequence[str]) -> list[str]:
    """What keeps the answers from being published: the change that is held, else the ledger and the *gates*."""
    if summary.change is not None and summary.change.held:
        return [summary.change.problem(str(run))]
    return [*summary.problems, *gates]


def _beside(change: Certification | None, measured: Measured | None) -> Certification | None:
    return change.beside(measured) if change and measured else change


def _changed(summary: Summary, beside: Sequence[str]) -> Sequence[str]:
    """What a changed job did, if that was measured; else what is asked otherwise than *beside*. A held run says it elsewhere."""
    if summary.change is None:
        return beside
    return [] if summary.change.held else [summary.change.warning()]


def _confidence(plan: PlanRecord, found: Found | None) -> Confidence | None:
    """What is known of the confidence that the model states, where the plan names the field."""
    field = plan.consistency.confidence_field if plan.consistency else None
    if field is None:
        return None
    why_not = found.measured.why_not if found else ""
    return confidence(
        field, found.sure if found else None, why_not or "there are no golden rows to hold it against", plan.curve
    )


def _beginning(summary: Summary, output: UPath | SqlTable | None) -> str:
    """How far the publication is before it has begun."""
    if output is None:
        return NOT_ASKED
    return WITHHELD if summary.problems else PUBLISHING


def _write(run: RunFolder, summary: Summary) -> None:
    write_bytes(run.file("report.json"), msgspec.json.format(msgspec.json.encode(summary), indent=1) + b"\n")
    write_bytes(run.file("report.html"), render(summary).encode())
