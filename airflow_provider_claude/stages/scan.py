"""Scan: a source, read once as a stream, becomes items, quarantine and duplicates in the run folder.

Every row of the source ends in exactly one of the three: `rows = items + quarantined + duplicates`. Texts of items are
cleaned; rows set aside hold their texts as they came. A row is a duplicate of the first item with the very same
cleaned texts, whatever its id. A row whose id is taken by an item or duplicate of *other* text is set aside
(`duplicate_id`); with the same text it is a duplicate. Rows that are set aside take no id.

Memory holds one chunk of rows and a bounded index, whatever the number of rows. scan.json is removed first and
written last: while it is not there, what else is there does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from airflow_provider_claude.core.memory import lean_arrow
from airflow_provider_claude.core.scan.gate import open_gate
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.trimming import Trimming
from airflow_provider_claude.core.tables import (
    DOUBT_FIELDS,
    DUPLICATE_FIELDS,
    ITEM_FIELDS,
    ORIGINAL_FIELDS,
    QUARANTINE_FIELDS,
    with_text_columns,
)
from airflow_provider_claude.errors import JobError, SourceError
from airflow_provider_claude.extras import need
from airflow_provider_claude.sources.source import Source
from airflow_provider_claude.stages.dedupe import Index
from airflow_provider_claude.stages.parts import Parts
from airflow_provider_claude.stages.redaction import Redacting, open_redaction
from airflow_provider_claude.stages.release import released_keys
from airflow_provider_claude.stages.screened import read_screened
from airflow_provider_claude.stages.sorting import MADE_TYPES, Counts, Judge, Sorting
from airflow_provider_claude.store import RunFolder, ScanRecord, remove, write_record

#: Rows judged at once, unless their texts reach _CHUNK_BYTES before.
_CHUNK_ROWS = 2_000
_CHUNK_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class ScanSettings:
    """How a source is scanned.

    *text_columns* are what the job sends: cleaned, judged and compared. *carry* goes along unread, cleaned where it is
    a text column too. A row is set aside where its texts together, or one carried value, are longer than *max_chars*
    as they came. *closing_tags* are delimiters no text may close, such as `</email>`. *policy* says what becomes of rows in
    which something was found, *redact* what in the texts is replaced by tokens, if anything, and *trimming* what is judged but
    not sent; *screened* is the run folder in which those that were in doubt are asked about. Rows whose texts are similar by
    *near_duplicates* (0.5 to 1) or more are asked once; None: only where they are the very same. A part file has *part_rows*
    rows. The .yar files in *rule_folders* are signatures beside the package's.
    """

    text_columns: Sequence[str]
    carry: Sequence[str] = ()
    part_rows: int = 10_000
    max_chars: int = 100_000
    closing_tags: Sequence[str] = ()
    policy: ScanPolicy = field(default_factory=ScanPolicy)
    near_duplicates: float | None = None
    screened: RunFolder | None = None
    rule_folders: Sequence[Path | str] = ()
    redact: Redacting | None = None
    trimming: Trimming = field(default_factory=Trimming)

    def __post_init__(self) -> None:
        if self.near_duplicates is None:
            return
        need("near", "near_duplicates")
        if not 0.5 <= self.near_duplicates <= 1:
            raise JobError(f"near_duplicates is {self.near_duplicates!r}: write a number from 0.5 to 1, such as 0.9.")


@lean_arrow()
def scan(source: Source, run: RunFolder, settings: ScanSettings, *, clock: Callable[[], str]) -> ScanRecord:
    """Read *source* into *run*, replacing any earlier scan, and return what scan.json says.

    *clock* gives the time as ISO 8601. Raises SourceError where the columns do not fit the source or the run folder.
    """
    started = clock()
    columns = _checked_columns(source, settings)
    remove(run.file("scan.json"))
    schemas = {
        "items": with_text_columns(ITEM_FIELDS, columns),
        "quarantine": with_text_columns(QUARANTINE_FIELDS, columns),
        "duplicates": with_text_columns(DUPLICATE_FIELDS, settings.carry),
        "originals": with_text_columns(ORIGINAL_FIELDS, settings.text_columns),
    }
    with ExitStack() as stack:
        judge = Judge(
            gate=open_gate(settings.policy, settings.closing_tags, settings.rule_folders),
            columns=settings.text_columns,
            carry=settings.carry,
            max_chars=settings.max_chars,
            released=released_keys(run),
            screened=read_screened(settings.screened) if settings.screened else {},
            near=settings.near_duplicates is not None,
            trimming=settings.trimming,
            redaction=stack.enter_context(open_redaction(run, settings.redact, started)),
        )
        index = stack.enter_context(Index(settings.near_duplicates or 1.0))
        parts = {
            folder: stack.enter_context(Parts(run, folder, schema, settings.part_rows))
            for folder, schema in schemas.items()
        }
        doubts = stack.enter_context(Parts(run, "doubts", pa.schema(DOUBT_FIELDS), settings.part_rows, always=True))
        counts = Counts()
        for chunk in _chunks(source.batches()):
            sorting = Sorting(chunk, judge)
            sorting.fold(index)
            for folder, schema in schemas.items():
                parts[folder].add(sorting.batch(folder, schema))
            doubts.add(sorting.doubts())
            counts.add(sorting)
    if judge.redaction:
        counts.redacted = judge.redaction.counts
    record = _record(source, settings, counts, started=started, finished=clock())
    write_record(run.file("scan.json"), record)
    return record


def _record(source: Source, settings: ScanSettings, counts: Counts, *, started: str, finished: str) -> ScanRecord:
    return ScanRecord(
        source=str(source.path),
        format=source.format,
        columns=list(settings.text_columns),
        carry=list(settings.carry),
        rows=counts.rows,
        items=counts.items,
        quarantined=counts.reasons.total(),
        duplicates=counts.duplicates,
        suspects=counts.suspects,
        near_duplicates=counts.near,
        changed=counts.changed,
        by_reason=dict(counts.reasons.most_common()),
        flagged=dict(counts.flags.most_common()),
        redacted=dict(counts.redacted.most_common()),
        part_rows=settings.part_rows,
        started_at=started,
        finished_at=finished,
    )


def _checked_columns(source: Source, settings: ScanSettings) -> list[str]:
    columns = list(dict.fromkeys([*settings.text_columns, *settings.carry]))
    if not settings.text_columns:
        raise SourceError("There is no text column to scan: name at least one of " + ", ".join(source.columns) + ".")
    if missing := [name for name in columns if name not in source.columns]:
        raise SourceError(f"{source.path} was opened without {', '.join(missing)}; with {', '.join(source.columns)}.")
    if clash := [name for name in columns if name in MADE_TYPES or name.startswith("claude_")]:
        raise SourceError(
            f"{source.path} has columns with names the run folder needs: {', '.join(clash)}. Rename them."
        )
    return columns


def _chunks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows of *batches* in chunks large enough that the cost of a pass is in the rows."""
    gathered: list[pa.RecordBatch] = []
    for batch in batches:
        gathered.append(batch)
        if sum(map(len, gathered)) >= _CHUNK_ROWS or sum(one.nbytes for one in gathered) >= _CHUNK_BYTES:
            yield pa.concat_batches(gathered)
            gathered = []
    if gathered:
        yield pa.concat_batches(gathered)
