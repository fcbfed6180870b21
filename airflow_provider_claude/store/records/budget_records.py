"""The records of a budget."""

from __future__ import annotations

from airflow_provider_claude.store.records.record import Record


class BudgetRecord(Record, frozen=True, kw_only=True):
    """`usd` that all runs of `scope` may spend together."""

    usd: str
    scope: str


class ReservedRecord(Record, frozen=True, kw_only=True):
    """budgets/<scope>/N.json of a work folder: attempt `attempt` of `shard` may spend `usd` on `requests` requests."""

    shard: str
    attempt: int
    requests: int
    usd: str


class SpentRecord(Record, frozen=True, kw_only=True):
    """budgets/<scope>/….spent.json of a work folder: what `attempts` of `shard` have cost together."""

    shard: str
    usd: str
    attempts: list[int]
