"""Files of a store that are read ahead of their reader: each costs a round trip, and some of these are under way at once."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import IO

from airflow_provider_claude.sources.files.file import SourceFile
from airflow_provider_claude.sources.files.stores import Remote

#: So many files are under way at once. A store's client may have fewer connections: botocore's has ten.
AT_ONCE = 32

#: Files of fewer bytes are read ahead; larger ones are read by their reader, so that no more than 2 MB are ahead of it.
WHOLE = 1 << 16


class Fetched:
    """The place of one file whose bytes are here."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def open(self, path: str, mode: str = "rb") -> IO[bytes]:
        return io.BytesIO(self._data)


def read_ahead(files: Sequence[SourceFile]) -> Iterator[SourceFile]:
    """*files*, in order; those of a store that are small come with their bytes.

    What cannot be read ahead, for whatever reason, is left to its reader, who meets the same error and knows what it means.
    """
    if not any(isinstance(file.fs, Remote) for file in files):
        yield from files
        return
    waiting, rest = deque[tuple[SourceFile, Future[bytes | None]]](), iter(files)
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="read-ahead")
    try:
        waiting.extend((file, pool.submit(_fetch, file)) for file in islice(rest, AT_ONCE))
        while waiting:
            file, fetched = waiting.popleft()
            data = fetched.result()
            waiting.extend((one, pool.submit(_fetch, one)) for one in islice(rest, 1))
            yield file if data is None else replace(file, fs=Fetched(data))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _fetch(file: SourceFile) -> bytes | None:
    """The bytes of *file*; None where it has more than WHOLE, lies on no store, or cannot be read."""
    if not isinstance(file.fs, Remote):
        return None
    try:
        data = bytes(file.fs.cat_file(file.path, start=0, end=WHOLE))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - its reader tries again, and says what is wrong
        return None
    return data if len(data) < WHOLE else None
