"""Record batches of a bounded size: large ones in pieces, small ones together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A batch with more bytes of text than this is cut, down to one row.
_MAX_BYTES = 16_000_000


def pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """*batch* in parts that share its memory and have at most _MAX_BYTES of text each, or one row."""
    if batch.num_rows <= 1 or _is_small(batch):
        yield batch
        return
    ends = np.cumsum(sum((_lengths(column) for column in batch.columns), np.zeros(batch.num_rows, np.int64)))
    start, before = 0, 0
    while start < batch.num_rows:
        stop = max(start + 1, int(np.searchsorted(ends, before + _MAX_BYTES, "right")))
        yield batch.slice(start, stop - start)
        start, before = stop, int(ends[stop - 1])


def _memory(batch: pa.RecordBatch) -> int:
    """The bytes of *batch*; of a part of a large one only its own, which takes longer to compute."""
    whole: int = batch.get_total_buffer_size()
    return whole if whole <= _MAX_BYTES else batch.nbytes


def _is_small(batch: pa.RecordBatch) -> bool:
    """Whether all its memory is less, and no dictionary value stands for many rows: decided without their lengths."""
    return batch.get_total_buffer_size() <= _MAX_BYTES and not any(map(_is_coded, batch.schema.types))


def _is_coded(kind: pa.DataType) -> bool:
    return pa.types.is_dictionary(kind) or isinstance(kind, pa.BaseExtensionType)


def joined(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """*batches* of one schema, neighbours together as long as they have no more than *rows* rows and _MAX_BYTES.

    Where the next cannot be had, those before it come first.
    """
    held: list[pa.RecordBatch] = []
    count = size = 0
    try:
        for batch in batches:
            more = _memory(batch)
            if held and (count + batch.num_rows > rows or size + more > _MAX_BYTES):
                whole, held, count, size = pa.concat_batches(held), [], 0, 0
                yield whole
                del whole
            held.append(batch)
            count, size = count + batch.num_rows, size + more
    except Exception:
        if held:
            yield pa.concat_batches(held)
        raise
    if held:
        yield pa.concat_batches(held)


def _lengths(column: pa.Array) -> NDArray[np.int64]:
    """The bytes of each value, as far as they differ."""
    if isinstance(column, pa.ExtensionArray):
        return _lengths(column.storage)
    if pa.types.is_dictionary(column.type):
        lengths = _lengths(column.dictionary)
        indexes = pc.fill_null(column.indices, 0).to_numpy(zero_copy_only=False)
        return lengths[indexes] if len(lengths) else np.zeros(len(column), np.int64)
    try:
        lengths = pc.fill_null(pc.binary_length(column), 0)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return np.full(len(column), 16, np.int64)
    return np.asarray(lengths, np.int64)
