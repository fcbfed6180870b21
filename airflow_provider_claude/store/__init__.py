"""What is on disk: the run folder, and the work folder around it. Which files exist is the state.

    <work>/
        accounts/<fingerprint>/       what one account has: a platform, a base URL and a workspace
            account.json              which
            batches/msgbatch_….json   which shard's batch it is
            answers/<job>/….json      raw results that may answer the same requests again
            asked/<job>/….json        what was sent, and is not downloaded yet
            tokens/<job>.json         how many tokens a byte of its requests was, and an answer
            cache/<job>/….json        what the prompt cache did in earlier runs
            packing/<job>/….json      what packs did to samples of its rows
            history/….json            how long batches and cancels took in earlier runs
        accepted/<group>/00001.json   the job whose answers count; the highest number counts
        store.json                    when its store passed the check of conditional writes, see store.check_store
        secret                        what canaries and nonces of requests are derived from
        spending/2026-11/             what each run has cost; append-only, see store.spending_book
        budgets/<scope>/              what may be spent, is reserved, and is spent
        <dag>/<group>/<day>/          a run folder
            scan.json  plan.json  report.json  report.html
            account.json                  the account whose answers it holds
            active.1.json                 the run that is active, and until when; the highest number counts
            redaction.json  mapping/part-00000.enc   the key of its tokens, and their values
            at_risk.json                  the first batch was abandoned at its cutoff; the notifier was called
            items/part-00000.parquet  quarantine/part-00000.parquet  duplicates/part-00000.parquet
            splits/00003/                 rows checked by one of several workers, until they are merged
            doubts/part-00000.parquet     what the gate has doubts about
            originals/part-00000.parquet  texts as they came, where cleaning changed them
            releases/1.json               rows that a person released from quarantine
            reused/part-00003.parquet     which items of shard 3 are answered already, and where
            shards/00003/
                f1e2d3c4.1.reused.parquet the answers it takes from earlier runs, by its content and round
                1.manifest.parquet    what attempt 1 sends, by custom id            before it is paid for
                1.intent.json         attempt 1 is about to be paid for             before the paid call; one writer wins
                1.submitted.json      its batch id                                  right after it
                1.voided.json         it no longer counts, and why                  only then
                1.ended.json          its counts and times                          when the batch has ended
                1.results.jsonl.zst   the API's result lines, as they came          before they are checked
                1.looks.json          how often its results were incomplete, and why
                1.short.jsonl.zst     the best of those looks, until it is used or they come whole
                1.paid.json           what it has cost
                1.abandoned.json      its batch was abandoned at its cutoff
                2.…                   the unresolved rows, sent again in a batch, or by the sync lane:
                2.lease.1.json        a worker is processing it: until when, and how far it is
                2.answers.1.jsonl     the answers that worker got, until they are 2.results.jsonl.zst
                unresolved.parquet    rows without a valid answer
                loaded.json           how the rows of this shard ended              last
                settled.json          nothing more is sent for it
            answers/part-00003.parquet
            probes/packs-1f2e3d4c/        what the run asks only to measure: a run folder of its own, see stages.probes

Every file is written whole or not at all, and "cannot be read" is never "is not there".
"""

from airflow_provider_claude.store.files import (
    all_names,
    atomic_output,
    entries,
    exists,
    is_local,
    list_names,
    output_of_choice,
    remove,
    write_bytes,
    write_new,
)
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
from airflow_provider_claude.store.records.budget_records import BudgetRecord, ReservedRecord, SpentRecord
from airflow_provider_claude.store.records.change_records import AcceptedRecord, ChangeRecord, VoteRecord
from airflow_provider_claude.store.records.history_records import (
    BatchRun,
    CacheRecord,
    ClaimRecord,
    CollectedRecord,
    GoldenRecord,
    HistoryRecord,
    LabelsRecord,
    PackingRecord,
    TokensRecord,
)
from airflow_provider_claude.store.records.load_records import LoadedRecord, SettledRecord, TokenSums
from airflow_provider_claude.store.records.plan_records import (
    UNDECIDED,
    LanesRecord,
    PlanRecord,
    ShardSpec,
    batched_requests,
)
from airflow_provider_claude.store.records.record import Record, read_record, write_new_record, write_record
from airflow_provider_claude.store.records.run_records import AccountRecord, ActiveRecord, AtRiskRecord
from airflow_provider_claude.store.records.scan_records import (
    LAYOUT,
    LayoutRecord,
    QuarantineRecord,
    RedactionRecord,
    ReleasedRow,
    ScanRecord,
    SplitRecord,
    SplitsRecord,
)
from airflow_provider_claude.store.run_folder import RunFolder, ShardFolder
from airflow_provider_claude.store.sequence import RecordSequence
from airflow_provider_claude.store.spending_book import PaidRecord, SpendingBook, SpendingRecord
from airflow_provider_claude.store.work_folder import AccountFolder, WorkFolder

__all__ = [
    "LAYOUT",
    "UNDECIDED",
    "AbandonedRecord",
    "AcceptedRecord",
    "AccountFolder",
    "AccountRecord",
    "ActiveRecord",
    "AtRiskRecord",
    "BatchRun",
    "BudgetRecord",
    "CacheRecord",
    "ChangeRecord",
    "ClaimRecord",
    "CollectedRecord",
    "EndedRecord",
    "GoldenRecord",
    "HistoryRecord",
    "IntentRecord",
    "LabelsRecord",
    "LanesRecord",
    "LayoutRecord",
    "LeaseRecord",
    "LoadedRecord",
    "LooksRecord",
    "PackingRecord",
    "PaidRecord",
    "PlanRecord",
    "QuarantineRecord",
    "Record",
    "RecordSequence",
    "RedactionRecord",
    "RefusedRecord",
    "ReleasedRow",
    "ReservedRecord",
    "RunFolder",
    "ScanRecord",
    "SettledRecord",
    "ShardFolder",
    "ShardSpec",
    "SpendingBook",
    "SpendingRecord",
    "SpentRecord",
    "SplitRecord",
    "SplitsRecord",
    "SubmittedRecord",
    "TokenSums",
    "TokensRecord",
    "VoidedRecord",
    "VoteRecord",
    "WorkFolder",
    "all_names",
    "atomic_output",
    "batched_requests",
    "entries",
    "exists",
    "is_local",
    "list_names",
    "output_of_choice",
    "read_record",
    "remove",
    "write_bytes",
    "write_new",
    "write_new_record",
    "write_record",
]
