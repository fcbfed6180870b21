"""`reveal`: what the tokens of a redacted run stand for, as a table for joins."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from airflow_provider_claude.cli.screen import Screen, number
from airflow_provider_claude.core.report.formulas import without_formulas
from airflow_provider_claude.core.scan.pii.redaction import Cipher
from airflow_provider_claude.errors import JobError, StateError
from airflow_provider_claude.stages.scan.redact import read_mapping
from airflow_provider_claude.store import RunFolder

SCHEMA = pa.schema([pa.field(name, pa.string(), nullable=False) for name in ("token", "kind", "value")])

_WRITERS: dict[str, Callable[[IO[bytes], pa.Schema], Any]] = {".csv": pa_csv.CSVWriter, ".parquet": pq.ParquetWriter}


def _as_it_is(texts: pa.Array) -> pa.Array:
    return texts


def reveal(run: RunFolder, to: Path, cipher: Cipher, out: Screen) -> int:
    """Write token, kind and value of each token of *run* to the new file *to*. Returns the exit code.

    In CSV an apostrophe stands before values that a spreadsheet would take for formulas; Parquet has them as they were.

    Raises JobError for a name that ends otherwise, and StateError where there is such a file, no mapping, or another key.
    """
    writer_of = _WRITERS.get(to.suffix)
    if writer_of is None:
        raise JobError(f"{to} has to end in .csv or .parquet.")
    try:
        handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as e:
        raise StateError(f"{to} already exists; it was not touched.") from e
    rows = 0
    safe = without_formulas if to.suffix == ".csv" else _as_it_is
    try:
        with os.fdopen(handle, "wb") as stream, writer_of(stream, SCHEMA) as writer:
            for pairs in read_mapping(run, cipher):
                rows += len(pairs)
                columns = list(zip(*pairs, strict=True)) or [(), (), ()]
                arrays = [safe(pa.array(column, pa.string())) for column in columns]
                writer.write_table(pa.table(arrays, schema=SCHEMA))
    except BaseException:
        with suppress(FileNotFoundError):
            to.unlink()
        raise
    out.document({"run": str(run), "tokens": rows, "file": str(to)})
    out.line(f"{number(rows)} tokens written to {to}, in clear text.")
    return 0
