"""Parquet files. Columns of other types become text as Arrow casts them; binary columns are decoded as UTF-8."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.charset import decode
from airflow_provider_claude.sources.files import SourceFile, is_broken_content
from airflow_provider_claude.sources.rows import Wanted, batches_of, missing_id, region


def columns(file: SourceFile) -> list[str] | None:
    """The names of its columns, None where *file* cannot be read."""
    try:
        with file.open() as stream:
            return list(pq.read_schema(stream).names)
    except Exception as e:
        if not is_broken_content(e):
            raise
        return None


def batches(file: SourceFile, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    """The rows of *file*; where it is corrupt, those before the damage and one defect for the rest."""
    done = 0
    try:
        with file.open() as stream:
            if not stream.read(1):
                return
            parquet = pq.ParquetFile(stream, pre_buffer=False)
            _check_types(parquet.schema_arrow, file, wanted)
            for table in parquet.iter_batches(wanted.batch_rows, columns=wanted.with_id, use_threads=False):
                batch = _source_batch(table, file, done, wanted)
                yield batch
                done += batch.num_rows
    except Exception as e:
        if not is_broken_content(e):
            raise
        what = f"the file cannot be read as Parquet from row {done + 1} on ({_first_line(e)})."
        yield from batches_of([region(f"{file.name}#{done + 1}", "unreadable_file", what, None)], wanted)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


def _check_types(schema: pa.Schema, file: SourceFile, wanted: Wanted) -> None:
    for name in wanted.with_id:
        kind = schema.field(name).type
        try:
            _text(pa.nulls(0, kind))
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as e:
            raise SourceError(f"Column {name!r} of {file.name} is {kind}, which is no text: leave it out.") from e


def _source_batch(table: pa.RecordBatch, file: SourceFile, start: int, wanted: Wanted) -> pa.RecordBatch:
    rows = table.num_rows
    guessed = [False] * rows
    texts = {name: _decoded(table.column(name), guessed) for name in wanted.with_id}
    refs = pa.array([f"{file.name}#{n}" for n in range(start + 1, start + rows + 1)], pa.string())
    ids, defects = _ids(texts, refs, wanted)
    flags = pa.array([["charset_guessed"] if guess else [] for guess in guessed], pa.list_(pa.string()))
    return pa.RecordBatch.from_arrays(
        [
            *(ids, refs, defects, flags, pa.nulls(rows, pa.string()), pa.repeat(pa.scalar(0, pa.int64()), rows)),
            *(texts[name] for name in wanted.columns),
        ],
        schema=wanted.schema,
    )


def _ids(texts: dict[str, pa.Array], refs: pa.Array, wanted: Wanted) -> tuple[pa.Array, pa.Array]:
    none = pa.nulls(len(refs), pa.string())
    if wanted.id_column is None:
        return refs, none
    ids = texts[wanted.id_column]
    missing = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(ids), ""), fill_value=True)
    return pc.if_else(missing, None, ids), pc.if_else(missing, missing_id(wanted.id_column), none)


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return pc.cast(column, pa.string())


def _decoded(column: pa.Array, guessed: list[bool]) -> pa.Array:
    """*column* as text. Marks in *guessed* the rows whose bytes were not UTF-8."""
    try:
        text = _text(column)
        text.validate(full=True)
    except pa.ArrowInvalid:
        return _decoded_one_by_one(column, guessed)
    return text


def _decoded_one_by_one(column: pa.Array, guessed: list[bool]) -> pa.Array:
    texts: list[str | None] = []
    for row, data in enumerate(pc.cast(column, pa.binary()).to_pylist()):
        text, guess = (None, ()) if data is None else decode(data)
        guessed[row] |= bool(guess)
        texts.append(text)
    return pa.array(texts, pa.string())
