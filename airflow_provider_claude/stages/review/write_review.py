"""Writes the table of rows for people: what was sent of each, what was answered, and room for what is right."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from airflow_provider_claude.core.consistency.comparable import comparable, label
from airflow_provider_claude.core.consistency.review import head, row_name
from airflow_provider_claude.core.report.formulas import without_formulas
from airflow_provider_claude.errors import JobError, StateError
from airflow_provider_claude.stages.probes.read_answers import answers_in
from airflow_provider_claude.stages.review.choose_rows import chosen, need_answers
from airflow_provider_claude.stages.review.find_neighbours import text_columns
from airflow_provider_claude.store import PlanRecord, RunFolder
from airflow_provider_claude.store.items import read_items

#: A cell of a spreadsheet takes 32,767 characters.
_MOST_CHARS = 32_000

_WRITERS: dict[str, Callable[[IO[bytes], pa.Schema], Any]] = {".csv": pa_csv.CSVWriter, ".parquet": pq.ParquetWriter}


class Written(NamedTuple):
    """How many *rows* the table has, by the first reason of each, and what could not be looked up."""

    rows: int
    notes: list[str]


def write_review(run: RunFolder, to: Path) -> Written:
    """Write the rows of *run* to look at to the new file *to*, .csv or .parquet, which only its user can read.

    The texts are those that were sent: what was redacted stays so. In CSV, an apostrophe stands before what a spreadsheet would
    take for a formula, and texts are cut to what a cell takes.
    Raises JobError for a name that ends otherwise or an output without labels, and StateError where there is such a file or
    there are no answers.
    """
    plan, writer_of = run.need_plan(), _WRITERS.get(to.suffix)
    need_answers(run)
    if writer_of is None:
        raise JobError(f"{to} has to end in .csv or .parquet.")
    fields = list(comparable(plan.job.answer_schema))
    if not fields:
        raise JobError("The output has no label, boolean or number that a person could correct in a table.")
    why, notes = chosen(run, plan)
    answers = answers_in(run.parts("answers"), fields, list(why))
    schema = pa.schema([pa.field(name, pa.string()) for name in head(text_columns(plan), fields)])
    safe = _for_spreadsheets if to.suffix == ".csv" else _as_it_is
    rows = 0
    with _new_file(to) as stream, writer_of(stream, schema) as writer:
        for batch in _batches(run, plan, {name: why[name] for name in answers}):
            columns = _columns(batch, why, answers, fields)
            writer.write_table(pa.table([safe(pa.array(one, pa.string())) for one in columns], schema=schema))
            rows += batch.num_rows
    return Written(rows, notes)


def _as_it_is(texts: pa.Array) -> pa.Array:
    return texts


def _for_spreadsheets(texts: pa.Array) -> pa.Array:
    return without_formulas(pc.utf8_slice_codeunits(texts, 0, _MOST_CHARS))


class _new_file:  # noqa: N801 - used as a function
    """A file that only its user can read, and that is gone where the block does not end well."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> IO[bytes]:
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise StateError(f"{self._path} already exists; it was not touched.") from error
        self._stream = os.fdopen(handle, "wb")
        return self._stream

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._stream.close()
        if kind is not None:
            with suppress(FileNotFoundError):
                self._path.unlink()


def _batches(run: RunFolder, plan: PlanRecord, wanted: Mapping[str, object]) -> Iterator[pa.RecordBatch]:
    scan, names = run.need_scan(), pa.array(list(wanted), pa.string())
    for batch in read_items(run, scan, 0, scan.items, ["item_id", "input_hash", *text_columns(plan)]):
        found = batch.filter(pc.is_in(batch["item_id"], names))
        if found.num_rows:
            yield found


def _columns(
    batch: pa.RecordBatch, why: Mapping[str, Sequence[str]], answers: Mapping[str, Mapping[str, Any]], fields: list[str]
) -> Iterator[list[str | None]]:
    """The columns of the table, in the order of its head."""
    items, hashes, *texts = (column.to_pylist() for column in batch.columns)
    yield [row_name(one) for one in hashes]
    yield items
    yield ["; ".join(why[item]) for item in items]
    yield from texts
    for name in fields:
        yield [label(answers[item][name]) for item in items]
        yield [""] * len(items)
