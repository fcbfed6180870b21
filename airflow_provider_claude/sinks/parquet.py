"""Answers as a Parquet dataset: `<output>/<column>=<partition>/part-00000.parquet`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.sinks.partition import Look, ManifestRecord, Partition
from airflow_provider_claude.sinks.replacing import Piece, put

if TYPE_CHECKING:
    import pandas as pd


def publish(
    parts: Sequence[UPath], schema: pa.Schema, partition: Partition, label: ManifestRecord, look: Look
) -> ManifestRecord:
    """Make *partition* hold exactly the rows of *parts*, under their own names; its manifest, with files and rows.

    Publishing twice changes nothing: where the same plan has published these parts, nothing is written. Bytes
    are copied in chunks; no part is decoded or held whole. Without parts, the partition gets one file without rows, so
    that an empty run differs from a run that did not happen. *label* is the manifest without files and rows,
    *look* what the partition holds. What is replaced is kept, see `sinks.versions`.

    Raises StateError, before anything is touched, where a part is not of *schema*.
    """
    pieces = [Piece(part, part.name, checked_rows(part, schema)) for part in parts]
    found = look.manifest
    if found is not None and look.is_whole and _is_done(found, pieces, label):
        return found
    return put(pieces, schema, partition, label, look)


def _is_done(found: ManifestRecord, pieces: Sequence[Piece], label: ManifestRecord) -> bool:
    """Whether *found* says that the same plan has published *pieces*."""
    if not found.is_of_same_plan(label) or found.restored_at:
        return False
    sizes = {piece.name: (piece.rows, piece.path.stat().st_size) for piece in pieces}
    return sizes == {file.name: (file.rows, file.bytes) for file in found.files}


def read_answers(path: UPath | Path | str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The answers under *path* (an output, a partition, a run's answers/ or one part) as a frame.

    Types stay Arrow's: money stays decimal, and whole numbers with gaps stay whole numbers. Partition columns
    come along, as text. Only *columns* are read, all where it is None.

    Where the job changed between partitions, the frame has the columns of all of them, null where a partition has none:
    see `sinks.union` for their types. Raises JobError where no type holds the values of a column.
    """
    import pandas as pd

    from airflow_provider_claude.sinks.union import open_answers  # with pyarrow.dataset, which imports pandas

    wanted = None if columns is None else list(columns)
    folder = UPath(path) if isinstance(path, str | Path) else path
    table = open_answers(folder, wanted).to_table(columns=wanted)
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def checked_rows(part: UPath, schema: pa.Schema) -> int:
    """The rows of *part*. Raises StateError where it has other columns than *schema*."""
    with part.fs.open(part.path, "rb") as stream:
        file = pq.ParquetFile(stream)
        found, rows = file.schema_arrow, int(file.metadata.num_rows)
    if not found.equals(schema):
        raise StateError(
            f"{part} has other columns than the answers of this run ({_difference(found, schema)}). It was not "
            "published: clear the load of its shard, so that all parts are of one job."
        )
    return rows


def _difference(found: pa.Schema, wanted: pa.Schema) -> str:
    pairs = {f"{f.name} {f.type}" for f in found} ^ {f"{f.name} {f.type}" for f in wanted}
    return ", ".join(sorted(pairs)) or "the same ones, in another order or nullability"
