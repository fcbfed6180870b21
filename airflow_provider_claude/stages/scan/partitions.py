"""A scan by several workers: each reads and judges a share of the files, and one folds what they bring together.

    shares/shares.json             which files are whose
    shares/00003/share.json        share 3 is judged, and what was counted
    shares/00003/candidates/       rows that become items, unless they are duplicates; beside them quarantine/, originals/

What comes out is what one scan of all files gives: rows are folded in the order of the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise

import pyarrow as pa

from airflow_provider_claude.core.memory import lean_arrow
from airflow_provider_claude.core.tables import carried_fields
from airflow_provider_claude.errors import JobError, StateError
from airflow_provider_claude.sources.files.file import SourceFile, UnopenedError
from airflow_provider_claude.sources.files.members import Lost
from airflow_provider_claude.sources.source import Source
from airflow_provider_claude.stages.scan.check_rows import RowCheck
from airflow_provider_claude.stages.scan.redact import forget_mapping
from airflow_provider_claude.stages.scan.run import check_columns, chunks, open_judge
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.stages.scan.write_tables import Counts, open_tables
from airflow_provider_claude.store import (
    RunFolder,
    ScanRecord,
    ShareRecord,
    SharesRecord,
    read_record,
    remove,
    write_record,
)
from airflow_provider_claude.store.parquet_files import read_batches, read_schema
from airflow_provider_claude.store.part_writer import GROUP_ROWS, Parts

_ASIDE = ("quarantine", "originals")


def share_out(
    source: Source, run: RunFolder, settings: ScanSettings, shares: int, *, clock: Callable[[], str]
) -> list[int]:
    """Share the files of *source* out, and return the numbers of the shares, *shares* at most and at least one.

    Raises SourceError where the columns do not fit, and JobError where a scan cannot be shared.
    """
    if shares < 1:
        raise JobError(f"shares is {shares}: write 1 or more.")
    check_columns(source, settings)
    forget_mapping(run, settings.redact)
    remove(run.file("scan.json"))
    remove(run.file("shares"))
    names = [file.name for file in source.files]
    count = max(1, min(shares, len(names)))
    bounds = [len(names) * number // count for number in range(count + 1)]
    files = [names[start:stop] for start, stop in pairwise(bounds)]
    record = SharesRecord(**source.origin._asdict(), files=files, made_at=clock())
    write_record(run.file("shares") / "shares.json", record)
    return list(range(count))


@lean_arrow()
def scan_share(
    source: Source, run: RunFolder, number: int, settings: ScanSettings, *, clock: Callable[[], str]
) -> ShareRecord:
    """Read and judge share *number* of *source*. A file of it that is gone is one that cannot be read."""
    shares = _shares(run)
    mine, place = _of_share(source, shares.files[number]), _place(run, number)
    remove(place.file("share.json"))
    settings = replace(settings, typed=source.wanted.carried)
    schemas = _schemas(settings)
    with ExitStack() as stack:
        judge = stack.enter_context(open_judge(run, settings, clock(), number))
        parts = {
            folder: stack.enter_context(Parts(place, folder, schema, settings.part_rows, always=folder == "candidates"))
            for folder, schema in schemas.items()
        }
        counts = Counts()
        for chunk in chunks(mine.batches()):
            row_check = RowCheck(chunk, judge)
            counts.read(row_check)
            for folder, schema in schemas.items():
                parts[folder].add(row_check.batch(folder, schema))
    record = ShareRecord(
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
        shared_at=shares.made_at,
    )
    write_record(place.file("share.json"), record)
    return record


@lean_arrow()
def gather(run: RunFolder, settings: ScanSettings, *, clock: Callable[[], str]) -> ScanRecord:
    """Fold the shares of *run* into its tables, and return what scan.json says.

    Raises StateError where a share is missing, or is of an earlier sharing out.
    """
    started, shares = clock(), _shares(run)
    places = [_place(run, number) for number in range(len(shares.files))]
    records = [_known(place, shares) for place in places]
    settings = replace(settings, typed=_typed(places[0], settings))
    with open_tables(run, settings) as tables:
        for place, record in zip(places, records, strict=True):
            for folder in _ASIDE:
                for batch in _read(place, folder, tables.schemas[folder]):
                    tables.add(folder, batch)
            for batch in _read(place, "candidates", settings.candidates):
                tables.fold(batch)
            tables.counts.share(record)
    scanned = tables.counts.record(settings, shares.origin, started=started, finished=clock())
    write_record(run.file("scan.json"), scanned)
    return scanned


def _schemas(settings: ScanSettings) -> dict[str, pa.Schema]:
    return {"candidates": settings.candidates, **{folder: settings.schemas[folder] for folder in _ASIDE}}


def _typed(place: RunFolder, settings: ScanSettings) -> list[pa.Field]:
    """The carried columns that are no text, as the share at *place* has them: all shares have the same."""
    found = read_schema(place.part("candidates", 0))
    return [one for one in carried_fields(found, settings.carry) if not pa.types.is_string(one.type)]


def _place(run: RunFolder, number: int) -> RunFolder:
    """Where share *number* keeps its tables: they have the layout of a run folder's."""
    return RunFolder(run.file("shares") / f"{number:05d}")


def _of_share(source: Source, names: Sequence[str]) -> Source:
    there = {file.name: file for file in source.files}
    return replace(source, files=tuple(there.get(name) or _gone(name, source.format) for name in names))


def _gone(name: str, kind: str) -> SourceFile:
    return SourceFile(
        Lost(UnopenedError("it was there when the files were shared out, and is not now")), name, name, kind
    )


def _shares(run: RunFolder) -> SharesRecord:
    record = read_record(run.file("shares") / "shares.json", SharesRecord)
    if record is None:
        raise StateError(f"{run} has no shares: its files were not shared out. Run that first.")
    return record


def _known(place: RunFolder, shares: SharesRecord) -> ShareRecord:
    record = read_record(place.file("share.json"), ShareRecord)
    if record is None or record.shared_at != shares.made_at:
        raise StateError(f"{place} was not judged since the files were shared out. Clear its task.")
    return record


def _read(place: RunFolder, folder: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for path in place.parts(folder):
        for batch in read_batches(path, GROUP_ROWS, schema.names):
            yield batch.select(schema.names).cast(schema)
