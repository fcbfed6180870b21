"""Scan: a source, read once as a stream, becomes items, quarantine and duplicates in the run folder.

Every row of the source ends in exactly one of the three, or is counted as lost where the source is damaged:
`rows = items + quarantined + duplicates + lost`. Where lost rows cannot be counted, or a file cannot be read at all, the scan
fails, unless `unreadable_files="quarantine"` was asked for. Damaged regions stand in quarantine/, too.

Texts of items are cleaned; rows set aside hold their texts as they came. A row is a duplicate of the first item with the very
same cleaned texts, whatever its id. A row whose id is taken by an item or duplicate of *other* text is set aside
(`duplicate_id`); with the same text it is a duplicate. Rows that are set aside take no id.

Memory holds one chunk of rows and a bounded index, whatever the number of rows. scan.json is removed first and
written last: without it, the other files do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa

from airflow_provider_claude.core.memory import many_rows
from airflow_provider_claude.core.progress import Seen, unseen
from airflow_provider_claude.core.scan.flip import policy_before_flip
from airflow_provider_claude.core.scan.gate import open_gate
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.rows.batches import RowSource
from airflow_provider_claude.stages.scan.check_rows import Judge, RowCheck
from airflow_provider_claude.stages.scan.redact import forget_mapping, open_redaction
from airflow_provider_claude.stages.scan.release_rows import released_keys
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings, rules_in
from airflow_provider_claude.stages.scan.write_tables import NAMES, Tables, open_tables
from airflow_provider_claude.store import RunFolder, ScanRecord, remove, write_record

#: Rows checked at once, unless their texts reach _CHUNK_BYTES before.
_CHUNK_ROWS = 1_000
_CHUNK_BYTES = 16 << 20


@many_rows()
def scan(
    source: RowSource, run: RunFolder, settings: ScanSettings, *, clock: Callable[[], str], seen: Seen = unseen
) -> ScanRecord:
    """Read *source* into *run*, replacing any earlier scan, and return what scan.json says.

    *clock* gives the time as ISO 8601; *seen* is given the number of rows that were read, many at a time. Raises SourceError
    where the columns do not fit the source or the run folder, or where files are unreadable.
    """
    started = clock()
    check_columns(source, settings)
    settings = replace(settings, typed=source.wanted.carried)
    forget_mapping(run, settings.redact)
    remove(run.file("splits"))
    with open_tables(run, settings) as tables, open_judge(run, settings, started) as judge:
        for chunk in chunks(source.batches()):
            _scan(chunk, judge, tables, settings.candidates)
            seen(chunk.num_rows)
        if judge.redaction:
            tables.counts.redacted.update(judge.redaction.counts)
        tables.counts.gate = judge.gate.version
    record = tables.counts.record(settings, source.origin, started=started, finished=clock())
    write_record(run.file("scan.json"), record)
    return record


def _scan(chunk: pa.RecordBatch, judge: Judge, tables: Tables, candidates: pa.Schema) -> None:
    row_check = RowCheck(chunk, judge)
    tables.counts.read(row_check)
    for folder in ("quarantine", "originals"):
        tables.add(folder, row_check.batch(folder, tables.schemas[folder]))
    tables.fold(row_check.batch("candidates", candidates))


@contextmanager
def open_judge(run: RunFolder, settings: ScanSettings, now: str, part: int = 0) -> Iterator[Judge]:
    """How the rows of part *part* of a scan into *run* are checked."""
    with open_redaction(run, settings.redact, now, part) as redaction:
        yield Judge(
            gate=open_gate(
                policy_before_flip(settings.policy) if settings.flip else settings.policy,
                rules_in(settings.policy.rule_folders),
                settings.closing_tags,
                settings.confidential,
                settings.labels,
                named=bool(settings.flip),
            ),
            columns=settings.text_columns,
            carry=settings.carry,
            max_chars=settings.max_chars,
            released=released_keys(run),
            trimming=settings.trimming,
            flip=bool(settings.flip),
            redaction=redaction,
        )


def check_columns(source: RowSource, settings: ScanSettings) -> None:
    """Raises SourceError where *settings* names columns that *source* was not opened with, or that we need the names of."""
    columns = settings.columns
    if not settings.text_columns:
        raise SourceError(f"columns is empty: write at least one of {', '.join(source.columns)}, as job.columns does.")
    if missing := [name for name in columns if name not in source.columns]:
        raise SourceError(f"{source.path} was opened without {', '.join(missing)}; with {', '.join(source.columns)}.")
    if clash := [name for name in columns if name in NAMES or name.startswith("claude_")]:
        raise SourceError(
            f"{source.path} has columns with names the run folder needs: {', '.join(clash)}. Rename them."
        )


def chunks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows of *batches* in chunks large enough that the cost of a pass is in the rows."""
    gathered: list[pa.RecordBatch] = []
    for batch in batches:
        gathered.append(batch)
        if sum(map(len, gathered)) >= _CHUNK_ROWS or sum(one.nbytes for one in gathered) >= _CHUNK_BYTES:
            yield _drained(gathered)
    if gathered:
        yield _drained(gathered)


def _drained(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """All rows of *batches*, which is empty then, so that they are in memory once."""
    whole = pa.concat_batches(batches)
    batches.clear()
    return whole
