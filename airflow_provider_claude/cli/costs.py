"""`costs`: what the runs of a work folder have cost in a month, by DAG, day, model or lane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.core.account import Account
from airflow_provider_claude.core.cost.estimate import usd
from airflow_provider_claude.stages.cost.spent import spent_by
from airflow_provider_claude.store import PaidRecord, RunFolder, SpendingRecord, WorkFolder

if TYPE_CHECKING:
    from upath import UPath

#: What costs can be summed by. The DAG is the first folder of a run in the work folder, the day that of sending, in UTC.
KEYS = ("dag", "day", "model", "lane", "account")


@dataclass
class Sum:
    """A running sum in USD: *paid* is exact except for *estimated* of it; up to *unsure_usd* more may have been paid for
    *unsure* requests.
    """

    requests: int = 0
    paid: Decimal = Decimal(0)
    estimated: Decimal = Decimal(0)
    unsure: int = 0
    unsure_usd: Decimal = Decimal(0)

    def add(self, one: PaidRecord) -> None:
        self.requests += one.requests
        self.paid += Decimal(one.usd) + Decimal(one.missing_usd)
        self.estimated += Decimal(one.missing_usd)
        self.unsure += one.unsure
        self.unsure_usd += Decimal(one.up_to_usd)

    def plain(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "paid_usd": self.paid,
            "estimated_usd": self.estimated,
            "unsure_requests": self.unsure,
            "unsure_usd": self.unsure_usd,
        }


def show_costs(root: UPath, out: Screen, *, month: str, by: Sequence[str]) -> int:
    """Print what the work folder *root* has spent in *month* (`2026-11`), a line for each value of the keys *by*.

    Returns the exit code: 1 where nothing is on record.
    """
    sums, whole, open_runs, accounts = _sums(WorkFolder(root), month, by)
    lines = [{**dict(zip(by, key, strict=True)), **sums[key].plain()} for key in sorted(sums)]
    out.document({"month": month, "by": list(by), "costs": lines, "total": whole.plain(), "open_runs": open_runs})
    if not sums:
        out.line(f"The record of spending under {root} has nothing for {month}.")
        return 1
    head = [*(key.upper() for key in by), "REQUESTS", "PAID", "MAY HAVE BEEN PAID"]
    rows = [[*key, *_cells(sums[key])] for key in sorted(sums)]
    out.table(head, [*rows, ["total", *[""] * (len(by) - 1), *_cells(whole)]], right={"REQUESTS", "PAID"})
    if len(accounts) > 1 and "account" not in by:
        out.line(f"Paid by {len(accounts)} accounts; `--by account` lists them: {'; '.join(accounts)}.")
    if open_runs:
        out.line(f"Not reported yet, so counted from their own files: {', '.join(open_runs)}.")
    return 0


def _cells(one: Sum) -> list[str]:
    unsure = f"up to {usd(one.unsure_usd)} for {one.unsure:,}" if one.unsure else ""
    estimated = f" ({usd(one.estimated)} of it estimated)" if one.estimated else ""
    return [f"{one.requests:,}", f"{usd(one.paid)}{estimated}", unsure]


def _sums(
    work: WorkFolder, month: str, by: Sequence[str]
) -> tuple[dict[tuple[str, ...], Sum], Sum, list[str], list[str]]:
    """The sums by key, that of all, the runs that are still open, and the accounts that were paid through."""
    sums: dict[tuple[str, ...], Sum] = {}
    whole, open_runs, accounts = Sum(), [], set()
    for record in work.spending.read(month):
        if record.open:
            open_runs.append(record.run or str(work))
        for one in _attempts(work, record, month):
            accounts.add(str(record.account))
            sums.setdefault(_key(record, one, by), Sum()).add(one)
            whole.add(one)
    return sums, whole, sorted(open_runs), sorted(accounts)


def _attempts(work: WorkFolder, record: SpendingRecord, month: str) -> Iterator[PaidRecord]:
    """The attempts of *record*, and those that an open run has made since."""
    run = work.run(record.run)
    run.check_layout()
    if not record.open or not _is_of(run, record.account):
        yield from record.attempts
        return
    since = [one for one in spent_by(run) if one.at[:7] == month]
    yield from {one.key: one for one in (*record.attempts, *since)}.values()


def _is_of(run: RunFolder, account: Account) -> bool:
    """Whether what is in *run* was sent through *account*."""
    known = run.account()
    return known is None or known.account == account


def _key(record: SpendingRecord, one: PaidRecord, by: Sequence[str]) -> tuple[str, ...]:
    values = {
        "dag": record.run.split("/", 1)[0] or ".",
        "day": one.at[:10],
        "model": one.model,
        "lane": one.lane,
        "account": str(record.account),
    }
    return tuple(values[key] for key in by)
