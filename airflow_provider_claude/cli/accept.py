"""`accept`: a person accepts the job of a run, so that its answers count."""

from __future__ import annotations

from airflow_provider_claude.cli.screen import Screen, time
from airflow_provider_claude.core.consistency.job_changes import differing, job_changes
from airflow_provider_claude.stages.probes.accepted_job import accepted_job, accepted_jobs
from airflow_provider_claude.stages.probes.keep_answers import keep_answers
from airflow_provider_claude.stages.probes.measure_change import measure_change
from airflow_provider_claude.store import AcceptedRecord, PlanRecord, RunFolder
from airflow_provider_claude.store.work_of import group_of, work_of

DESCRIPTION = """Accepts the job of a run: its model, prompt, examples, schema and settings. A run is held where its job is not
the accepted one and its DAG says on_change="hold"; after this, clear its plan task. The answers that the new job gave to
the sample are used by the run, and not paid for again."""


def accept(run: RunFolder, out: Screen, *, by: str, now: str) -> int:
    """Accept the job that *run* was planned with, for all runs of its group. Returns the exit code.

    Raises StateError where the run is not planned.
    """
    plan = run.need_plan()
    kept, latest = keep_answers(run, plan) if plan.held else 0, accepted_job(run, plan)
    if latest is not None and not job_changes(latest.job, plan.job):
        out.document({"run": str(run), "accepted": False, "accepted_at": latest.at, "accepted_by": latest.by})
        out.line(f"The job of this run is accepted already, since {time(latest.at)}, by {latest.by}.")
    else:
        _accept(run, plan, latest, out, kept=kept, by=by, now=now)
    if plan.held:
        out.line(
            f"Clear the plan task of this run with the tasks below it: it then asks the other rows. {kept:,} answers of the "
            "sample are used, and not paid for again."
        )
    return 0


def _accept(
    run: RunFolder, plan: PlanRecord, before: AcceptedRecord | None, out: Screen, *, kept: int, by: str, now: str
) -> None:
    work, group, found = work_of(run, plan), group_of(run, plan), measure_change(run, plan)
    parts = job_changes(before.job, plan.job) if before else []
    said = found.sentences() if found else [f"{differing(parts)} from the accepted job."] if parts else []
    accepted_jobs(run, plan).append(AcceptedRecord(job=plan.job, at=now, by=by, run=work.run_name(run), said=said))
    out.document(
        {
            "run": str(run),
            "accepted": True,
            "accepted_at": now,
            "accepted_by": by,
            "group": group,
            "change": found,
            "held": plan.held,
            "answers_kept": kept,
        }
    )
    for sentence in said:
        out.line(sentence)
    out.line(f"Accepted: the job of {run}, for all runs of {group or work}.")
