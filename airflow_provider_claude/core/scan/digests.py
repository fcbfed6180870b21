"""What makes two rows the same: SHA-256 over their cleaned texts, framed so that no other texts give the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import starmap

import pyarrow as pa
import pyarrow.compute as pc


def input_digests(columns: Sequence[pa.Array]) -> list[bytes]:
    """The SHA-256 of each row over its texts in the order of *columns*: for each text its length in bytes (eight,
    little endian) and its UTF-8; for a null eight times 0xFF.
    """
    texts = (pc.cast(column, pa.binary()).to_pylist() for column in columns)
    return list(starmap(_digest, zip(*texts, strict=True)))


def _digest(*texts: bytes | None) -> bytes:
    digest = hashlib.sha256()
    for text in texts:
        if text is None:
            digest.update(b"\xff" * 8)
        else:
            digest.update(len(text).to_bytes(8, "little"))
            digest.update(text)
    return digest.digest()
