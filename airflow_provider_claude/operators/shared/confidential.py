"""The confidential word of a job's requests, for the scan: a text that holds it is set aside."""

from __future__ import annotations

from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.job.untrusted import canary
from airflow_provider_claude.runtime.paths import run_folder, to_path


def confidential_word(job: ClaudeJob, work: str | None, run: str) -> str:
    """The word that no answer to *job* may hold, in the work folder *work* of the run folder *run*.

    Raises StateError where the folder's secret is damaged.
    """
    from airflow_provider_claude.store import WorkFolder

    folder = to_path(work) if work else run_folder(run).path.parent
    return canary(job.key(WorkFolder(folder).secret()))
