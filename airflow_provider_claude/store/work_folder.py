"""The work folder: what its runs share."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_claude.core.account import Account
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.store.files import exists, list_names, remove
from airflow_provider_claude.store.records.change_records import AcceptedRecord
from airflow_provider_claude.store.records.history_records import (
    CacheRecord,
    ClaimRecord,
    CollectedRecord,
    GoldenRecord,
    HistoryRecord,
    LabelsRecord,
    PackingRecord,
    TokensRecord,
)
from airflow_provider_claude.store.records.record import Record, read_record, write_new_record, write_record
from airflow_provider_claude.store.records.run_records import AccountRecord
from airflow_provider_claude.store.run_folder import RunFolder, ShardFolder
from airflow_provider_claude.store.secret import deployment_secret
from airflow_provider_claude.store.sequence import RecordSequence
from airflow_provider_claude.store.spending_book import SpendingBook

if TYPE_CHECKING:
    from upath import UPath

_R = TypeVar("_R", bound=Record)

#: So much of a job's hash names its folder.
_JOB_CHARS = 16

_STAMPED = re.compile(r"\d{8}T\d{6}-[0-9a-f]+\.json")
_COLLECTED = re.compile(r"(\d{8}T\d{6})-[0-9a-f-]+\.json")


class WorkFolder:
    """What the runs in it share: `secret`, `spending/`, `budgets/`, `accepted/`, and `accounts/`, a folder for each account."""

    def __init__(self, path: UPath) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def secret(self) -> bytes:
        """The secret that canaries and nonces of all jobs in here are derived from."""
        return deployment_secret(self.path)

    def of(self, account: Account) -> AccountFolder:
        """This folder, with what *account* has answered in it."""
        return AccountFolder(self.path, account)

    def accounts(self) -> list[UPath]:
        """The folders of all accounts."""
        folder = self.path / "accounts"
        return [folder / name for name in list_names(folder)]

    @property
    def spending(self) -> SpendingBook:
        return SpendingBook(self.path / "spending")

    def accepted(self, group: str) -> RecordSequence[AcceptedRecord]:
        """The jobs that were accepted for the runs of *group*, the folder of their run folders."""
        name = hashlib.sha256(group.encode()).hexdigest()[:_JOB_CHARS]
        return RecordSequence(self.path / "accepted" / name, AcceptedRecord, digits=5)

    def run(self, name: str) -> RunFolder:
        """The run folder with the path *name* in this one."""
        return RunFolder(self.path / name if name else self.path)

    def run_name(self, run: RunFolder) -> str:
        """The path of *run* relative to this folder; empty where it is this folder."""
        return "" if str(run.path).rstrip("/") == str(self.path).rstrip("/") else self._relative(run.path)

    def shard(self, name: str) -> ShardFolder:
        return ShardFolder(self.path / name)

    def name_of(self, shard: ShardFolder) -> str:
        """The path of *shard* relative to this folder."""
        return self._relative(shard.path)

    def depth_of(self, run: RunFolder) -> int:
        """How many folders *run* is below this one. Raises JobError where it is not in it."""
        return len(PurePosixPath(self._relative(run.path)).parts)

    def _relative(self, path: UPath) -> str:
        root, whole = str(self.path).rstrip("/"), str(path).rstrip("/")
        if whole != root and not whole.startswith(f"{root}/"):
            raise JobError(
                f"{path} is not in the work folder {self.path}. Write work as a folder above the run folder."
            )
        return whole[len(root) + 1 :]


class AccountFolder(WorkFolder):
    """A work folder as one account sees it. Other accounts use none of it.

    In `accounts/<fingerprint>/`, `batches/` says which attempt a batch belongs to, `answers/<job>/` which raw results may be
    reused, `asked/<job>/` what is in progress, `tokens/` what requests used, `cache/<job>/` what the
    prompt cache did, `labels/<group>/` how answers were distributed, `golden/<group>/` which golden rows were right, `history/`
    how long batches took.
    """

    def __init__(self, path: UPath, account: Account) -> None:
        super().__init__(path)
        self.account = account
        self.own = path / "accounts" / account.fingerprint

    @property
    def spending(self) -> SpendingBook:
        return SpendingBook(self.path / "spending", self.account)

    def sign(self) -> None:
        """Record which account the folder `own` belongs to, for people."""
        if not exists(self.own / "account.json"):
            write_new_record(self.own / "account.json", AccountRecord(account=self.account))

    def claim(self, shard: ShardFolder, attempt: int, batch_id: str) -> ClaimRecord:
        """Claim the batch for this attempt; returns the owner, which is another attempt if it was first."""
        mine = ClaimRecord(batch_id=batch_id, shard=self.name_of(shard), attempt=attempt)
        if write_new_record(self._claim(batch_id), mine):
            return mine
        return read_record(self._claim(batch_id), ClaimRecord) or mine

    def disclaim(self, wrong: ClaimRecord) -> None:
        """Remove the claim on the batch: it was wrong."""
        if self.claimed(wrong.batch_id) == wrong:
            remove(self._claim(wrong.batch_id))

    def claimed(self, batch_id: str) -> ClaimRecord | None:
        return read_record(self._claim(batch_id), ClaimRecord)

    def _claim(self, batch_id: str) -> UPath:
        return self.own / "batches" / f"{batch_id}.json"

    def collect(self, job: str, shard: ShardFolder, attempt: int, fingerprint: str, created_at: str) -> None:
        """Record that the raw results of *attempt* exist, for the job with the hash *job*."""
        stamp, name = re.sub(r"[^0-9T]", "", created_at[:19]), _pointer(shard, attempt, fingerprint)
        record = CollectedRecord(shard=self.name_of(shard), attempt=attempt, created_at=created_at)
        write_new_record(self._of_job("answers", job) / f"{stamp}-{name}", record)
        remove(self._of_job("asked", job) / name)

    def collected(self, job: str, *, since: str) -> list[CollectedRecord]:
        """Raw results for the job with the hash *job*, created at *since* (ISO 8601, UTC) or later, newest first."""
        bound = re.sub(r"[^0-9T]", "", since[:19])
        folder = self._of_job("answers", job)
        names = [name for name in list_names(folder) if (m := _COLLECTED.fullmatch(name)) and m[1] >= bound]
        return [record for name in reversed(names) if (record := read_record(folder / name, CollectedRecord))]

    def ask(self, job: str, shard: ShardFolder, attempt: int, fingerprint: str, at: str) -> None:
        """Record that *attempt* is about to be sent, until its results are collected."""
        record = CollectedRecord(shard=self.name_of(shard), attempt=attempt, created_at=at)
        write_new_record(self._of_job("asked", job) / _pointer(shard, attempt, fingerprint), record)

    def asked(self, job: str, *, since: str) -> list[CollectedRecord]:
        """Attempts for the job with the hash *job* that were about to be sent at *since* (ISO 8601, UTC) or later, and whose
        results are not collected.
        """
        folder = self._of_job("asked", job)
        found = (read_record(folder / name, CollectedRecord) for name in list_names(folder))
        return [record for record in found if record is not None and epoch(record.created_at) >= epoch(since)]

    def _of_job(self, kind: str, job: str) -> UPath:
        return self.own / kind / job[:_JOB_CHARS]

    def record_history(self, record: HistoryRecord) -> None:
        """Keep the measurements of a run."""
        write_record(self.own / "history" / _stamped(record.at, record.shard), record)

    def histories(self, count: int) -> list[HistoryRecord]:
        """What the last *count* runs have measured, newest first."""
        return _newest(self.own / "history", HistoryRecord, count)

    def record_cache(self, job: str, record: CacheRecord) -> None:
        """Keep what the prompt cache did to the requests of a run of the job with the hash *job*."""
        write_record(self._of_job("cache", job) / _stamped(record.at, record.shard), record)

    def caches(self, job: str, count: int) -> list[CacheRecord]:
        """What the prompt cache did in the last *count* runs of the job with the hash *job* that sent anything, newest first."""
        return _newest(self._of_job("cache", job), CacheRecord, count)

    def record_packing(self, job: str, record: PackingRecord) -> None:
        """Keep what packs did to a sample of a run of the job with the hash *job*: one record a run."""
        name = hashlib.sha256(record.shard.encode()).hexdigest()[:_JOB_CHARS]
        write_record(self._of_job("packing", job) / f"{name}.json", record)

    def packings(self, job: str, *, since: str) -> list[PackingRecord]:
        """What packs did to samples of the job with the hash *job*, in runs planned at *since* (ISO 8601, UTC) or later."""
        folder = self._of_job("packing", job)
        found = (read_record(folder / name, PackingRecord) for name in list_names(folder))
        return [record for record in found if record is not None and epoch(record.at) >= epoch(since)]

    def record_labels(self, group: str, record: LabelsRecord) -> None:
        """Keep how the answers of a run of *group*, the folder of its run folder, are distributed."""
        write_record(self._of_group("labels", group) / _stamped(record.at, record.shard), record)

    def labels(self, group: str, count: int) -> list[LabelsRecord]:
        """How the answers of the last *count* runs of *group* are distributed, newest first."""
        return _newest(self._of_group("labels", group), LabelsRecord, count)

    def record_golden(self, group: str, record: GoldenRecord) -> None:
        """Keep which golden rows a run of *group* got right."""
        write_record(self._of_group("golden", group) / _stamped(record.at, record.shard), record)

    def goldens(self, group: str, count: int) -> list[GoldenRecord]:
        """Which golden rows the last *count* runs of *group* got right, newest first."""
        return _newest(self._of_group("golden", group), GoldenRecord, count)

    def _of_group(self, kind: str, group: str) -> UPath:
        return self.own / kind / hashlib.sha256(group.encode()).hexdigest()[:_JOB_CHARS]

    def tokens(self, job: str) -> TokensRecord | None:
        """What the requests of the job with the hash *job* have used, if any were answered."""
        return read_record(self.own / "tokens" / f"{job[:_JOB_CHARS]}.json", TokensRecord)

    def record_tokens(self, job: str, record: TokensRecord) -> None:
        write_record(self.own / "tokens" / f"{job[:_JOB_CHARS]}.json", record)


def _stamped(at: str, shard: str) -> str:
    """The name of the record of a run that was planned *at*, with *shard* as its first."""
    return f"{re.sub(r'[^0-9T]', '', at[:19])}-{hashlib.sha256(shard.encode()).hexdigest()[:_JOB_CHARS]}.json"


def _newest(folder: UPath, kind: type[_R], count: int) -> list[_R]:
    """The last *count* of the records in *folder* whose names are stamped, newest first."""
    names = [name for name in list_names(folder) if _STAMPED.fullmatch(name)][-count:]
    return [record for name in reversed(names) if (record := read_record(folder / name, kind))]


def _pointer(shard: ShardFolder, attempt: int, fingerprint: str) -> str:
    return f"{fingerprint[:_JOB_CHARS]}-{shard.number}-{attempt}.json"
