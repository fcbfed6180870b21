"""The third layer of the gate: what the classifier's scores mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.arrays import array
from airflow_provider_claude.core.scan import classifier
from airflow_provider_claude.core.scan.findings import Finding, Severity
from airflow_provider_claude.core.scan.folding import fold

_SAYS = "the text reads like one that speaks to a model"
_CONFIRMED = "a rule has doubts about the text, and it reads like one that speaks to a model"


_OTHER_LETTERS = re.compile(r"[^\x00-\u024f]+")


@dataclass(frozen=True)
class Learned:
    """Findings of high severity from *quarantine_score* on, of medium severity from *flag_score* on, a trace from *doubt_score*
    on.

    Where a rule has doubts, *confirm_score* is enough for high severity, or what the rule asks for if that is more: two
    layers that know nothing of each other hardly ever err together. The model has learned from few honest texts in other
    scripts than the Latin one; of those it is never sure by itself.
    """

    quarantine_score: float
    flag_score: float
    confirm_score: float
    doubt_score: float

    @property
    def version(self) -> str:
        """The version of the model."""
        return classifier.load().version

    def find(self, texts: pa.Array, rows: Sequence[int], *, doubted: Mapping[int, float]) -> Iterator[Finding]:
        """What there is to say about the folded strings *texts*, each of one of *rows*. *doubted*: the rows that a rule has
        doubts about, and the least score that confirms it.
        """
        scores = classifier.load().scores(texts)
        least = min(self.quarantine_score, self.flag_score, self.confirm_score, self.doubt_score)
        for offset in np.flatnonzero(scores >= least).tolist():
            exact, score = float(scores[offset]), round(float(scores[offset]), 4)
            severity, by = self._severity(exact), f"by a score of {score:.2f}"
            if severity == "high" and not self._knows(texts[offset].as_py()):
                severity = "medium"
            if severity is not None:
                yield Finding(offset, "classifier", "reads_like_injection", severity, score, f"{_SAYS}, {by}")
            if severity != "high" and exact >= max(self.confirm_score, doubted.get(rows[offset], inf)):
                yield Finding(offset, "classifier", "confirmed_doubt", "high", score, f"{_CONFIRMED}, {by}")

    def offset(self, text: str) -> int | None:
        """Where in *text* (characters from its beginning, about) is what reads most like an attack."""
        return classifier.load().offset(fold(array([text], pa.string()))[0].as_py())

    def _knows(self, text: str) -> bool:
        """Whether what is in Latin letters of the folded *text* is enough to be sure."""
        if text.isascii():
            return True
        latin = array([_OTHER_LETTERS.sub(" ", text)], pa.string())
        return bool(classifier.load().scores(latin)[0] >= self.quarantine_score)

    def _severity(self, score: float) -> Severity | None:
        if score >= self.quarantine_score:
            return "high"
        if score >= self.flag_score:
            return "medium"
        return "trace" if score >= self.doubt_score else None
