"""Scan: a source, read once as a stream, becomes items, quarantine and duplicates in the run folder.

Every row of the source ends in exactly one of the three: `rows = items + quarantined + duplicates`. Texts of items are
cleaned; rows set aside hold their texts as they came. A row is a duplicate of the first item with the very same
cleaned texts, whatever its id. A row whose id is taken by an item or duplicate of *other* text is set aside
(`duplicate_id`); with the same text it is a duplicate. Rows that are set aside take no id.

Memory holds one chunk of rows and a bounded index, whatever the number of rows. scan.json is removed first and
written last: while it is not there, what else is there does not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_claude.core.memory import lean_arrow
from airflow_provider_claude.core.scan.digests import input_digests
from airflow_provider_claude.core.scan.normalise import Cleaned, normalise
from airflow_provider_claude.core.scan.threats import RuleSet, rule_set
from airflow_provider_claude.core.scan.verdicts import Verdict, judge, oversize
from airflow_provider_claude.core.tables import DUPLICATE_FIELDS, ITEM_FIELDS, QUARANTINE_FIELDS, with_text_columns
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.source import Source
from airflow_provider_claude.stages.dedupe import Index, Place
from airflow_provider_claude.store import RunFolder, ScanRecord, atomic_output, remove, write_record

#: Rows of one row group, in all three folders.
GROUP_ROWS = 2_000

#: Rows judged at once, unless their texts reach _CHUNK_BYTES before.
_CHUNK_ROWS = 2_000
_CHUNK_BYTES = 16 << 20


@lean_arrow()
def scan(
    source: Source,
    run: RunFolder,
    *,
    text_columns: Sequence[str],
    carry: Sequence[str] = (),
    part_rows: int = 10_000,
    max_chars: int = 100_000,
    closing_tags: Sequence[str] = (),
    clock: Callable[[], str],
) -> ScanRecord:
    """Read *source* into *run*, replacing any earlier scan, and return what scan.json says.

    *text_columns* are what the job sends: cleaned, judged and compared. *carry* goes along unread, cleaned where it is
    a text column too. A row is set aside where its texts together, or one carried value, are longer than *max_chars*
    as they came. *closing_tags* are delimiters no text may close, such as `</email>`. *clock* gives the time as
    ISO 8601.

    Raises SourceError where the columns do not fit the source or the run folder.
    """
    started = clock()
    columns = _checked_columns(source, text_columns, carry)
    remove(run.file("scan.json"))
    schemas = {
        "items": with_text_columns(ITEM_FIELDS, columns),
        "quarantine": with_text_columns(QUARANTINE_FIELDS, columns),
        "duplicates": with_text_columns(DUPLICATE_FIELDS, carry),
    }
    with ExitStack() as stack:
        index = stack.enter_context(Index())
        parts = {
            folder: stack.enter_context(Parts(run, folder, schema, part_rows)) for folder, schema in schemas.items()
        }
        counts = _Counts()
        rules = rule_set(closing_tags)
        for chunk in _chunks(source.batches()):
            carried = {name: chunk.column(name) for name in ("item_id", *carry)}
            too_long = oversize([chunk.column(name) for name in text_columns], carried, max_chars)
            sorting = _Sorting(chunk, _cleaned(chunk, text_columns, too_long), too_long, rules, max_chars)
            sorting.fold(index)
            for folder, schema in schemas.items():
                parts[folder].add(sorting.batch(folder, schema))
            counts.add(sorting)
    record = ScanRecord(
        source=str(source.path),
        format=source.format,
        columns=list(text_columns),
        carry=list(carry),
        rows=counts.rows,
        items=counts.items,
        quarantined=counts.reasons.total(),
        duplicates=counts.duplicates,
        by_reason=dict(counts.reasons.most_common()),
        flagged=dict(counts.flags.most_common()),
        part_rows=part_rows,
        started_at=started,
        finished_at=clock(),
    )
    write_record(run.file("scan.json"), record)
    return record


def _checked_columns(source: Source, text_columns: Sequence[str], carry: Sequence[str]) -> list[str]:
    columns = list(dict.fromkeys([*text_columns, *carry]))
    if not text_columns:
        raise SourceError("There is no text column to scan: name at least one of " + ", ".join(source.columns) + ".")
    if missing := [name for name in columns if name not in source.columns]:
        raise SourceError(f"{source.path} was opened without {', '.join(missing)}; with {', '.join(source.columns)}.")
    if clash := [name for name in columns if name in _MADE_TYPES or name.startswith("claude_")]:
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


def _cleaned(chunk: pa.RecordBatch, text_columns: Sequence[str], left_out: Iterable[int]) -> dict[str, Cleaned]:
    """The texts of *chunk*, cleaned; null in the rows *left_out*."""
    rows = set(left_out)
    if not rows:
        return {name: normalise(chunk.column(name)) for name in text_columns}
    mask = pa.array([row not in rows for row in range(chunk.num_rows)])
    nothing = pa.scalar(None, pa.string())
    return {name: normalise(pc.if_else(mask, chunk.column(name), nothing)) for name in text_columns}


class _Sorting:
    """One chunk of rows on their way into the three folders."""

    def __init__(
        self,
        chunk: pa.RecordBatch,
        cleaned: Mapping[str, Cleaned],
        too_long: dict[int, Verdict],
        rules: RuleSet,
        max_chars: int,
    ) -> None:
        self.chunk = chunk
        self.cleaned = cleaned
        verdicts = judge(cleaned, rules, max_chars)
        self.flags = _flags(chunk.column("flags").to_pylist(), verdicts.flags)
        self.aside = verdicts.set_aside | too_long | _defects(chunk.column("defect"))
        self.places: dict[int, Place] = {}
        self.digests: dict[int, bytes] = {}

    def fold(self, index: Index) -> None:
        """Find each remaining row its place; those whose id is taken are set aside too."""
        rows = [row for row in range(self.chunk.num_rows) if row not in self.aside]
        taken = pa.array(rows, pa.int64())
        digests = input_digests([column.texts.take(taken) for column in self.cleaned.values()])
        places = index.fold(digests, self.chunk.column("item_id").take(taken).to_pylist())
        self.digests = dict(zip(rows, digests, strict=True))
        self.places = dict(zip(rows, places, strict=True))
        for row, place in self.places.items():
            if place.ordinal is None:
                self.aside[row] = Verdict("duplicate_id", "another row with this id came before, with other text.")

    def rows(self, folder: str) -> list[int]:
        """The rows of the chunk that go into *folder*, ascending."""
        if folder == "quarantine":
            return sorted(self.aside)
        twins = folder == "duplicates"
        return [
            row for row, place in self.places.items() if row not in self.aside and (place.twin is not None) == twins
        ]

    def batch(self, folder: str, schema: pa.Schema) -> pa.RecordBatch:
        rows = self.rows(folder)
        taken = pa.array(rows, pa.int64())
        return pa.RecordBatch.from_arrays(
            [self._column(field.name, folder, rows, taken) for field in schema], schema=schema
        )

    def _column(self, name: str, folder: str, rows: list[int], taken: pa.Array) -> pa.Array:
        if name in _MADE:
            return pa.array([_MADE[name](self, row) for row in rows], _MADE_TYPES[name])
        if folder != "quarantine" and name in self.cleaned:
            return self.cleaned[name].texts.take(taken)
        return self.chunk.column(name).take(taken)


#: Columns that are not the source's: how each is made for a row.
_MADE: Mapping[str, Callable[[_Sorting, int], object]] = {
    "ordinal": lambda sorting, row: sorting.places[row].ordinal,
    "input_hash": lambda sorting, row: sorting.digests[row].hex(),
    "duplicate_of": lambda sorting, row: sorting.places[row].twin,
    "reason": lambda sorting, row: sorting.aside[row].reason,
    "detail": lambda sorting, row: sorting.aside[row].detail,
    "flags": lambda sorting, row: sorting.flags[row],
}

_MADE_TYPES = {field.name: field.type for field in (*ITEM_FIELDS, *QUARANTINE_FIELDS, *DUPLICATE_FIELDS)}


def _flags(there: list[list[str]], more: Mapping[int, list[str]]) -> list[list[str]]:
    for row, names in more.items():
        there[row] = list(dict.fromkeys([*there[row], *names]))
    return there


def _defects(column: pa.Array) -> dict[int, Verdict]:
    """The verdicts on rows with a defect, `<word>: <sentence>`."""
    if column.null_count == len(column):
        return {}
    parted = {row: text.partition(": ") for row, text in enumerate(column.to_pylist()) if text is not None}
    return {row: Verdict(word, sentence) for row, (word, _, sentence) in parted.items()}


@dataclass(slots=True)
class _Counts:
    rows: int = 0
    items: int = 0
    duplicates: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)

    def add(self, sorting: _Sorting) -> None:
        self.rows += sorting.chunk.num_rows
        self.items += len(sorting.rows("items"))
        self.duplicates += len(sorting.rows("duplicates"))
        self.reasons.update(verdict.reason for verdict in sorting.aside.values())
        for flags in filter(None, sorting.flags):
            self.flags.update(flags)


class Parts:
    """The part files of one folder: *part_rows* rows each but the last, in row groups of GROUP_ROWS.

    A context manager: each part appears when it is full, the last at the end; after an error, not at all.
    """

    def __init__(self, run: RunFolder, folder: str, schema: pa.Schema, part_rows: int) -> None:
        self._run, self._folder, self._schema, self._part_rows = run, folder, schema, part_rows
        self._pending: list[pa.RecordBatch] = []
        self._number = self._written = 0
        self._part = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        remove(run.path / folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._write_group()
        self._part.__exit__(kind, error, trace)

    def add(self, batch: pa.RecordBatch) -> None:
        while batch.num_rows:
            room = min(GROUP_ROWS, self._part_rows - self._written) - sum(map(len, self._pending))
            self._pending.append(batch.slice(0, room))
            if batch.num_rows >= room:
                self._write_group()
            batch = batch.slice(room)

    def _write_group(self) -> None:
        if not self._pending:
            return
        group = pa.Table.from_batches(self._pending)
        self._pending = []
        self._open_writer().write_table(group)
        self._written += group.num_rows
        if self._written == self._part_rows:
            self._part.close()
            self._writer, self._written, self._number = None, 0, self._number + 1

    def _open_writer(self) -> Any:
        if self._writer is None:
            stream = self._part.enter_context(atomic_output(self._run.part(self._folder, self._number)))
            self._writer = self._part.enter_context(
                pq.ParquetWriter(
                    stream, self._schema, compression="zstd", use_dictionary=False, write_statistics=["ordinal"]
                )
            )
        return self._writer
