"""The small records of a run folder in one file, so that who reads a run of many shards reads one file, not thousands.

Tasks of all shards write records at once, and any of them may write the pack. Nothing is lost by that: the pack is a copy, and
each record in it has the stamp that its file had in a listing (`store.files.tree`). A reader, who lists the folder anyway, takes
a record from the pack only where its file still has that stamp, and reads the file itself where it does not.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_claude.store.files import read_whole, tree, write_bytes
from airflow_provider_claude.store.store_errors import answering

if TYPE_CHECKING:
    from upath import UPath

#: Its name in the run folder.
PACK = "records.pack"

#: What is packed: the records of shards, and what each reader of a run reads first. No key is copied.
_PACKED_NAMES = re.compile(
    r"(?:shards/\d+/[^/]+|releases/\d+|(?:scan|plan|report|account|refused|at_risk|active\.\d+))\.json"
)

#: Records by their path in the run folder, each with its stamp and its bytes.
Packed = Mapping[str, tuple[str, bytes]]

#: Bytes of a record that is packed, and of all of them.
_MOST_OF_ONE, _MOST = 1_000_000, 100_000_000

#: Files that are read at once: on an object store each is a round trip.
READERS = 32

_PACKED = msgspec.msgpack.Decoder(dict[str, tuple[str, bytes]])


def read_pack(run: UPath) -> Packed:
    """What is packed in the run folder *run*; nothing where there is no pack, or it is damaged: it is only a copy."""
    try:
        return _PACKED.decode(_unpressed(read_whole(run / PACK)))
    except (FileNotFoundError, msgspec.MsgspecError, zlib.error):
        return {}


def keep_pack(run: UPath, *, every: float, now: float) -> bool:
    """Write the pack of *run*, unless it was written less than *every* seconds before *now* (epoch seconds); whether it was.

    Raises StateError for a file that is none of this package's, and the store's own error.
    """
    if now - _written_at(run / PACK) < every:
        return False
    files = tree(run)
    wanted = {
        name: stamp for name, stamp in files.items() if _PACKED_NAMES.fullmatch(name) and _size(stamp) <= _MOST_OF_ONE
    }
    before = read_pack(run) if PACK in files else {}
    found = {name: before[name] for name, stamp in wanted.items() if name in before and before[name][0] == stamp}
    fresh = _read(run, [name for name in wanted if name not in found])
    packed = found | {name: (wanted[name], data) for name, data in fresh}
    write_bytes(run / PACK, zlib.compress(msgspec.msgpack.encode(packed), level=1))
    return True


def _read(run: UPath, names: Iterable[str]) -> list[tuple[str, bytes]]:
    """The files *names* that are still there, with what is in them."""

    def one(name: str) -> list[tuple[str, bytes]]:
        with suppress(FileNotFoundError):
            return [(name, read_whole(run / name))]
        return []

    with ThreadPoolExecutor(READERS) as pool:
        return [pair for found in pool.map(one, names) for pair in found]


def _written_at(path: UPath) -> float:
    """When *path* was written (epoch seconds, by the store's clock), 0 where it was not."""
    try:
        with answering("look for", path):
            return float(path.stat().st_mtime)
    except FileNotFoundError:
        return 0.0


def _size(stamp: str) -> int:
    """The bytes of the file with *stamp*."""
    size = stamp.partition(" ")[0]
    return int(size) if size.isdecimal() else _MOST


def _unpressed(data: bytes) -> bytes:
    """At most so many bytes of what *data* unpacks to: no file of a run folder can fill the memory."""
    return zlib.decompressobj().decompress(data, _MOST)
