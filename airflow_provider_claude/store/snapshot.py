"""A run folder as it was at one moment, read with one listing and without reading any record twice.

A page that shows a run while it is on reads it again every few seconds, and a run of 500 shards has thousands of records. One
listing of the folder says which files there are, and whether one was written again since it was last read: only those are
read; and of those, what the tasks have packed into one file (store.record_pack) is taken from there. So it is right whatever is
rewritten, and whichever task packs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store.files import tree
from airflow_provider_claude.store.record_pack import PACK, READERS, Packed, read_pack
from airflow_provider_claude.store.records.reader import Reader
from airflow_provider_claude.store.records.record import decode_record, read_record

if TYPE_CHECKING:
    from upath import UPath

_R = TypeVar("_R", bound=msgspec.Struct)

#: Records that a process keeps, about 2 kB each: those of some runs of 500 shards.
_MOST_RECORDS = 20_000


_T = TypeVar("_T")


class StampedCache(Generic[_T]):
    """Values by their key, each with the stamp of the files it was made from. The *most* last used are kept. Threads share it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[str, _T]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str, stamp: str) -> _T | None:
        """The value of *key* with the stamp *stamp*, None where it is not kept."""
        with self._lock:
            known = self._kept.get(key)
            if known is None or known[0] != stamp:
                return None
            self._kept.move_to_end(key)
            return known[1]

    def keep(self, key: str, stamp: str, value: _T) -> None:
        with self._lock:
            self._kept[key] = (stamp, value)
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


def record_cache(most: int = _MOST_RECORDS) -> StampedCache[Any]:
    """A cache for the records of snapshots."""
    return StampedCache(most)


class Snapshot(Reader):
    """What is below *root*, as one listing found it. Records are taken from *cache* where their file has not changed."""

    def __init__(self, root: UPath, cache: StampedCache[Any]) -> None:
        self._root = str(root).rstrip("/")
        self._path, self._cache = root, cache
        self.files = tree(root)
        self._folders: dict[str, set[str]] = {}
        for name in self.files:
            self._add(name)

    def __repr__(self) -> str:
        return f"<Snapshot of {self._root}, {len(self.files)} files>"

    def read(self, path: UPath, kind: type[_R]) -> _R | None:
        """See `read_record`."""
        name = self._name(path)
        stamp = self.files.get(name)
        if stamp is None:
            return None
        key = f"{self._root}/{name} {kind.__name__}"
        record: _R | None = self._cache.get(key, stamp)
        if record is None and (record := self._read(path, name, kind)) is not None:
            self._cache.keep(key, stamp, record)
        return record

    def _read(self, path: UPath, name: str, kind: type[_R]) -> _R | None:
        """The record in the file *name*, from the pack where that has the file as it is."""
        stamp, data = self._packed.get(name, ("", b""))
        return decode_record(path, kind, data) if stamp == self.files[name] else read_record(path, kind)

    @cached_property
    def _packed(self) -> Packed:
        """The pack, where the process has not seen it yet: what it has taken from one is in the cache."""
        stamp, key = self.files.get(PACK), f"{self._root}/{PACK}"
        if stamp is None or self._cache.get(key, stamp) is not None:
            return {}
        self._cache.keep(key, stamp, PACK)
        return read_pack(self._path)

    def stamp(self, folder: str) -> str:
        """What differs once a file directly in *folder*, a path in the root, is new, written again or gone."""
        names = sorted(self._folders.get(folder, ()))
        return " ".join(f"{name} {self.files.get(f'{folder}/{name}', '')}" for name in names)

    def read_ahead(self, wanted: Iterable[tuple[str, type[msgspec.Struct]]]) -> None:
        """Read the records that are *wanted* and not kept, several at once. A damaged one raises where it is used."""
        missing = [pair for pair in wanted if not self._is_kept(*pair)]
        if missing:
            _ = self._packed  # now, and not by each of the threads
            with ThreadPoolExecutor(READERS) as pool:
                list(pool.map(lambda pair: self._read_quietly(*pair), missing))

    def _is_kept(self, name: str, kind: type[msgspec.Struct]) -> bool:
        return self._cache.get(f"{self._root}/{name} {kind.__name__}", self.files[name]) is not None

    def _read_quietly(self, name: str, kind: type[msgspec.Struct]) -> None:
        with suppress(StateError):
            self.read(self._path / name, kind)

    def names(self, directory: UPath) -> list[str]:
        """See `list_names`."""
        return sorted(self._folders.get(self._name(directory), ()))

    def _add(self, name: str) -> None:
        """Enter *name* in its folder, and that in its own."""
        while name:
            folder, _, last = name.rpartition("/")
            known = self._folders.setdefault(folder, set())
            if last in known:
                return
            known.add(last)
            name = folder

    def _name(self, path: UPath) -> str:
        return str(path)[len(self._root) + 1 :]
