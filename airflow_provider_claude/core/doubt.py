"""Which rows are in doubt: the scan has found something in them, or they seem to speak to the model.

A row in doubt never shares a request, and with `placement="auto"` stands in a tool result. To be in doubt costs little, so this
is wider than what the scan sets aside or flags. The scan stores what it has found, a bit a row; whether a text speaks of the
answers to a job depends on the job, and follows from the stored text alone: every stage would find the same, and sends the same
bytes. The plan records what it has found, see `stages.requests.record_doubts`.

Patterns are RE2, matched without regard to case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.arrays import number_array
from airflow_provider_claude.job import JobSpec
from airflow_provider_claude.job.schema import walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The column of the items that says whether the scan has found anything in a row, or a person has released it.
FOUND = "scan_found"

_JUDGING = (
    r"(?:answer|respon|repl(?:y|ies)|output|return|label|classif|categori|mark|rat(?:e|ing)|tag|sentiment|verdict|score|"
    r"assess|judge|treat|decide|json|instruction|prompt)"
)
_FRAME = r"\b(?:item|element)s?\s+id\b|<\s*/?\s*(?:item|check|untrusted|data-\w+)\b|\bcheck\s+words?\b"

#: A text without any of this speaks to no model.
_SPEAKS = rf"\b{_JUDGING}|{_FRAME}"


class Doubts:
    """Finds the rows of a job that are in doubt."""

    def __init__(self, spec: JobSpec, columns: Sequence[str]) -> None:
        """*columns*: those that the prompt needs."""
        self._texts = columns
        labels = (rf"(?:^|\W){re.escape(label)}(?:\W|$)" for label in sorted(set(_labels(spec.schema))))
        self._answers = "|".join([_FRAME, *labels])
        self.columns = (FOUND, *columns)

    def rows(self, batch: pa.RecordBatch) -> list[bool]:
        """For each row of *batch*, which has `columns`, whether it is in doubt."""
        doubted: list[bool] = batch.column(FOUND).to_pylist()
        for row in speaking(batch, self._texts, self._answers):
            doubted[row] = True
        return doubted


class RecordedDoubts:
    """Knows which rows of a run are in doubt, by their ordinals."""

    columns = ("ordinal",)

    def __init__(self, rows: Sequence[bool] | NDArray[Any]) -> None:
        self._rows = np.asarray(rows, dtype=bool)

    @classmethod
    def of_bits(cls, bits: bytes) -> Self:
        """Those that `bits` has made."""
        return cls(np.unpackbits(np.frombuffer(bits, "u1"), bitorder="little"))

    @property
    def bits(self) -> bytes:
        """A bit a row, eight of them a byte."""
        return np.packbits(self._rows, bitorder="little").tobytes()

    def rows(self, batch: pa.RecordBatch) -> list[bool]:
        """For each row of *batch*, which has `columns`, whether it is in doubt."""
        found: list[bool] = self._rows[np.from_dlpack(batch.column("ordinal"))].tolist()
        return found


def speaking(batch: pa.RecordBatch, columns: Iterable[str], about: str) -> Iterator[int]:
    """The rows of *batch* in one of whose *columns* a text seems to speak to a model, and matches the pattern *about*."""
    for name in columns:
        rows = _where(batch.column(name), about)
        if rows:
            texts = batch.column(name).take(number_array(rows, pa.int64()))
            yield from (rows[place] for place in _where(texts, _SPEAKS))


def _where(texts: pa.Array, pattern: str) -> list[int]:
    hits = pc.match_substring_regex(texts, pattern, ignore_case=True)
    found: list[int] = pc.indices_nonzero(hits).to_pylist()
    return found


def _labels(schema: Mapping[str, Any]) -> Iterator[str]:
    """The words that an answer can choose from."""
    for _, node in walk(schema, schema):
        words = [*node.get("enum", ()), node.get("const")]
        yield from (word for word in words if isinstance(word, str) and len(word) > 1)
