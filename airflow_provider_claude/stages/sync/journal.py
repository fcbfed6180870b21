"""The answers of the sync lane, written as they come: an answer counts once it is here.

On a local disk each worker appends to a file of its own; an object store takes the answers in parts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from airflow_provider_claude.store import ShardFolder, is_local, remove, write_bytes
from airflow_provider_claude.store.access import create_file

_PART = re.compile(r"(\d+)\.answers\.(\d+)(?:\.(\d+))?\.jsonl")

#: An object store takes a part at most this often, in seconds: what was answered meanwhile is in one file.
PART_SECONDS = 2.0


class Journal:
    """The answers that the holder of lease *number* gets for attempt *attempt*."""

    def __init__(self, shard: ShardFolder, attempt: int, number: int) -> None:
        self._shard = shard
        self._name = f"{attempt}.answers.{number}"
        self._parts = self._size = 0
        self.local = is_local(shard.path)

    def write(self, lines: Sequence[bytes]) -> None:
        """Write result lines, each without its end; on disk when this returns.

        If it fails, nothing counts as written: the next write replaces the incomplete one.
        """
        data = b"".join(line + b"\n" for line in lines)
        if not self.local:
            write_bytes(self._shard.file(f"{self._name}.{self._parts + 1:06d}.jsonl"), data)
            self._parts += 1
            return
        path = Path(self._shard.file(f"{self._name}.jsonl").path)
        with path.open("r+b") if self._size else os.fdopen(create_file(path), "wb") as stream:
            stream.truncate(self._size)
            stream.seek(self._size)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        self._size += len(data)


def read_journals(shard: ShardFolder, attempt: int) -> Iterator[bytes]:
    """All lines of *attempt*, those of the first worker first. The last line of a worker may be cut off."""
    for name in _names(shard, attempt):
        path = shard.file(name)
        with path.fs.open(path.path, "rb") as stream:
            yield from (line.rstrip(b"\n") for line in stream)


def discard_journals(shard: ShardFolder, attempt: int) -> None:
    """Remove them: their lines are among the results."""
    for name in _names(shard, attempt):
        remove(shard.file(name))


def _names(shard: ShardFolder, attempt: int) -> list[str]:
    found = [match for match in map(_PART.fullmatch, shard.names()) if match and int(match[1]) == attempt]
    return [match[0] for match in sorted(found, key=lambda match: (int(match[2]), int(match[3] or 0)))]
