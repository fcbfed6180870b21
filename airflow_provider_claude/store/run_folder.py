"""The run folder: one folder a run, readable by a person with `ls`. Which files exist is the state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store.records.attempt_records import (
    AbandonedRecord,
    EndedRecord,
    IntentRecord,
    LeaseRecord,
    LooksRecord,
    RefusedRecord,
    SubmittedRecord,
    VoidedRecord,
)
from airflow_provider_claude.store.records.load_records import LoadedRecord, SettledRecord
from airflow_provider_claude.store.records.plan_records import PlanRecord
from airflow_provider_claude.store.records.reader import STORE, Reader
from airflow_provider_claude.store.records.record import Record, write_new_record, write_record
from airflow_provider_claude.store.records.run_records import AccountRecord, ActiveRecord, AtRiskRecord
from airflow_provider_claude.store.records.scan_records import LAYOUT, LayoutRecord, QuarantineRecord, ScanRecord
from airflow_provider_claude.store.sequence import RecordSequence
from airflow_provider_claude.store.spending_book import PaidRecord

if TYPE_CHECKING:
    from upath import UPath

_R = TypeVar("_R", bound=Record)

#: Where a run folder keeps its probes: questions of its own about some of its items, each in a run folder of its own.
PROBES = "probes"

#: How a request can end, by the API's counts.
END_KINDS = ("succeeded", "errored", "canceled", "expired")


class ShardFolder:
    """shards/00003/ of a run folder. The task handle of a shard is its path: `str(folder)`."""

    def __init__(self, path: UPath, run: RunFolder | None = None) -> None:
        if run is None and (not re.fullmatch(r"\d{5,}", path.name) or path.parent.name != "shards"):
            raise StateError(f"{path} is not a shard folder: write <run folder>/shards/<number>, as the plan does.")
        self.path = path
        self.number = int(path.name)
        self.run = run or RunFolder(path.parent.parent)
        self.reader = self.run.reader

    def __str__(self) -> str:
        return str(self.path)

    def file(self, name: str) -> UPath:
        return self.path / name

    def names(self) -> frozenset[str]:
        """The files there are."""
        return frozenset(self.reader.names(self.path))

    @property
    def intents(self) -> RecordSequence[IntentRecord]:
        """The intents, which define the attempts."""
        return RecordSequence(self.path, IntentRecord, suffix=".intent.json", reader=self.reader)

    def attempts(self, names: Iterable[str] | None = None) -> list[int]:
        """The numbers of the attempts on record, ascending. *names*: the files, where they are known."""
        return self.intents.numbers(names)

    def intent(self, attempt: int) -> IntentRecord | None:
        return self.intents.read(attempt)

    def submitted(self, attempt: int) -> SubmittedRecord | None:
        return self.reader.read(self.file(f"{attempt}.submitted.json"), SubmittedRecord)

    def submit(
        self,
        attempt: int,
        lane: str,
        created_at: str,
        *,
        batch_id: str | None = None,
        expires_at: str | None = None,
        adopted: bool = False,
    ) -> None:
        """Record that the API accepted *attempt*, or that it asks nothing. A second writer writes the same."""
        record = SubmittedRecord(
            attempt=attempt,
            batch_id=batch_id,
            lane=lane,
            created_at=created_at,
            expires_at=expires_at,
            adopted=adopted,
        )
        write_new_record(self.file(f"{attempt}.submitted.json"), record)

    def leases(self, attempt: int) -> RecordSequence[LeaseRecord]:
        """The leases on *attempt*."""
        return RecordSequence(self.path, LeaseRecord, prefix=f"{attempt}.lease.", reader=self.reader)

    def abandoned(self, attempt: int) -> AbandonedRecord | None:
        return self.reader.read(self.file(f"{attempt}.abandoned.json"), AbandonedRecord)

    def abandon(self, attempt: int, batch_id: str | None, now: str, *, waits: bool = False) -> None:
        """Record that the cutoff of *attempt* has come. *waits*: the shard keeps waiting for it."""
        record = AbandonedRecord(attempt=attempt, batch_id=batch_id, at=now, waits=waits)
        write_new_record(self.file(f"{attempt}.abandoned.json"), record)

    def settled(self) -> SettledRecord | None:
        return self.reader.read(self.file("settled.json"), SettledRecord)

    def voided(self, attempt: int) -> VoidedRecord | None:
        return self.reader.read(self.file(f"{attempt}.voided.json"), VoidedRecord)

    def void(self, attempt: int, batch_id: str | None, reason: str, now: str, *, paid: bool = True) -> None:
        """Record that *attempt* no longer counts. A second writer changes nothing."""
        record = VoidedRecord(attempt=attempt, batch_id=batch_id, reason=reason, at=now, paid=paid)
        write_new_record(self.file(f"{attempt}.voided.json"), record)

    def void_unpaid(self, attempt: int, batch_id: str | None, reason: str, now: str) -> None:
        """Record that *attempt* no longer counts, and is proven not to have been carried out: its *batch_id*, if it had
        one, is another's. The earlier reason is kept.
        """
        before = self.voided(attempt)
        reasons = reason if before is None or not before.paid else f"{before.reason}; later: {reason}"
        record = VoidedRecord(attempt=attempt, batch_id=batch_id, reason=reasons, at=now, paid=False)
        write_record(self.file(f"{attempt}.voided.json"), record)

    def ended(self, attempt: int) -> EndedRecord | None:
        return self.reader.read(self.file(f"{attempt}.ended.json"), EndedRecord)

    def end(
        self,
        attempt: int,
        counts: Mapping[str, int],
        *,
        created_at: str,
        ended_at: str | None,
        batch_id: str | None = None,
    ) -> EndedRecord:
        """Record how the requests of *attempt* ended: *counts* by the API's four kinds, 0 for those it leaves out."""
        record = EndedRecord(
            attempt=attempt,
            batch_id=batch_id,
            counts=dict.fromkeys(END_KINDS, 0) | dict(counts),
            created_at=created_at,
            ended_at=ended_at,
        )
        write_record(self.file(f"{attempt}.ended.json"), record)
        return record

    def paid(self, attempt: int) -> PaidRecord | None:
        return self.reader.read(self.paid_file(attempt), PaidRecord)

    def paid_file(self, attempt: int) -> UPath:
        return self.file(f"{attempt}.paid.json")

    def loaded(self) -> LoadedRecord | None:
        return self.reader.read(self.file("loaded.json"), LoadedRecord)

    def manifest(self, attempt: int) -> UPath:
        return self.file(f"{attempt}.manifest.parquet")

    def reused(self, shard_fingerprint: str, of_round: int = 1) -> UPath:
        """The answers of earlier runs that the shard with *shard_fingerprint* takes, instead of asking in round *of_round*."""
        return self.file(f"{shard_fingerprint[:8]}.{of_round}.reused.parquet")

    def results(self, attempt: int) -> UPath:
        return self.file(f"{attempt}.results.jsonl.zst")

    def short(self, attempt: int) -> UPath:
        """The best of the downloads of incomplete results."""
        return self.file(f"{attempt}.short.jsonl.zst")

    def looks_file(self, attempt: int) -> UPath:
        return self.file(f"{attempt}.looks.json")

    def looks(self, attempt: int) -> LooksRecord | None:
        return self.reader.read(self.looks_file(attempt), LooksRecord)


class RunFolder:
    """The root of a run folder. *reader*: what its records are read with."""

    def __init__(self, path: UPath, reader: Reader = STORE) -> None:
        self.path = path
        self.reader = reader

    def __str__(self) -> str:
        return str(self.path)

    def file(self, name: str) -> UPath:
        return self.path / name

    def shard(self, number: int) -> ShardFolder:
        return ShardFolder(self.path / f"shards/{number:05d}", self)

    def shards(self) -> list[ShardFolder]:
        """All shards that have a folder, in order."""
        return [self.shard(int(name)) for name in self.reader.names(self.file("shards")) if name.isdecimal()]

    @property
    def is_probe(self) -> bool:
        """Whether it is a probe of another run."""
        return self.path.parent.name == PROBES

    @property
    def main(self) -> RunFolder:
        """The run that it is a probe of; itself where it is none."""
        return RunFolder(self.path.parent.parent, self.reader) if self.is_probe else self

    @property
    def golden(self) -> RunFolder:
        """Where the scan of its golden rows is kept."""
        return RunFolder(self.path / "golden", self.reader)

    def probe(self, name: str) -> RunFolder:
        return RunFolder(self.path / PROBES / name, self.reader)

    def probes(self) -> list[RunFolder]:
        """Its probes that can have been sent, also those that its plan no longer has."""
        found = map(self.probe, self.reader.names(self.path / PROBES))
        return [probe for probe in found if "scan.json" in self.reader.names(probe.path)]

    def parts(self, folder: str) -> list[UPath]:
        """The part files of items/, quarantine/, duplicates/, originals/, reused/ or answers/, in order."""
        directory = self.path / folder
        return [directory / name for name in self.reader.names(directory) if re.fullmatch(r"part-\d+\.parquet", name)]

    def part(self, folder: str, number: int) -> UPath:
        return self.path / folder / f"part-{number:05d}.parquet"

    def scan(self) -> ScanRecord | None:
        """The record of the scan, None where there is none. Raises StateError where it cannot be read, or `check_layout` does."""
        try:
            record = self.reader.read(self.file("scan.json"), ScanRecord)
        except StateError:
            self.check_layout()
            raise
        self._check_layout_of(record)
        return record

    def check_layout(self) -> None:
        """Raise StateError where another version of this package has written this folder, and nothing in it can be read.

        A damaged scan.json has no layout: its reader raises the error.
        """
        try:
            record = self.reader.read(self.file("scan.json"), LayoutRecord)
        except StateError:
            return
        self._check_layout_of(record)

    def _check_layout_of(self, record: LayoutRecord | ScanRecord | None) -> None:
        if record is not None and record.layout != LAYOUT:
            other = "an earlier" if record.layout < LAYOUT else "a later"
            raise StateError(
                f"{self} was written by {other} version of this package: its files have layout {record.layout}, this version "
                f"reads layout {LAYOUT}. Nothing in it was read or changed. Read it with the version that wrote it; or move "
                "it out of the work folder and run the day again, which asks and pays for its rows again."
            )

    def plan(self) -> PlanRecord | None:
        return self.reader.read(self.file("plan.json"), PlanRecord)

    @property
    def actives(self) -> RecordSequence[ActiveRecord]:
        """The runs that were active in it."""
        return RecordSequence(self.path, ActiveRecord, prefix="active.", reader=self.reader)

    @property
    def releases(self) -> RecordSequence[QuarantineRecord]:
        """The releases from quarantine, and withdrawals."""
        return RecordSequence(self.file("releases"), QuarantineRecord, reader=self.reader)

    def account(self) -> AccountRecord | None:
        return self.reader.read(self.file("account.json"), AccountRecord)

    def refused(self) -> RefusedRecord | None:
        return self.reader.read(self.file("refused.json"), RefusedRecord)

    def at_risk(self) -> AtRiskRecord | None:
        return self.reader.read(self.file("at_risk.json"), AtRiskRecord)

    def need_scan(self) -> ScanRecord:
        return _needed(self.scan(), self.file("scan.json"), "the scan has not finished for this run; run it first")

    def need_plan(self) -> PlanRecord:
        """The plan. Raises StateError where there is none, or where the run was scanned again since."""
        plan = _needed(self.plan(), self.file("plan.json"), "this run has not been planned; run the plan first")
        if plan.scanned_at != self.need_scan().finished_at:
            raise StateError(f"{self.file('plan.json')} is of an earlier scan of this run; run the plan again.")
        return plan


def _needed(record: _R | None, path: UPath, what: str) -> _R:
    if record is None:
        raise StateError(f"{path} does not exist: {what}.")
    return record
