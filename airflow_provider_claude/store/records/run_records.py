"""The records of a run: which one is active, which account it asks, whether its deadline is at risk."""

from __future__ import annotations

from airflow_provider_claude.core.account import Account
from airflow_provider_claude.core.active_run import ActiveRun
from airflow_provider_claude.core.deadline.at_risk import AtRisk
from airflow_provider_claude.store.records.record import Record


class AtRiskRecord(Record, frozen=True, kw_only=True):
    """at_risk.json of a run: its deadline is at risk since `at`, when its first batch was abandoned; reported once."""

    at: str
    at_risk: AtRisk


class StoreRecord(Record, frozen=True, kw_only=True):
    """store.json of a work folder: at `at` the store of the folder `place` passed the check of its conditional writes."""

    place: str
    at: str


class AccountRecord(Record, frozen=True, kw_only=True):
    """account.json, of a folder of a work folder: the account whose folder it is; of a run folder: the account of its answers."""

    account: Account


class ActiveRecord(Record, frozen=True, kw_only=True):
    """active.N.json of a run folder: its N-th active run, active since `since`, and without a sign of life until `until`.

    `ended` where the run has closed its books. The highest N counts.
    """

    run: ActiveRun
    since: str
    until: str
    ended: bool = False
