"""The job whose answers count for the runs of a group."""

from __future__ import annotations

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store import AcceptedRecord, PlanRecord, RecordSequence, RunFolder
from airflow_provider_claude.store.work_of import group_of, work_of


def accepted_jobs(run: RunFolder, plan: PlanRecord) -> RecordSequence[AcceptedRecord]:
    """The jobs that were accepted for the group of *run*; the last one counts."""
    return work_of(run, plan).accepted(group_of(run, plan))


def accepted_job(run: RunFolder, plan: PlanRecord) -> AcceptedRecord | None:
    """The job that counts for the group of *run*; None where none was accepted yet.

    Raises StateError where its record cannot be read: a change of it could not be seen.
    """
    try:
        _, latest = accepted_jobs(run, plan).latest()
    except StateError as e:
        raise StateError(
            f"The record of the accepted job cannot be read, so a change could not be seen. Put back a copy of it; or remove it: "
            f"then the one before it counts. {e}"
        ) from e
    return latest
