"""One download of a batch's results: tried until it is whole, over minutes, without holding a worker.

Each incomplete look is counted in N.looks.json, so that clearing or killing the task neither loses nor repeats the count. The
best of the looks so far is N.short.jsonl.zst.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from airflow_provider_claude.core.load.answers import read_head
from airflow_provider_claude.core.requests.request_bytes import Named
from airflow_provider_claude.store import (
    IntentRecord,
)

if TYPE_CHECKING:
    from upath import UPath


#: The longest answer there is has 300,000 tokens; a longer line is not the API's, and is left out.
MAX_LINE = 16 << 20


#: Bytes that are read together: a quarter faster than a megabyte, which is new memory each time.
_CHUNK = 1 << 18


def are_of(chunks: Iterable[bytes], intent: IntentRecord) -> bool | None:
    """Whether the results that begin with *chunks* are those of *intent*; None where they are no results.

    One line is enough: all lines of a batch are of one attempt.
    """
    head = b""
    for chunk in chunks:
        head += chunk
        if b"\n" in head or len(head) > MAX_LINE:
            break
    return lines_are_of(head.split(b"\n"), intent)


def lines_are_of(lines: Iterable[bytes], intent: IntentRecord) -> bool | None:
    """Whether one of *lines* has a custom id of *intent*, which starts with its fingerprint; None where none has any id."""
    ours, named = Named(intent.fingerprint, intent.requests), False
    for line in lines:
        name, _ = read_head(line)
        if ours.add(name) is not None:
            return True
        named |= bool(name)
    return False if named else None


def read_lines(path: UPath) -> Iterator[bytes]:
    """The lines of a raw results file, without their ends. Split at newlines only: U+2028 is part of a line."""
    with (
        path.fs.open(path.path, "rb") as stream,
        pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd") as source,
    ):
        rest = b""
        while chunk := source.read(_CHUNK):
            data = rest + chunk
            *lines, rest = data.split(b"\n")
            yield from filter(None, [line.rstrip(b"\r") for line in lines] if b"\r" in data else lines)
        if rest:
            yield rest
