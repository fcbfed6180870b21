"""The record of spending of a work folder: append-only, so that neither a rerun nor `prune` can lose a cost.

    <work>/spending/2026-11/<run>-<hash>.00001.json   the attempts that one run sent through one account in that month

A run writes such a file when it is planned, and when it is reported. Each holds all attempts that were ever on record for
the run, also those whose files are gone; so the one with the highest number counts, and no attempt is counted twice. It is
created exclusively, and never changed. Reading a month takes one listing and one read for each run. Accounts are kept apart:
what a run has spent at a mock is not what it has spent in production.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING

from airflow_provider_claude.core.account import NO_ACCOUNT, Account
from airflow_provider_claude.core.cost.cache_use import CacheUse
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store.files import list_names
from airflow_provider_claude.store.records.record import Record, read_record
from airflow_provider_claude.store.sequence import RecordSequence

if TYPE_CHECKING:
    from upath import UPath

_READERS = 8
_NAME = re.compile(r"(.+-[0-9a-f]{12})\.(\d+)\.json")


class PaidRecord(Record, frozen=True, kw_only=True):
    """What attempt `attempt` of shard `shard`, sent at `at`, has cost; N.paid.json of its shard once its results are here.

    `usd` is known from the usage of its `answered` requests. What `unsure` others cost is not known: `missing` of them were
    paid, because their batch counts an answer that its results do not hold, and cost about `missing_usd`, an estimate. All of
    them cost up to `up_to_usd` more than that. `cache` says what the prompt cache did, where they had cache markers.
    """

    shard: int
    attempt: int
    at: str
    lane: str
    model: str
    requests: int
    answered: int
    usd: str
    unsure: int = 0
    up_to_usd: str = "0"
    missing: int = 0
    missing_usd: str = "0"
    cache: CacheUse | None = None

    @property
    def at_most(self) -> Decimal:
        """What it has cost at the most, in USD."""
        return Decimal(self.usd) + Decimal(self.missing_usd) + Decimal(self.up_to_usd)

    @property
    def key(self) -> tuple[int, int, str]:
        """The key of this attempt, unique in the run even where its folder was removed and it was run again."""
        return self.shard, self.attempt, self.at


class SpendingRecord(Record, frozen=True, kw_only=True):
    """The attempts of `run`, a path in the work folder, that were sent through `account` in one month (UTC).

    While it is `open`, the run is not over: its own files may have more.
    """

    run: str
    at: str
    open: bool
    attempts: list[PaidRecord]
    account: Account = NO_ACCOUNT


class SpendingBook:
    """The spending of one work folder. What is added was sent through *account*."""

    def __init__(self, path: UPath, account: Account = NO_ACCOUNT) -> None:
        self.path, self.account = path, account

    def read(self, month: str) -> Iterator[SpendingRecord]:
        """The records of *month* (`2026-11`) that count, one per run. No more than a few are in memory at a time."""
        folder = self.path / month
        latest = {name[1]: name[0] for name in sorted(_numbered(list_names(folder)), key=lambda name: int(name[2]))}
        with ThreadPoolExecutor(_READERS) as pool:
            names = sorted(latest.values())
            for start in range(0, len(names), _READERS):
                yield from pool.map(lambda name: _read(folder / name), names[start : start + _READERS])

    def add(
        self, run: str, attempts: Sequence[PaidRecord], *, open_: bool, now: str, since: str | None = None
    ) -> list[PaidRecord]:
        """Put *attempts* of *run* on record beside those that are, each in the month in which it was sent; what is on record
        of these months then. *open_*: the run is not over. *since*: when it was planned; its record of that month is closed.
        """
        by_month: dict[str, list[PaidRecord]] = {month[:7]: [] for month in (since or now, now)}
        for one in attempts:
            by_month.setdefault(one.at[:7], []).append(one)
        return [
            one
            for month, found in sorted(by_month.items())
            for one in self._add(run, month, found, open_=open_ and month == now[:7], now=now)
        ]

    def _add(self, run: str, month: str, attempts: Sequence[PaidRecord], *, open_: bool, now: str) -> list[PaidRecord]:
        records = _records(self.path / month, _file_name(run, self.account))
        while True:
            number = records.last()
            last = _read(records.file(number)) if number else None
            merged = {one.key: one for one in (*(last.attempts if last else ()), *attempts)}
            found = sorted(merged.values(), key=lambda one: one.key)
            if not found and not open_ and last is None:
                return []
            if last is not None and (last.attempts, last.open) == (found, open_):
                return found
            record = SpendingRecord(run=run, at=now, open=open_, attempts=found, account=self.account)
            if records.write_new(number + 1, record):
                return found


def _records(folder: UPath, run: str) -> RecordSequence[SpendingRecord]:
    return RecordSequence(folder, SpendingRecord, prefix=f"{run}.", digits=5)


def _numbered(names: Sequence[str]) -> Iterator[re.Match[str]]:
    return (found for found in map(_NAME.fullmatch, names) if found)


def _file_name(run: str, account: Account) -> str:
    scope = f"{run}\n{account.fingerprint}"
    readable = re.sub(r"[^A-Za-z0-9._=-]+", "-", run).strip("-.")[-80:]
    return f"{readable or 'run'}-{hashlib.sha256(scope.encode()).hexdigest()[:12]}"


def _read(path: UPath) -> SpendingRecord:
    record = read_record(path, SpendingRecord)
    if record is None:
        raise StateError(f"{path} was removed while it was read. No task removes such a record: a person did.")
    return record
