"""The records of a run: which one is active, which account it asks, whether its deadline is at risk."""

from __future__ import annotations

from airflow_provider_claude.core.account import Account
from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.core.deadline.at_risk import Danger
from airflow_provider_claude.store.records.record import Record


class DangerRecord(Record, frozen=True, kw_only=True):
    """danger.json of a run: its promise is in danger since `at`, when the first of its batches was given up; told once."""

    at: str
    danger: Danger


class AccountRecord(Record, frozen=True, kw_only=True):
    """account.json, of a folder of a work folder: the account whose folder it is; of a run folder: whose answers it holds."""

    account: Account


class ActiveRecord(Record, frozen=True, kw_only=True):
    """active.N.json of a run folder: its N-th active run, active since `since`, and without a word from it until `until`.

    `ended` where the run has closed its books. The highest N counts.
    """

    run: ActiveRun
    since: str
    until: str
    ended: bool = False
