"""Which candidates become items: the first with their text, unless their id is taken, or Claude suspects them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array, scalar
from airflow_provider_claude.core.scan import screening
from airflow_provider_claude.core.scan.excerpt import excerpt
from airflow_provider_claude.core.scan.flip import AS_IT_IS, NOT_COMPARED, WITHOUT
from airflow_provider_claude.core.scan.near_duplicates import Signature, signatures
from airflow_provider_claude.core.scan.normalise import taken
from airflow_provider_claude.core.scan.verdicts import Verdict
from airflow_provider_claude.core.tables import (
    DOUBT_FIELDS,
    DUPLICATE_FIELDS,
    ITEM_FIELDS,
    QUARANTINE_FIELDS,
    flip_fields,
)
from airflow_provider_claude.stages.scan.find_duplicates import Assignment, Index

_TAKEN = Verdict("duplicate_id", "another row with this id came before, with other text.")


@dataclass(frozen=True)
class Fold:
    """How candidates are deduplicated: by *index*, and by *near* signatures if asked for. *columns* are their texts.

    *screened* has the verdict of the screening by the hash of a doubt, None where it is harmless; no mapping before the
    screening. *flip*: it asks the job's question twice.
    """

    index: Index
    columns: Sequence[str]
    near: bool = False
    screened: Mapping[bytes, Verdict | None] | None = None
    flip: bool = False


class Deduplication:
    """Some candidates (CANDIDATE_FIELDS) on their way into items, duplicates or quarantine."""

    def __init__(self, candidates: pa.RecordBatch, fold: Fold) -> None:
        self.batch_in, self._columns = candidates, fold.columns
        self.flags = candidates.column("flags").to_pylist()
        self.suspects = set(_true(candidates.column("scan_suspect")))
        self.aside: dict[int, Verdict] = {}
        self.screened_as: Counter[str] = Counter()
        self._flip = fold.flip
        if fold.screened is not None:
            self._screen(fold.screened)
        self.assignments = self._assigned(fold)

    def _screen(self, screened: Mapping[bytes, Verdict | None]) -> None:
        """Apply Claude's answers about suspects. A confirmed doubt that was asked twice, and not answered, is set aside."""
        for row, doubt in enumerate(self.batch_in.column("scan_doubt").to_pylist()):
            if doubt is None:
                continue
            key = bytes.fromhex(doubt)
            if key in screened:
                self._answered(row, screened[key])
            elif self._flip and NOT_COMPARED.reason in self.flags[row]:
                self.aside[row] = NOT_COMPARED

    def _answered(self, row: int, verdict: Verdict | None) -> None:
        if verdict:
            self.aside[row] = verdict
        else:
            self.suspects.discard(row)
        word = verdict.reason if verdict else screening.HARMLESS
        self.flags[row].append(word)
        self.screened_as[word] += 1

    def _assigned(self, fold: Fold) -> dict[int, Assignment]:
        """The assignments of the rows that are not set aside; a row whose id is taken is set aside."""
        rows = [row for row in range(self.batch_in.num_rows) if row not in self.aside]
        hashes, ids = (taken(self.batch_in.column(name), rows).to_pylist() for name in ("input_hash", "item_id"))
        near = self._signatures(rows) if fold.near else ()
        placed = dict(zip(rows, fold.index.fold(list(map(bytes.fromhex, hashes)), ids, near), strict=True))
        self.aside |= {row: _TAKEN for row, assignment in placed.items() if assignment.ordinal is None}
        return placed

    def _signatures(self, rows: Sequence[int]) -> list[Signature | None]:
        """The signatures of *rows*; None for a suspect, which shares its answer with no other row."""
        found = signatures(["\n\n".join(filter(None, self._texts(row))) for row in rows])
        return [None if row in self.suspects else one for row, one in zip(rows, found, strict=True)]

    def _texts(self, row: int) -> list[str | None]:
        return [self.batch_in.column(name)[row].as_py() for name in self._columns]

    def rows(self, folder: str) -> list[int]:
        """The rows that go into *folder*, ascending."""
        if folder == "quarantine":
            return sorted(self.aside)
        are_duplicates = folder == "duplicates"
        return [
            row
            for row, assignment in self.assignments.items()
            if row not in self.aside and (assignment.original is not None) == are_duplicates
        ]

    def batch(self, folder: str, schema: pa.Schema) -> pa.RecordBatch:
        rows = self.rows(folder)
        return pa.RecordBatch.from_arrays([self._column(one.name, rows) for one in schema], schema=schema)

    def doubts(self) -> pa.RecordBatch:
        """The rows to ask Claude about, including those already asked (DOUBT_FIELDS): a repeated screening asks the same."""
        screened = [row for row, verdict in self.aside.items() if verdict.layer == "screen" or verdict is NOT_COMPARED]
        asked = array(sorted([*self.rows("items"), *screened]), pa.int64())
        some = self.batch_in.take(asked)
        known = some.filter(some.column("scan_doubt").is_valid())
        if self._flip:
            return self._pairs(known)
        return pa.RecordBatch.from_arrays(
            known.select(["scan_doubt", "scan_doubt_text"]).columns, schema=pa.schema(DOUBT_FIELDS)
        )

    def _pairs(self, known: pa.RecordBatch) -> pa.RecordBatch:
        """The *known* doubts as they are sent, and without their doubtful sentences; no text twice."""
        found: dict[str, list[str | None]] = {}
        for n, (key, without) in enumerate(
            zip(*(known.column(name).to_pylist() for name in ("scan_doubt", "scan_doubt_text")), strict=True)
        ):
            found[key + AS_IT_IS] = [known.column(name)[n].as_py() for name in self._columns]
            found[key + WITHOUT] = json.loads(without)
        texts = [array([row[n] for row in found.values()], pa.string()) for n in range(len(self._columns))]
        schema = flip_fields(self._columns)
        return pa.RecordBatch.from_arrays([array(list(found), pa.string()), *texts], schema=schema)

    def excerpt(self, row: int) -> str:
        return excerpt(self._texts(row))

    def _column(self, name: str, rows: list[int]) -> pa.Array:
        if name in _MADE:
            return array([_MADE[name](self, row) for row in rows], _TYPES[name])
        if name == "scan_score" and rows and rows[0] in self.aside:
            return array([self.aside[row].score for row in rows], _TYPES[name])
        if name == "scan_text_hash":
            known = pc.coalesce(self.batch_in.column(name), self.batch_in.column("input_hash"))
            return taken(known, rows)
        if name == "claude_hidden":
            return pa.nulls(len(rows), pa.string())
        if name == "lost_rows":
            return pa.repeat(scalar(0, pa.int64()), len(rows))
        return taken(self.batch_in.column(name), rows)


#: Columns that a candidate does not have yet: how each is made for a row.
_MADE: Mapping[str, Callable[[Deduplication, int], object]] = {
    "ordinal": lambda deduplication, row: deduplication.assignments[row].ordinal,
    "duplicate_of": lambda deduplication, row: deduplication.assignments[row].original,
    "scan_near": lambda deduplication, row: deduplication.assignments[row].near,
    "scan_suspect": lambda deduplication, row: row in deduplication.suspects,
    "flags": lambda deduplication, row: deduplication.flags[row],
    "reason": lambda deduplication, row: deduplication.aside[row].reason,
    "detail": lambda deduplication, row: deduplication.aside[row].detail,
    "scan_layer": lambda deduplication, row: deduplication.aside[row].layer,
    "scan_excerpt": lambda deduplication, row: deduplication.excerpt(row),
}

_TYPES = {one.name: one.type for one in (*ITEM_FIELDS, *QUARANTINE_FIELDS, *DUPLICATE_FIELDS)}


def _true(mask: pa.BooleanArray) -> list[int]:
    return [row for row, value in enumerate(mask.to_pylist()) if value]
