"""A run as one value: what its records say, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from airflow_provider_claude.core.report.example import Example
from airflow_provider_claude.core.report.ledger import nonzero
from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.core.view.outlook import Outlook
from airflow_provider_claude.core.view.shards import ShardView, outcomes_of


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """What the scan has read: `rows` = `items` + `duplicates` + the sum of `aside`, by reason, + `lost`; see ScanRecord.
    *examples*: rows that were set aside, the first of each reason.
    """

    source: str
    rows: int
    items: int
    duplicates: int
    aside: Mapping[str, int]
    lost: int
    uncounted: int
    notes: Sequence[str] = ()
    unreadable: Sequence[str] = ()
    examples: Sequence[Example] = ()


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What the plan has decided. *due* and *safe_deadline*: epoch seconds, None without a deadline. *estimate*: USD for all
    requests, None where there is none. *budget* is the limit in USD that the runs of *budget_scope* share. *held*: why only a
    sample is asked, empty where all rows are.
    """

    at: str
    model: str
    partition: str | None
    zone: str
    due: float | None
    safe_deadline: float | None
    estimate: Decimal | None
    budget: Decimal | None = None
    budget_scope: str = ""
    explanation: Sequence[str] = ()
    warnings: Sequence[str] = ()
    held: str = ""


@dataclass(frozen=True, kw_only=True)
class RunView:
    """A run, read at *now* (epoch seconds). *scanned*, *planned* and *report* are None as long as that stage has not ended.

    *cutoffs*: until when its open shards are waited for, epoch seconds by shard. *taken_over*: the run that uses the folder now.
    *releases*: what people have let out of quarantine, a sentence an act.
    """

    folder: str
    now: float
    scanned: Scanned | None = None
    planned: Planned | None = None
    shards: Sequence[ShardView] = ()
    outlook: Outlook | None = None
    cutoffs: Mapping[int, float] = field(default_factory=dict)
    at_risk: str | None = None
    report: Summary | None = None
    taken_over: str | None = None
    releases: Sequence[str] = ()

    @property
    def loaded(self) -> int:
        """How many shards are loaded."""
        return sum(shard.is_loaded for shard in self.shards)

    @property
    def rate_limited(self) -> int:
        """How many requests of the sync lane the API has refused because the account was busy (429)."""
        return sum(shard.rate_limited for shard in self.shards)

    @property
    def open_rows(self) -> int:
        """How many rows may still get an answer."""
        if self.outlook is not None:
            return self.outlook.open_rows
        return sum(shard.rows for shard in self.shards if not shard.is_loaded)

    @property
    def zone(self) -> str:
        return self.planned.zone if self.planned else "UTC"

    @property
    def spent(self) -> Decimal:
        """USD that are known to be paid: by the report, else for what is loaded."""
        if self.report is not None:
            return self.report.costs.actual
        return sum((shard.cost or Decimal(0) for shard in self.shards), Decimal(0))

    @property
    def expected(self) -> Decimal | None:
        """USD at the end: what is paid, and the plan's estimate for the shards that are not loaded. None without an estimate."""
        if self.planned is None or self.planned.estimate is None:
            return None
        rows = sum(shard.rows for shard in self.shards)
        left = sum(shard.rows for shard in self.shards if not shard.is_loaded)
        return self.spent + (self.planned.estimate * left / rows if rows else Decimal(0))


@dataclass(frozen=True, kw_only=True)
class Flow:
    """Where the input rows are; the parts add up to *inputs*. `open` rows have no outcome yet."""

    inputs: int
    answered: int
    quarantined: int
    failed: int
    lost: int
    reasons: Mapping[str, int]
    failures: Mapping[str, int]
    uncounted: int = 0

    @property
    def open(self) -> int:
        return max(self.inputs - self.answered - self.quarantined - self.failed - self.lost, 0)


def flow_of(view: RunView) -> Flow | None:
    """The ledger of the report, or what is known of it before; None before the scan has ended."""
    if view.report is not None:
        ledger = view.report.ledger
        return Flow(
            inputs=ledger.inputs,
            answered=ledger.answered,
            quarantined=ledger.quarantined_rows,
            failed=ledger.failed_rows,
            lost=ledger.lost,
            reasons=ledger.quarantined,
            failures=ledger.failed,
            uncounted=ledger.uncounted,
        )
    if view.scanned is None:
        return None
    found = outcomes_of(view.shards)
    failures = {name: count for name, count in found.items() if name != "succeeded"}
    return Flow(
        inputs=view.scanned.rows,
        answered=found.get("succeeded", 0),
        quarantined=sum(view.scanned.aside.values()),
        failed=sum(failures.values()),
        lost=view.scanned.lost,
        reasons=nonzero(dict(view.scanned.aside)),
        failures=nonzero(failures),
        uncounted=view.scanned.uncounted,
    )
