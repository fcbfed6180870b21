"""Which items share a request: those with the same values in the isolation columns that nothing is said against."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

import pyarrow as pa

from airflow_provider_claude.core.packing.pack_encoder import ELEMENT_BYTES
from airflow_provider_claude.core.packing.pack_exclusions import PackExclusions
from airflow_provider_claude.core.packing.packer import Packer
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.job import JobSpec

_T = TypeVar("_T")


class Pack(NamedTuple, Generic[_T]):
    """The items of one request. *alone*: its one item may not share a request."""

    items: list[_T]
    alone: bool


class PackSorter(Generic[_T]):
    """Sorts items, as they are read, into packs. Resident are the packs that are not full yet, see `Packer`."""

    def __init__(self, spec: JobSpec, packing: Packing, columns: Sequence[str], *, items: int | None = None) -> None:
        """*columns*: those that the prompt needs. *items*: the most of a request, None for what *packing* says."""
        self._by = packing.by
        self._exclusions = PackExclusions(spec, columns)
        self._packer: Packer[_T] = Packer(items=items or packing.items, size=packing.bytes)
        self.columns = tuple(dict.fromkeys(("ordinal", *self._exclusions.columns, *packing.by)))

    def add(
        self, batch: pa.RecordBatch, items: Iterable[_T], sizes: Sequence[int], alone: Container[int] = ()
    ) -> Iterator[Pack[_T]]:
        """The packs that are full with the rows of *batch*, which has `columns`.

        *items* stand for its rows in the packs; their messages have *sizes* bytes. Those of *alone*, by ordinal, share no
        request.
        """
        for key, item, size in zip(self._keys(batch, alone), items, sizes, strict=True):
            for pack in self._packer.add(key, item, size + ELEMENT_BYTES):
                yield Pack(pack, alone=key is None)

    def rest(self) -> Iterator[Pack[_T]]:
        """The packs that are not full, after the last row."""
        return (Pack(pack, alone=False) for pack in self._packer.rest())

    def _keys(self, batch: pa.RecordBatch, alone: Container[int]) -> list[tuple[str, ...] | None]:
        """What the items of a request have in common, an entry a row. None for a row that is asked alone: *alone* has its
        ordinal, it is excluded, or an isolation column has no value.
        """
        values = [_texts(batch.column(name)) for name in self._by]
        keys = list(zip(*values, strict=True)) if values else [()] * batch.num_rows
        ordinals = batch.column("ordinal").to_pylist()
        return [
            None if excluded or ordinal in alone or None in key else key
            for excluded, ordinal, key in zip(self._exclusions.rows(batch), ordinals, keys, strict=True)
        ]


def _texts(column: pa.Array) -> list[str | None]:
    return [None if value is None else str(value) for value in column.to_pylist()]
