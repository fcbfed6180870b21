"""The records of a change of the job: which job is accepted, and what a plan does about another one."""

from __future__ import annotations

from airflow_provider_claude.job import JobSpec
from airflow_provider_claude.store.records.record import Record


class VoteRecord(Record, frozen=True, kw_only=True):
    """vote.json of a run: third answers were asked for, by the plan of `planned_at`; `why_not` says why some are not there."""

    planned_at: str
    at: str
    why_not: str = ""


class AcceptedRecord(Record, frozen=True, kw_only=True):
    """accepted/<group>/N.json of the work folder: the job whose answers count, since `at`; the highest N counts.

    `by` is a run that was published, or a person; `run` the run folder whose plan has the job, relative to the work folder;
    `said` what was known of the change then.
    """

    job: JobSpec
    at: str
    by: str
    run: str
    said: list[str] = []


class ChangeRecord(Record, frozen=True, kw_only=True):
    """In plan.json: `parts` of its job differ from that which was accepted at `accepted_at` by `accepted_by`.

    The accepted job is asked about `rows` of the run's items; `why_not` says why it is not. `held`: only these are asked, of
    both jobs, and nothing is published, until the new job is accepted.
    """

    parts: list[str]
    accepted_at: str
    accepted_by: str
    rows: int = 0
    why_not: str = ""
    held: bool = False
