"""The manifest of an attempt: a row for each item that it asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.arrays import number_array, numbers_of, text_array
from airflow_provider_claude.core.requests.request_bytes import id_start

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What the manifest takes from the items, beside the columns carried along.
KEYS = ("ordinal", "item_id", "input_hash")

#: Columns with as many values as rows.
DISTINCT = frozenset({"index", "ordinal", "item_id", "input_hash", "custom_id", "request_hash"})

_ID_DIGITS = 6


def manifest_of(
    items: pa.Table,
    start: int,
    schema: pa.Schema,
    ids: pa.Array,
    hashes: bytes | bytearray,
    limits: Sequence[int],
    more: Mapping[str, pa.Array] = MappingProxyType({}),
) -> pa.Table:
    """The manifest of *items*, the first of whose shard has the ordinal *start*: each with the custom id, hash and limit of its
    request. *more* are columns of PACKED_FIELDS.
    """
    own = {
        "index": number_array(numbers_of(items["ordinal"]) - start, pa.int32()),
        "custom_id": ids,
        "request_hash": pa.Array.from_buffers(pa.binary(32), len(items), [None, pa.py_buffer(bytes(hashes))]),
        "max_tokens": number_array(limits, pa.int32()),
        **more,
    }
    return pa.table([own[name] if name in own else items[name] for name in schema.names], schema=schema)


def custom_ids(fingerprint: str, requests: NDArray[Any]) -> pa.Array:
    """The custom ids of *requests*, by their numbers; see `core.requests.request_bytes.custom_id`."""
    start = np.frombuffer(id_start(fingerprint).encode(), "u1")
    text = np.empty((len(requests), len(start) + _ID_DIGITS), "u1")
    text[:, : len(start)] = start
    for place in range(_ID_DIGITS):
        text[:, -1 - place] = requests // 10**place % 10 + ord("0")
    return text_array(text.tobytes(), text.shape[1], len(requests))
