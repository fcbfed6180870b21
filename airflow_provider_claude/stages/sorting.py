"""Where each row of a chunk belongs: among the items, the duplicates, or in quarantine."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.scan.digests import input_digests
from airflow_provider_claude.core.scan.excerpt import excerpt
from airflow_provider_claude.core.scan.gate import Gate
from airflow_provider_claude.core.scan.near import Signature, signatures
from airflow_provider_claude.core.scan.normalise import Cleaned, normalise
from airflow_provider_claude.core.scan.verdicts import Verdict, empty, oversize
from airflow_provider_claude.core.tables import DUPLICATE_FIELDS, ITEM_FIELDS, QUARANTINE_FIELDS
from airflow_provider_claude.stages.dedupe import Index, Place

#: The flag of a row that a person has released from quarantine.
RELEASED = "released"


@dataclass(frozen=True)
class Judge:
    """How rows are judged: by *gate*, but for those whose key is among *released*.

    A row is oversize where the texts in *columns* together, or one value of *carry*, are longer than *max_chars*. *near*: texts
    that are nearly the same are asked once.
    """

    gate: Gate
    columns: Sequence[str]
    carry: Sequence[str]
    max_chars: int
    released: frozenset[bytes] = frozenset()
    near: bool = False


class Sorting:
    """One chunk of rows on their way into the three folders."""

    def __init__(self, chunk: pa.RecordBatch, judge: Judge) -> None:
        self.chunk = chunk
        self._columns, self._near = judge.columns, judge.near
        carried = {name: chunk.column(name) for name in ("item_id", *judge.carry)}
        too_long = oversize([chunk.column(name) for name in judge.columns], carried, judge.max_chars)
        self.cleaned = _cleaned(chunk, judge.columns, too_long)
        verdicts = judge.gate.judge(self.cleaned)
        self.flags = _flags(chunk.column("flags").to_pylist(), verdicts.flags)
        self.suspects, self.scores = verdicts.suspects, verdicts.scores
        self.aside = dict(verdicts.set_aside)
        self._release(judge.released)
        self.aside |= empty([column.texts for column in self.cleaned.values()]) | too_long | _defects(chunk)
        self.places: dict[int, Place] = {}
        self.digests: dict[int, bytes] = {}

    @cached_property
    def raw_digests(self) -> dict[int, bytes]:
        """The digests of the texts, as they came, of the rows that are set aside."""
        rows = sorted(self.aside)
        taken = pa.array(rows, pa.int64())
        return dict(
            zip(rows, input_digests([self.chunk.column(name).take(taken) for name in self._columns]), strict=True)
        )

    def _release(self, released: frozenset[bytes]) -> None:
        if not released or not self.aside:
            return
        ids, refs = (self.chunk.column(name).to_pylist() for name in ("item_id", "source_ref"))
        for row in [row for row, digest in self.raw_digests.items() if key_of(ids[row], refs[row], digest) in released]:
            del self.aside[row]
            self.suspects.add(row)
            self.flags[row].append(RELEASED)
        del self.raw_digests

    def fold(self, index: Index) -> None:
        """Find each remaining row its place; those whose id is taken are set aside too."""
        rows = [row for row in range(self.chunk.num_rows) if row not in self.aside]
        taken = pa.array(rows, pa.int64())
        digests = input_digests([column.texts.take(taken) for column in self.cleaned.values()])
        near = self._signatures(rows) if self._near else ()
        places = index.fold(digests, self.chunk.column("item_id").take(taken).to_pylist(), near)
        self.digests = dict(zip(rows, digests, strict=True))
        self.places = dict(zip(rows, places, strict=True))
        for row, place in self.places.items():
            if place.ordinal is None:
                why = "another row with this id came before, with other text."
                self.aside[row] = Verdict("duplicate_id", why)

    def _signatures(self, rows: Sequence[int]) -> list[Signature | None]:
        """The signatures of *rows*; None for a suspect, whose answer is nobody else's, and who takes nobody's."""
        texts = [
            "\n".join(filter(None, (column.texts[row].as_py() for column in self.cleaned.values()))) for row in rows
        ]
        found = signatures(texts)
        return [None if row in self.suspects else one for row, one in zip(rows, found, strict=True)]

    def rows(self, folder: str) -> list[int]:
        """The rows of the chunk that go into *folder*, ascending."""
        if folder == "quarantine":
            return sorted(self.aside)
        twins = folder == "duplicates"
        return [
            row for row, place in self.places.items() if row not in self.aside and (place.twin is not None) == twins
        ]

    def batch(self, folder: str, schema: pa.Schema) -> pa.RecordBatch:
        rows = self.rows(folder)
        taken = pa.array(rows, pa.int64())
        return pa.RecordBatch.from_arrays(
            [self._column(field.name, folder, rows, taken) for field in schema], schema=schema
        )

    def score(self, row: int) -> float:
        """How sure the gate is that *row* is hostile, 0 to 1."""
        return self.aside[row].score if row in self.aside else self.scores.get(row, 0.0)

    def excerpt(self, row: int) -> str:
        return excerpt(self.chunk.column(name)[row].as_py() for name in self._columns)

    def _column(self, name: str, folder: str, rows: list[int], taken: pa.Array) -> pa.Array:
        if name in _MADE:
            return pa.array([_MADE[name](self, row) for row in rows], MADE_TYPES[name])
        if folder != "quarantine" and name in self.cleaned:
            return self.cleaned[name].texts.take(taken)
        return self.chunk.column(name).take(taken)


#: Columns that are not the source's: how each is made for a row.
_MADE: Mapping[str, Callable[[Sorting, int], object]] = {
    "ordinal": lambda sorting, row: sorting.places[row].ordinal,
    "input_hash": lambda sorting, row: sorting.digests[row].hex(),
    "duplicate_of": lambda sorting, row: sorting.places[row].twin,
    "scan_near": lambda sorting, row: sorting.places[row].near,
    "reason": lambda sorting, row: sorting.aside[row].reason,
    "detail": lambda sorting, row: sorting.aside[row].detail,
    "scan_layer": lambda sorting, row: sorting.aside[row].layer,
    "scan_score": lambda sorting, row: sorting.score(row),
    "scan_excerpt": lambda sorting, row: sorting.excerpt(row),
    "scan_text_hash": lambda sorting, row: sorting.raw_digests[row].hex(),
    "flags": lambda sorting, row: sorting.flags[row],
    "scan_suspect": lambda sorting, row: row in sorting.suspects,
}

MADE_TYPES = {field.name: field.type for field in (*ITEM_FIELDS, *QUARANTINE_FIELDS, *DUPLICATE_FIELDS)}


def key_of(item_id: str | None, source_ref: str, text_digest: bytes) -> bytes:
    """What a row is known by from one scan to the next: its name, its place, and its texts as they came."""
    named = f"{len(source_ref)}:{source_ref}{item_id or ''}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text_digest + named).digest()[:16]


def _cleaned(chunk: pa.RecordBatch, text_columns: Sequence[str], left_out: Iterable[int]) -> dict[str, Cleaned]:
    """The texts of *chunk*, cleaned; null in the rows *left_out*."""
    rows = set(left_out)
    if not rows:
        return {name: normalise(chunk.column(name)) for name in text_columns}
    mask = pa.array([row not in rows for row in range(chunk.num_rows)])
    nothing = pa.scalar(None, pa.string())
    return {name: normalise(pc.if_else(mask, chunk.column(name), nothing)) for name in text_columns}


def _flags(there: list[list[str]], more: Mapping[int, list[str]]) -> list[list[str]]:
    for row, names in more.items():
        there[row] = list(dict.fromkeys([*there[row], *names]))
    return there


def _defects(chunk: pa.RecordBatch) -> dict[int, Verdict]:
    """The verdicts on rows with a defect, `<word>: <sentence>`."""
    column = chunk.column("defect")
    if column.null_count == len(column):
        return {}
    parted = {row: text.partition(": ") for row, text in enumerate(column.to_pylist()) if text is not None}
    return {row: Verdict(word, sentence) for row, (word, _, sentence) in parted.items()}


@dataclass(slots=True)
class Counts:
    rows: int = 0
    items: int = 0
    duplicates: int = 0
    suspects: int = 0
    near: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)

    def add(self, sorting: Sorting) -> None:
        items = sorting.rows("items")
        self.rows += sorting.chunk.num_rows
        self.items += len(items)
        self.duplicates += len(sorting.rows("duplicates"))
        self.near += sum(sorting.places[row].near for row in sorting.rows("duplicates"))
        self.suspects += len(sorting.suspects.intersection(items))
        self.reasons.update(verdict.reason for verdict in sorting.aside.values())
        for flags in filter(None, sorting.flags):
            self.flags.update(flags)
