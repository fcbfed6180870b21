"""Items are sorted into packs, as they come, by what the items of a pack have in common."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_T = TypeVar("_T")

#: So many packs are open at once, one for each value of the isolation columns; then the oldest is closed.
MAX_OPEN = 1_000


@dataclass
class _Open(Generic[_T]):
    items: list[_T] = field(default_factory=list)
    bytes: int = 0


class Packer(Generic[_T]):
    """Sorts items, as they come, into packs of at most *items* items and *size* bytes; items of a pack have the same key.

    Resident are at most MAX_OPEN open packs.
    """

    def __init__(self, *, items: int, size: int, most_open: int = MAX_OPEN) -> None:
        self._items, self._size, self._most_open = items, size, most_open
        self._packs: dict[Hashable, _Open[_T]] = {}

    def add(self, key: Hashable | None, item: _T, size: int) -> Iterator[list[_T]]:
        """The packs that are full now. Without a *key*, or with more than a pack's bytes, *item* is one by itself."""
        if key is None or size > self._size:
            yield [item]
            return
        if key in self._packs and self._packs[key].bytes + size > self._size:
            yield self._packs.pop(key).items
        pack = self._packs.setdefault(key, _Open())
        pack.items.append(item)
        pack.bytes += size
        if len(pack.items) == self._items:
            yield self._packs.pop(key).items
        elif len(self._packs) > self._most_open:
            yield self._packs.pop(next(iter(self._packs))).items

    def rest(self) -> Iterator[list[_T]]:
        """The packs that are still open, oldest first."""
        while self._packs:
            yield self._packs.pop(next(iter(self._packs))).items
