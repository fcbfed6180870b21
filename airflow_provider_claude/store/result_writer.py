"""The raw results of an attempt are written as result lines of the API, compressed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import pyarrow as pa

from airflow_provider_claude.store.files import atomic_output

if TYPE_CHECKING:
    from upath import UPath


@contextmanager
def write_results(path: UPath) -> Iterator[pa.NativeFile]:
    """A stream for the lines of the results file *path*, which is there once the block has ended well."""
    with atomic_output(path) as stream, compressed(stream) as out:
        yield out


def compressed(stream: IO[bytes]) -> pa.NativeFile:
    """A stream that compresses result lines into *stream*."""
    return pa.CompressedOutputStream(pa.PythonFile(stream, "w"), "zstd")
