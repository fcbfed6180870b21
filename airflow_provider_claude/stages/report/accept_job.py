"""The job of a green run is the accepted one from then on: a change of it is certified against this."""

from __future__ import annotations

from airflow_provider_claude.core.consistency.job_changes import job_changes
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.stages.probes.accepted_job import accepted_job, accepted_jobs
from airflow_provider_claude.store import AcceptedRecord, PlanRecord, RunFolder
from airflow_provider_claude.store.work_of import work_of


def accept_green(run: RunFolder, plan: PlanRecord, summary: Summary, now: str) -> None:
    """Put on record that the job of *plan* is accepted, where its run is green and has answers.

    A run that was planned before another job was accepted does not bring the earlier one back.
    """
    if not summary.green or not summary.ledger.answered:
        return
    latest = accepted_job(run, plan)
    if latest is not None and (not job_changes(latest.job, plan.job) or epoch(latest.at) > epoch(plan.created_at)):
        return
    name = work_of(run, plan).run_name(run) or run.path.name
    said = summary.change.sentences() if summary.change else []
    accepted_jobs(run, plan).append(AcceptedRecord(job=plan.job, at=now, by=f"the run {name}", run=name, said=said))
