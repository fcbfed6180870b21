"""Arrow arrays from and to numbers, without pandas.

`pa.array`, `pa.scalar` and `to_numpy` import pandas, where it is installed, to look whether they are given one of its values:
half a second and 50 MB in every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray


def numbers_of(column: pa.ChunkedArray) -> NDArray[Any]:
    """The numbers of *column*, which has no nulls."""
    parts = [np.from_dlpack(chunk) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, column.type.to_pandas_dtype())


def number_array(values: Sequence[int] | NDArray[Any], kind: pa.DataType) -> pa.Array:
    """*values*, which all fit, as numbers of *kind*."""
    data = np.asarray(values, dtype=kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, len(data), [None, pa.py_buffer(np.ascontiguousarray(data))])


def text_array(data: bytes, width: int, rows: int) -> pa.Array:
    """The ASCII texts in *data*, *width* bytes each."""
    offsets = np.arange(rows + 1, dtype="<i4") * np.int32(width)
    return pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
