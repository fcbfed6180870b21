"""A scan by several workers: each scans one split (a part of the files), and one merges the splits.

    splits/splits.json             the files of each split
    splits/00003/split.json        split 3 is scanned, with its counts
    splits/00003/candidates/       rows that become items, unless they are duplicates; beside them quarantine/, originals/

The result is that of one scan of all files: rows are merged in the order of the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise

import pyarrow as pa

from airflow_provider_claude.core.memory import many_rows
from airflow_provider_claude.core.progress import Seen, unseen
from airflow_provider_claude.core.tables import carried_fields
from airflow_provider_claude.errors import JobError, StateError
from airflow_provider_claude.sources.files.file import SourceFile, UnopenedError
from airflow_provider_claude.sources.files.members import Lost
from airflow_provider_claude.sources.rows.batches import RowSource
from airflow_provider_claude.sources.source import Source
from airflow_provider_claude.stages.scan.check_rows import RowCheck
from airflow_provider_claude.stages.scan.redact import forget_mapping
from airflow_provider_claude.stages.scan.run import check_columns, chunks, open_judge
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.scan.write_tables import Counts, open_tables
from airflow_provider_claude.store import (
    RunFolder,
    ScanRecord,
    SplitRecord,
    SplitsRecord,
    read_record,
    remove,
    write_record,
)
from airflow_provider_claude.store.parquet_files import read_batches, read_schema
from airflow_provider_claude.store.part_writer import GROUP_ROWS, Parts

_ASIDE = ("quarantine", "originals")


def split_source(
    source: RowSource, run: RunFolder, settings: ScanSettings, splits: int, *, clock: Callable[[], str]
) -> list[int]:
    """Divide the files of *source* into splits, *splits* at most and at least one, and return their numbers.

    Raises SourceError where the columns do not fit, and JobError where a scan cannot be divided.
    """
    if splits < 1:
        raise JobError(f"splits is {splits}: write 1 or more.")
    whole = _of_files(source)
    check_columns(source, settings)
    forget_mapping(run, settings.redact)
    remove(run.file("scan.json"))
    remove(run.file("splits"))
    names = [file.name for file in whole.files]
    count = max(1, min(splits, len(names)))
    bounds = [len(names) * number // count for number in range(count + 1)]
    files = [names[start:stop] for start, stop in pairwise(bounds)]
    record = SplitsRecord(**source.origin._asdict(), files=files, made_at=clock())
    write_record(run.file("splits") / "splits.json", record)
    return list(range(count))


@many_rows()
def scan_split(
    source: RowSource,
    run: RunFolder,
    number: int,
    settings: ScanSettings,
    *,
    clock: Callable[[], str],
    seen: Seen = unseen,
) -> SplitRecord:
    """Scan split *number* of *source*. A file of it that is gone counts as unreadable. *seen*: see `scan`."""
    splits = _splits(run)
    mine, split_run = _of_split(_of_files(source), splits.files[number]), _folder_of(run, number)
    remove(split_run.file("split.json"))
    settings = replace(settings, typed=source.wanted.carried)
    schemas = _schemas(settings)
    with ExitStack() as stack:
        judge = stack.enter_context(open_judge(run, settings, clock(), number))
        parts = {
            folder: stack.enter_context(
                Parts(split_run, folder, schema, settings.part_rows, always=folder == "candidates")
            )
            for folder, schema in schemas.items()
        }
        counts = Counts()
        for chunk in chunks(mine.batches()):
            row_check = RowCheck(chunk, judge)
            counts.read(row_check)
            for folder, schema in schemas.items():
                parts[folder].add(row_check.batch(folder, schema))
            seen(chunk.num_rows)
    record = SplitRecord(
        rows=counts.rows,
        changed=counts.changed,
        lost=counts.losses.rows,
        uncounted=counts.losses.uncounted,
        unreadable_files=counts.losses.files,
        unreadable=counts.losses.named,
        by_reason=dict(counts.reasons),
        flagged=dict(counts.flags),
        redacted=dict(judge.redaction.counts) if judge.redaction else {},
        gate=judge.gate.version,
        split_at=splits.made_at,
    )
    write_record(split_run.file("split.json"), record)
    return record


@many_rows()
def merge_splits(
    run: RunFolder, settings: ScanSettings, *, clock: Callable[[], str], seen: Seen = unseen
) -> ScanRecord:
    """Merge the splits of *run* into its tables, and return the record scan.json. *seen*: see `scan`.

    Raises StateError where a split is missing, or is of an earlier division.
    """
    started, splits = clock(), _splits(run)
    split_runs = [_folder_of(run, number) for number in range(len(splits.files))]
    records = [_known(split_run, splits) for split_run in split_runs]
    settings = replace(settings, typed=_typed(split_runs[0], settings))
    with open_tables(run, settings) as tables:
        for split_run, record in zip(split_runs, records, strict=True):
            for folder in _ASIDE:
                for batch in _read(split_run, folder, tables.schemas[folder]):
                    tables.add(folder, batch)
            for batch in _read(split_run, "candidates", settings.candidates):
                tables.fold(batch)
                seen(batch.num_rows)
            tables.counts.split(record)
    scanned = tables.counts.record(settings, splits.origin, started=started, finished=clock())
    write_record(run.file("scan.json"), scanned)
    return scanned


def _schemas(settings: ScanSettings) -> dict[str, pa.Schema]:
    return {"candidates": settings.candidates, **{folder: settings.schemas[folder] for folder in _ASIDE}}


def _typed(split_run: RunFolder, settings: ScanSettings) -> list[pa.Field]:
    """The carried columns that are no text, as the split at *split_run* has them: all splits have the same."""
    found = read_schema(split_run.part("candidates", 0))
    return [one for one in carried_fields(found, settings.carry) if not pa.types.is_string(one.type)]


def _folder_of(run: RunFolder, number: int) -> RunFolder:
    """Where split *number* keeps its tables: they have the layout of a run folder's."""
    return RunFolder(run.file("splits") / f"{number:05d}")


def _of_files(source: RowSource) -> Source:
    """*source*. Raises JobError for a database, whose rows are read in one snapshot."""
    if isinstance(source, Source):
        return source
    raise JobError(f"{source.path} is a database, which one task reads: write tasks=1 in Scan.")


def _of_split(source: Source, names: Sequence[str]) -> Source:
    there = {file.name: file for file in source.files}
    return replace(source, files=tuple(there.get(name) or _gone(name, source.format) for name in names))


def _gone(name: str, kind: str) -> SourceFile:
    return SourceFile(
        Lost(UnopenedError("it existed when the files were divided into splits, and no longer does")), name, name, kind
    )


def _splits(run: RunFolder) -> SplitsRecord:
    record = read_record(run.file("splits") / "splits.json", SplitsRecord)
    if record is None:
        raise StateError(f"{run} has no splits. Run the split task first.")
    return record


def _known(split_run: RunFolder, splits: SplitsRecord) -> SplitRecord:
    record = read_record(split_run.file("split.json"), SplitRecord)
    if record is None or record.split_at != splits.made_at:
        raise StateError(f"{split_run} was not scanned since the files were divided into splits. Clear its task.")
    return record


def _read(split_run: RunFolder, folder: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for path in split_run.parts(folder):
        for batch in read_batches(path, GROUP_ROWS, schema.names):
            yield batch.select(schema.names).cast(schema)
