"""Which rows of a chunk may become items, and which are set aside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import array, scalar
from airflow_provider_claude.core.scan.digests import input_digests
from airflow_provider_claude.core.scan.doubtful import without_doubtful
from airflow_provider_claude.core.scan.excerpt import excerpt, excerpt_at
from airflow_provider_claude.core.scan.flip import NOT_COMPARED
from airflow_provider_claude.core.scan.gate import Gate, joined
from airflow_provider_claude.core.scan.normalise import Cleaned, normalise, taken
from airflow_provider_claude.core.scan.trimming import Trimming
from airflow_provider_claude.core.scan.verdicts import Verdict, empty, oversize
from airflow_provider_claude.core.tables import CANDIDATE_FIELDS, QUARANTINE_FIELDS
from airflow_provider_claude.sources.mail.replies import Bodies, bodies
from airflow_provider_claude.stages.scan.redact import Redaction

#: The flag of a row that a person has released from quarantine.
RELEASED = "released"


@dataclass(frozen=True)
class Judge:
    """How rows are checked: by *gate*, except those whose key is among *released*.

    A row is oversize where the texts in *columns* together, or one value of *carry*, are longer than *max_chars*. *redaction*
    replaces personal data in the texts first of all; rows set aside are then kept as they were scanned,
    not as they came. *trimming* says what is scanned but not sent. *flip*: rows in doubt are asked twice.
    """

    gate: Gate
    columns: Sequence[str]
    carry: Sequence[str]
    max_chars: int
    released: frozenset[bytes] = frozenset()
    redaction: Redaction | None = None
    trimming: Trimming = field(default_factory=Trimming)
    flip: bool = False


class Doubt(NamedTuple):
    """A suspect: the hash of its scanned text, that text, and the hash of its texts as they came.

    Where rows are asked twice, *text* is the JSON of what is sent without the doubtful sentences, by column.
    """

    key: str
    text: str
    text_hash: str


class RowCheck:
    """One chunk of rows on their way to the candidates, or into quarantine."""

    def __init__(self, chunk: pa.RecordBatch, judge: Judge) -> None:
        self.chunk = chunk
        self._columns, self._redaction, self._gate = judge.columns, judge.redaction, judge.gate
        carried = {name: chunk.column(name) for name in ("item_id", *judge.carry) if _is_text(chunk, name)}
        too_long = oversize([chunk.column(name) for name in judge.columns], carried, judge.max_chars)
        self.cleaned = _cleaned(chunk, judge.columns, too_long)
        hidden = _hidden(chunk)
        self._judged = self.cleaned | hidden
        if judge.redaction:
            self._judged = judge.redaction.columns(self._judged)
            self.cleaned = {name: self._judged[name] for name in self.cleaned}
        trimmed = self._trimmed(judge.trimming) if judge.trimming.drops else {}
        noticed = chunk.column("flags").to_pylist()
        apart = {name: self._judged[name] for name in hidden} | _as_sent(trimmed)
        verdicts = judge.gate.judge(self.cleaned, noticed, apart)
        self.flags = _flags(noticed, verdicts.flags)
        self.suspects, self.scores = verdicts.suspects, verdicts.scores
        self.found = verdicts.found
        self.aside = dict(verdicts.set_aside)
        self._release(judge.released)
        self.doubts = self._in_doubt()
        self.aside |= empty([column.texts for column in self.cleaned.values()], self.flags) | too_long | _defects(chunk)
        self._leave_out(trimmed)
        if judge.flip:
            self._compare()
        self.rows = [row for row in range(chunk.num_rows) if row not in self.aside]
        self.digests = _digests(self.rows, [column.texts for column in self.cleaned.values()])

    def _trimmed(self, trimming: Trimming) -> dict[str, Bodies]:
        """The texts without the parts that are only scanned."""
        replies, signatures = trimming.replies == "drop", trimming.signatures == "drop"
        return {
            name: bodies(column.texts, replies=replies, signatures=signatures) for name, column in self.cleaned.items()
        }

    def _leave_out(self, trimmed: Mapping[str, Bodies]) -> None:
        for name, sent in trimmed.items():
            self.cleaned[name] = replace(self.cleaned[name], texts=sent.texts)
            for flag, rows in sent.changes.items():
                self.flags = _flags(self.flags, {row: [flag] for row in rows})

    def _compare(self) -> None:
        """Make the second texts of the doubts. A row of which nothing would be left, or all, cannot be compared: it stays a
        suspect, and is set aside if its doubt is confirmed.
        """
        doubts, self.doubts = self.doubts, {}
        for row, doubt in doubts.items():
            if row in self.aside:
                continue
            texts = [column.texts[row].as_py() for column in self.cleaned.values()]
            without = without_doubtful(texts, self._gate.signatures)
            if without != texts and any(text and not text.isspace() for text in without):
                self.doubts[row] = doubt._replace(text=json.dumps(without))
            elif NOT_COMPARED.reason in self.flags[row]:
                self.aside[row] = NOT_COMPARED

    def _raw(self, rows: Iterable[int]) -> dict[int, bytes]:
        """The hashes of the texts of *rows*, as they came."""
        digests = _digests(rows, [self.chunk.column(name) for name in self._columns])
        if self._redaction:
            return {row: self._redaction.digest(digest) for row, digest in digests.items()}
        return digests

    @cached_property
    def raw_digests(self) -> dict[int, bytes]:
        """The same, of the rows that are set aside."""
        return self._raw(self.aside)

    def _release(self, released: frozenset[bytes]) -> None:
        """Let through the rows that a person has released, for any reason they were set aside."""
        if not released:
            return
        ids, refs = self.chunk.column("item_id"), self.chunk.column("source_ref")
        for row, digest in self._raw({*self.aside, *self.suspects}).items():
            if key_of(ids[row].as_py(), refs[row].as_py(), digest) in released:
                self.aside.pop(row, None)
                self.suspects.add(row)
                self.found.add(row)
                self.flags[row].append(RELEASED)

    def _in_doubt(self) -> dict[int, Doubt]:
        """The suspects that no person has released."""
        rows = [row for row in self.suspects if row not in self.aside and RELEASED not in self.flags[row]]
        raw = self._raw(rows)
        return {
            row: Doubt(key.hex(), _joined(row, self._judged.values()), raw[row].hex())
            for row, key in self._doubt_keys(rows).items()
        }

    def _doubt_keys(self, rows: list[int]) -> dict[int, bytes]:
        """The key of a doubt about each of *rows*: their texts before anything is left out, and their hidden text."""
        keys = _digests(rows, [self._judged[name].texts for name in self.cleaned])
        if "claude_hidden" in self._judged:
            hidden = self._judged["claude_hidden"].texts
            hiding = [row for row in rows if hidden[row].is_valid]
            keys |= _digests(hiding, [column.texts for column in self._judged.values()])
        return keys

    def originals(self) -> list[int]:
        """The candidates that cleaning changed by more than line ends. Where texts are redacted, they are not kept."""
        changed = {row for column in self.cleaned.values() for rows in column.changes.values() for row in rows}
        return [] if self._redaction else sorted(changed.difference(self.aside))

    def batch(self, folder: str, schema: pa.Schema) -> pa.RecordBatch:
        rows = {"candidates": self.rows, "quarantine": sorted(self.aside), "originals": self.originals()}[folder]
        return pa.RecordBatch.from_arrays([self._column(one.name, folder, rows) for one in schema], schema=schema)

    def score(self, row: int) -> float:
        """How sure the gate is that *row* is hostile, 0 to 1."""
        return self.aside[row].score if row in self.aside else self.scores.get(row, 0.0)

    def text_hash(self, row: int) -> str | None:
        """The hash of the texts of *row* as they came, where it may be set aside or released."""
        if row in self.aside:
            return self.raw_digests[row].hex()
        return self.doubts[row].text_hash if row in self.doubts else None

    def excerpt(self, row: int) -> str:
        """The excerpt of *row*: the part its verdict is about, if known, else its beginning."""
        texts = [self._kept(name)[row].as_py() for name in self._columns]
        whole = "\n\n".join(filter(None, texts))
        offset = self._gate.offset(whole, self.aside[row]) if whole else None
        return excerpt(texts) if offset is None else excerpt_at(whole, offset)

    def _kept(self, name: str) -> pa.Array:
        """The texts of column *name* as quarantine keeps them: as they came, unless they are redacted."""
        return self._judged[name].texts if self._redaction and name in self._judged else self.chunk.column(name)

    def _column(self, name: str, folder: str, rows: list[int]) -> pa.Array:
        if name in _MADE:
            return array([_MADE[name](self, row) for row in rows], _TYPES[name])
        if folder == "candidates" and name in self.cleaned:
            return taken(self.cleaned[name].texts, rows)
        return taken(self._kept(name), rows)


#: Columns that are not the source's: how each is made for a row.
_MADE: Mapping[str, Callable[[RowCheck, int], object]] = {
    "input_hash": lambda row_check, row: row_check.digests[row].hex(),
    "reason": lambda row_check, row: row_check.aside[row].reason,
    "detail": lambda row_check, row: row_check.aside[row].detail,
    "scan_layer": lambda row_check, row: row_check.aside[row].layer,
    "scan_score": lambda row_check, row: row_check.score(row),
    "scan_excerpt": lambda row_check, row: row_check.excerpt(row),
    "scan_text_hash": lambda row_check, row: row_check.text_hash(row),
    "scan_doubt": lambda row_check, row: row_check.doubts[row].key if row in row_check.doubts else None,
    "scan_doubt_text": lambda row_check, row: row_check.doubts[row].text if row in row_check.doubts else None,
    "flags": lambda row_check, row: row_check.flags[row],
    "scan_suspect": lambda row_check, row: row in row_check.suspects,
    "scan_found": lambda row_check, row: row in row_check.found,
}

_TYPES = {one.name: one.type for one in (*CANDIDATE_FIELDS, *QUARANTINE_FIELDS)}


def key_of(item_id: str | None, source_ref: str, text_digest: bytes) -> bytes:
    """The key of a row from one scan to the next: its id, its position, and its texts as they came."""
    named = f"{len(source_ref)}:{source_ref}{item_id or ''}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text_digest + named).digest()[:16]


def _cleaned(chunk: pa.RecordBatch, text_columns: Sequence[str], left_out: Iterable[int]) -> dict[str, Cleaned]:
    """The texts of *chunk*, cleaned; null in the rows *left_out*."""
    rows = set(left_out)
    if not rows:
        return {name: normalise(chunk.column(name)) for name in text_columns}
    mask = array([row not in rows for row in range(chunk.num_rows)], pa.bool_())
    nothing = scalar(None, pa.string())
    return {name: normalise(pc.if_else(mask, chunk.column(name), nothing)) for name in text_columns}


def _digests(rows: Iterable[int], columns: Sequence[pa.Array]) -> dict[int, bytes]:
    """The digests of *rows* of *columns*, in ascending order."""
    some = sorted(rows)
    return dict(zip(some, input_digests([taken(column, some) for column in columns]), strict=True))


def _joined(row: int, columns: Iterable[Cleaned]) -> str:
    """The texts of *row*, one after the other."""
    return "\n\n".join(filter(None, (column.texts[row].as_py() for column in columns)))


def _hidden(chunk: pa.RecordBatch) -> dict[str, Cleaned]:
    """Text in the rows of *chunk* that their readers do not see, to be scanned with their texts."""
    hidden = chunk.column("claude_hidden")
    return {} if hidden.null_count == len(hidden) else {"claude_hidden": normalise(hidden)}


def _as_sent(trimmed: Mapping[str, Bodies]) -> dict[str, Cleaned]:
    """The texts from which something is left out, to be scanned as well: separate parts become adjacent in them."""
    changed = {row for sent in trimmed.values() for rows in sent.changes.values() for row in rows}
    if not changed:
        return {}
    texts = joined([sent.texts for sent in trimmed.values()])
    mask = array([row in changed for row in range(len(texts))], pa.bool_())
    return {"what is sent": Cleaned(pc.if_else(mask, texts, scalar(None, pa.string())), {})}


def _is_text(chunk: pa.RecordBatch, name: str) -> bool:
    return bool(pa.types.is_string(chunk.schema.field(name).type))


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
