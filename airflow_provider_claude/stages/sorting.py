"""Where each row of a chunk belongs: among the items, the duplicates, or in quarantine; and which items are in doubt."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.scan import screen
from airflow_provider_claude.core.scan.digests import input_digests
from airflow_provider_claude.core.scan.excerpt import excerpt
from airflow_provider_claude.core.scan.gate import Gate
from airflow_provider_claude.core.scan.near import Signature, signatures
from airflow_provider_claude.core.scan.normalise import Cleaned, normalise
from airflow_provider_claude.core.scan.trimming import Trimming
from airflow_provider_claude.core.scan.verdicts import Verdict, empty, oversize
from airflow_provider_claude.core.tables import DOUBT_FIELDS, DUPLICATE_FIELDS, ITEM_FIELDS, QUARANTINE_FIELDS
from airflow_provider_claude.sources.replies import bodies
from airflow_provider_claude.stages.dedupe import Index, Place
from airflow_provider_claude.stages.redaction import Redaction

#: The flag of a row that a person has released from quarantine.
RELEASED = "released"


@dataclass(frozen=True)
class Judge:
    """How rows are judged: by *gate*, but for those whose key is among *released*; where that is in doubt, by what was
    *screened*, which says by input hash whether an injection is suspected.

    A row is oversize where the texts in *columns* together, or one value of *carry*, are longer than *max_chars*. *near*: texts
    that are nearly the same are asked once. *redaction* replaces what is personal in the texts before anything looks at
    them; what is then set aside is kept as it was judged, not as it came.
    """

    gate: Gate
    columns: Sequence[str]
    carry: Sequence[str]
    max_chars: int
    released: frozenset[bytes] = frozenset()
    screened: Mapping[bytes, bool] = field(default_factory=dict)
    near: bool = False
    redaction: Redaction | None = None
    trimming: Trimming = field(default_factory=Trimming)


class Sorting:
    """One chunk of rows on their way into the three folders."""

    def __init__(self, chunk: pa.RecordBatch, judge: Judge) -> None:
        self.chunk = chunk
        self._columns, self._near, self._redaction = judge.columns, judge.near, judge.redaction
        carried = {name: chunk.column(name) for name in ("item_id", *judge.carry)}
        too_long = oversize([chunk.column(name) for name in judge.columns], carried, judge.max_chars)
        self.cleaned = _cleaned(chunk, judge.columns, too_long)
        self._judged = self.cleaned | _hidden(chunk)
        if judge.redaction:
            self._judged = judge.redaction.columns(self._judged)
            self.cleaned = {name: self._judged[name] for name in self.cleaned}
        verdicts = judge.gate.judge(self._judged)
        self.flags = _flags(chunk.column("flags").to_pylist(), verdicts.flags)
        self.suspects, self.scores = verdicts.suspects, verdicts.scores
        self.aside = dict(verdicts.set_aside)
        self._doubts: dict[int, str] = {}
        self._release(judge.released)
        self._screen(judge.screened)
        self.aside |= empty([column.texts for column in self.cleaned.values()]) | too_long | _defects(chunk)
        if judge.trimming.drops:
            self._trim(judge.trimming)
        self.places: dict[int, Place] = {}
        self.digests: dict[int, bytes] = {}

    def _trim(self, trimming: Trimming) -> None:
        """Leave out of the texts that are sent what is only judged."""
        for name, column in self.cleaned.items():
            trimmed = bodies(column.texts, replies=trimming.replies == "drop", signatures=trimming.signatures == "drop")
            self.cleaned[name] = replace(column, texts=trimmed.texts)
            for flag, rows in trimmed.changes.items():
                self.flags = _flags(self.flags, {row: [flag] for row in rows})

    @cached_property
    def raw_digests(self) -> dict[int, bytes]:
        """The digests of the texts, as they came, of the rows that are set aside."""
        digests = _digests(self.aside, [self.chunk.column(name) for name in self._columns])
        if self._redaction:
            return {row: self._redaction.digest(digest) for row, digest in digests.items()}
        return digests

    @property
    def _texts(self) -> list[pa.Array]:
        return [column.texts for column in self.cleaned.values()]

    def _keys(self) -> dict[int, bytes]:
        """What the rows that are set aside are known by from one scan to the next."""
        return {
            row: key_of(self.chunk.column("item_id")[row].as_py(), self.chunk.column("source_ref")[row].as_py(), digest)
            for row, digest in self.raw_digests.items()
        }

    def _release(self, released: frozenset[bytes]) -> None:
        if not released:
            return
        for row, key in self._keys().items():
            if key in released:
                del self.aside[row]
                self.suspects.add(row)
                self.flags[row].append(RELEASED)
        del self.raw_digests

    def _screen(self, screened: Mapping[bytes, bool]) -> None:
        """Act on what Claude said about suspects, and note those that it was not asked about."""
        doubtful = [row for row in self.suspects if row not in self.aside and RELEASED not in self.flags[row]]
        for row, key in self._doubt_keys(doubtful).items():
            suspected = screened.get(key)
            if suspected is None:
                self._doubts[row] = key.hex()
            elif suspected:
                found = screen.screened(row)
                self.flags[row].append(found.rule)
                self.aside[row] = Verdict(found.rule, found.detail, found.layer, found.score)
            else:
                self.flags[row].append(screen.HARMLESS)
                self.suspects.discard(row)

    def _doubt_keys(self, rows: list[int]) -> dict[int, bytes]:
        """What is asked about *rows* is known by: their texts before anything is left out, and what they hide, if they do."""
        keys = _digests(rows, [self._judged[name].texts for name in self.cleaned])
        if "claude_hidden" in self._judged:
            hidden = self._judged["claude_hidden"].texts
            hiding = [row for row in rows if hidden[row].is_valid]
            keys |= _digests(hiding, [column.texts for column in self._judged.values()])
        return keys

    def fold(self, index: Index) -> None:
        """Find each remaining row its place; those whose id is taken are set aside too."""
        rows = [row for row in range(self.chunk.num_rows) if row not in self.aside]
        self.digests = _digests(rows, self._texts)
        near = self._signatures(rows) if self._near else ()
        names = self.chunk.column("item_id").take(pa.array(rows, pa.int64())).to_pylist()
        places = index.fold(list(self.digests.values()), names, near)
        self.places = dict(zip(rows, places, strict=True))
        for row, place in self.places.items():
            if place.ordinal is None:
                why = "another row with this id came before, with other text."
                self.aside[row] = Verdict("duplicate_id", why)

    def _signatures(self, rows: Sequence[int]) -> list[Signature | None]:
        """The signatures of *rows*; None for a suspect, whose answer is nobody else's, and who takes nobody's."""
        found = signatures([_joined(row, self.cleaned.values()) for row in rows])
        return [None if row in self.suspects else one for row, one in zip(rows, found, strict=True)]

    def rows(self, folder: str) -> list[int]:
        """The rows of the chunk that go into *folder*, ascending."""
        if folder == "quarantine":
            return sorted(self.aside)
        if folder == "originals":
            changed = {row for column in self.cleaned.values() for rows in column.changes.values() for row in rows}
            return sorted(changed.difference(self.aside))
        twins = folder == "duplicates"
        return [
            row for row, place in self.places.items() if row not in self.aside and (place.twin is not None) == twins
        ]

    def batch(self, folder: str, schema: pa.Schema) -> pa.RecordBatch:
        rows = [] if folder == "originals" and self._redaction else self.rows(folder)
        taken = pa.array(rows, pa.int64())
        return pa.RecordBatch.from_arrays(
            [self._column(field.name, folder, rows, taken) for field in schema], schema=schema
        )

    def doubts(self) -> pa.RecordBatch:
        """The items of the chunk that nobody knows what to make of (DOUBT_FIELDS)."""
        rows = [row for row in self.rows("items") if row in self._doubts]
        names, texts = [self._doubts[row] for row in rows], [_joined(row, self._judged.values()) for row in rows]
        return pa.RecordBatch.from_arrays([pa.array(names, pa.string()), pa.array(texts, pa.string())], schema=_DOUBTS)

    def score(self, row: int) -> float:
        """How sure the gate is that *row* is hostile, 0 to 1."""
        return self.aside[row].score if row in self.aside else self.scores.get(row, 0.0)

    def excerpt(self, row: int) -> str:
        return excerpt(self._kept(name)[row].as_py() for name in self._columns)

    def _kept(self, name: str) -> pa.Array:
        """The texts of column *name* as quarantine keeps them: as they came, unless they are redacted."""
        return self._judged[name].texts if self._redaction and name in self._judged else self.chunk.column(name)

    def _column(self, name: str, folder: str, rows: list[int], taken: pa.Array) -> pa.Array:
        if name in _MADE:
            return pa.array([_MADE[name](self, row) for row in rows], MADE_TYPES[name])
        if folder not in {"quarantine", "originals"} and name in self.cleaned:
            return self.cleaned[name].texts.take(taken)
        return self._kept(name).take(taken)


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

_DOUBTS = pa.schema(DOUBT_FIELDS)

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


def _digests(rows: Iterable[int], columns: Sequence[pa.Array]) -> dict[int, bytes]:
    """The digests of *rows* of *columns*, in ascending order."""
    some = sorted(rows)
    taken = pa.array(some, pa.int64())
    return dict(zip(some, input_digests([column.take(taken) for column in columns]), strict=True))


def _joined(row: int, columns: Iterable[Cleaned]) -> str:
    """The texts of *row*, one after the other."""
    return "\n\n".join(filter(None, (column.texts[row].as_py() for column in columns)))


def _hidden(chunk: pa.RecordBatch) -> dict[str, Cleaned]:
    """What the rows of *chunk* hold that no reader of them sees, to be judged with their texts."""
    hidden = chunk.column("claude_hidden")
    return {} if hidden.null_count == len(hidden) else {"claude_hidden": normalise(hidden)}


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
    changed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)

    def add(self, sorting: Sorting) -> None:
        items = sorting.rows("items")
        self.rows += sorting.chunk.num_rows
        self.items += len(items)
        self.duplicates += len(sorting.rows("duplicates"))
        self.near += sum(sorting.places[row].near for row in sorting.rows("duplicates"))
        self.suspects += len(sorting.suspects.intersection(items))
        self.changed += len(sorting.rows("originals"))
        self.reasons.update(verdict.reason for verdict in sorting.aside.values())
        for flags in filter(None, sorting.flags):
            self.flags.update(flags)
