"""The manifest of an attempt: a row for each item that it asks."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pyarrow as pa

#: What the manifest takes from the items, beside the columns carried along.
KEYS = ("ordinal", "item_id", "input_hash")


def manifest_rows(
    batch: pa.RecordBatch,
    start: int,
    schema: pa.Schema,
    ids: list[str],
    hashes: list[bytes],
    limits: list[int],
    more: Mapping[str, pa.Array] = MappingProxyType({}),
) -> pa.RecordBatch:
    """The manifest's rows of the items of *batch*; *more* are columns of PACKED_FIELDS."""
    ordinals = batch.column("ordinal").to_pylist()
    own = {
        "index": int_array([ordinal - start for ordinal in ordinals], "<i4", pa.int32()),
        "custom_id": _ascii_array(ids),
        "request_hash": pa.Array.from_buffers(pa.binary(32), len(hashes), [None, pa.py_buffer(b"".join(hashes))]),
        "max_tokens": int_array(limits, "<i4", pa.int32()),
        **more,
    }
    return pa.record_batch([own[name] if name in own else batch.column(name) for name in schema.names], schema=schema)


# `pa.array` would import pandas: half a second and 50 MB in every process that creates.


def _ascii_array(texts: list[str]) -> pa.Array:
    offsets = np.zeros(len(texts) + 1, dtype="<i4")
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    data = "".join(texts).encode("ascii")
    return pa.Array.from_buffers(pa.string(), len(texts), [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def int_array(values: list[int], dtype: str, kind: pa.DataType) -> pa.Array:
    data = np.array(values, dtype=dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(data)])
