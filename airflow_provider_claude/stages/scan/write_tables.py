"""The tables of a scan, as they grow, and what is counted on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pyarrow as pa

from airflow_provider_claude.core.report.examples import Examples
from airflow_provider_claude.core.scan.lost_rows import Losses, refuse, regions
from airflow_provider_claude.core.scan.origin import Origin
from airflow_provider_claude.core.tables import (
    CANDIDATE_FIELDS,
    DUPLICATE_FIELDS,
    ITEM_FIELDS,
    QUARANTINE_FIELDS,
)
from airflow_provider_claude.stages.scan.check_rows import RowCheck
from airflow_provider_claude.stages.scan.dedupe import Deduplication, Fold
from airflow_provider_claude.stages.scan.find_duplicates import Index
from airflow_provider_claude.stages.scan.read_screening import read_screened
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.store import LAYOUT, RunFolder, ScanRecord, SplitRecord, remove
from airflow_provider_claude.store.part_writer import Parts

_FOLDED = ("items", "duplicates", "quarantine")

#: Names that no column of a source may have.
NAMES = frozenset(
    one.name for fields in (ITEM_FIELDS, CANDIDATE_FIELDS, QUARANTINE_FIELDS, DUPLICATE_FIELDS) for one in fields
)


@dataclass(slots=True)
class Counts:
    rows: int = 0
    items: int = 0
    duplicates: int = 0
    suspects: int = 0
    near: int = 0
    changed: int = 0
    gate: str = ""
    losses: Losses = field(default_factory=Losses)
    reasons: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)
    examples: Examples = field(default_factory=Examples)

    def read(self, row_check: RowCheck) -> None:
        """Count what was read, and what was set aside of it."""
        self.losses.read(row_check.chunk)
        damaged = set(regions(row_check.chunk))
        self.rows += row_check.chunk.num_rows - len(damaged)
        self.changed += len(row_check.originals())
        self.reasons.update(verdict.reason for row, verdict in row_check.aside.items() if row not in damaged)
        for flags in filter(None, row_check.flags):
            self.flags.update(flags)

    def folded(self, deduplication: Deduplication) -> None:
        """Count the candidates by what they became."""
        items, duplicates = deduplication.rows("items"), deduplication.rows("duplicates")
        self.items += len(items)
        self.duplicates += len(duplicates)
        self.near += sum(deduplication.assignments[row].near for row in duplicates)
        self.suspects += len(deduplication.suspects.intersection(items))
        self.reasons.update(verdict.reason for verdict in deduplication.aside.values())
        self.flags.update(deduplication.screened_as)

    def split(self, record: SplitRecord) -> None:
        """Count what a split has read and set aside."""
        self.rows += record.rows
        self.losses.add(record.lost, record.uncounted, record.unreadable_files, record.unreadable)
        self.gate = record.gate
        self.changed += record.changed
        self.reasons.update(record.by_reason)
        self.flags.update(record.flagged)
        self.redacted.update(record.redacted)

    def record(self, settings: ScanSettings, origin: Origin, *, started: str, finished: str) -> ScanRecord:
        """scan.json, of a scan of the source at *origin*.

        Raises SourceError where files are unreadable and *settings* do not allow to continue without them.
        """
        if settings.unreadable_files == "fail":
            refuse(self.losses, origin.source, self.rows)
        return ScanRecord(
            layout=LAYOUT,
            **origin._asdict(),
            columns=list(settings.text_columns),
            carry=list(settings.carry),
            rows=self.rows + self.losses.rows,
            items=self.items,
            quarantined=self.reasons.total(),
            duplicates=self.duplicates,
            lost=self.losses.rows,
            uncounted=self.losses.uncounted,
            unreadable_files=self.losses.files,
            unreadable=self.losses.named,
            suspects=self.suspects,
            near_duplicates=self.near,
            changed=self.changed,
            gate=self.gate,
            by_reason=dict(self.reasons.most_common()),
            flagged=dict(self.flags.most_common()),
            redacted=dict(self.redacted.most_common()),
            examples=self.examples.found,
            part_rows=settings.part_rows,
            started_at=started,
            finished_at=finished,
        )


class Tables:
    """The tables of one scan. `fold` what may become an item, `add` the rest."""

    def __init__(self, schemas: Mapping[str, pa.Schema], parts: Mapping[str, Parts], fold: Fold) -> None:
        self.schemas, self.counts = schemas, Counts()
        self._parts, self._fold = parts, fold

    def add(self, folder: str, batch: pa.RecordBatch) -> None:
        self._parts[folder].add(batch)
        if folder == "quarantine":
            self.counts.examples.add(batch, reason="reason", detail="detail", text=["scan_excerpt"])

    def fold(self, candidates: pa.RecordBatch) -> None:
        """Put each of *candidates* (CANDIDATE_FIELDS) into its table."""
        deduplication = Deduplication(candidates, self._fold)
        for folder in _FOLDED:
            self.add(folder, deduplication.batch(folder, self.schemas[folder]))
        self.add("doubts", deduplication.doubts())
        self.counts.folded(deduplication)


@contextmanager
def open_tables(run: RunFolder, settings: ScanSettings) -> Iterator[Tables]:
    """The tables of a scan into *run*; scan.json is removed first. After an error, no table is whole."""
    remove(run.file("scan.json"))
    schemas = settings.schemas
    with ExitStack() as stack:
        index = stack.enter_context(Index(settings.near_duplicates or 1.0))
        fold = Fold(
            index=index,
            columns=settings.text_columns,
            near=settings.near_duplicates is not None,
            screened=read_screened(settings.screened, settings.flip) if settings.screened else None,
            flip=bool(settings.flip),
        )
        always = {"doubts", *(["items"] if settings.typed else [])}  # a file has the types, even without rows
        parts = {
            folder: stack.enter_context(Parts(run, folder, schema, settings.part_rows, always=folder in always))
            for folder, schema in schemas.items()
        }
        yield Tables(schemas, parts, fold)
